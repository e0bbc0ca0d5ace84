#include <catch2/catch_test_macros.hpp>
#include <thread>

#include "relay_rig.hpp"
#include "support/wait.hpp"

using namespace std::chrono_literals;
using namespace holdfast;
using support::RelayRig;

TEST_CASE("relay: what is accepted arrives once, in order, and is settled", "[relay]") {
  RelayRig rig;
  rig.append_many("a", 30);
  rig.append_many("b", 30);
  static_cast<void>(rig.relay->run_once());
  CHECK(rig.count(EntryState::delivered) == 60);
  CHECK(rig.batch_sizes() == std::vector<std::size_t>{60});
  rig.everything_arrives();
}

TEST_CASE("relay: batches hold to their limit and follow each other at once", "[relay]") {
  RelayRig::Options options;
  options.destination.batch_entries = 10;
  RelayRig rig(options);
  rig.append_many("a", 25);
  const auto before = rig.clock.steady_now();
  const auto step = rig.relay->run_once();
  CHECK(step.next == before);
  static_cast<void>(rig.settle_down());
  CHECK(rig.clock.steady_now() == before);
  CHECK(rig.batch_sizes() == std::vector<std::size_t>{10, 10, 5});
  rig.everything_arrives();
}

TEST_CASE("relay: batches hold to their bytes, but hold at least one entry", "[relay]") {
  RelayRig::Options options;
  options.destination.batch_bytes = 100;
  RelayRig rig(options);
  rig.append("a", std::string(500, 'x'));
  rig.append("a", std::string(40, 'y'));
  rig.append("a", std::string(500, 'z'));
  static_cast<void>(rig.settle_down());
  CHECK(rig.batch_sizes() == std::vector<std::size_t>{1, 1, 1});
  rig.everything_arrives();
}

TEST_CASE("relay: without a destination entries wait and nothing is claimed", "[relay]") {
  RelayRig::Options options;
  options.configured = false;
  RelayRig rig(options);
  rig.append_many("a", 3);
  CHECK_FALSE(rig.relay->run_once().next);
  CHECK(rig.relay->stats().state == DestinationState::unconfigured);
  CHECK(rig.count(EntryState::pending) == 3);
}

TEST_CASE("relay: entries of a source that is not configured stay pending", "[relay]") {
  RelayRig::Options options;
  options.sources = {"a"};
  RelayRig rig(options);
  rig.append_many("gone", 2);
  rig.append_many("a", 2);
  static_cast<void>(rig.settle_down());
  CHECK(rig.count(EntryState::pending) == 2);
  CHECK(rig.count(EntryState::delivered) == 2);
}

TEST_CASE("relay: a key that the destination holds settles as delivered with duplicate_of",
          "[relay]") {
  RelayRig rig;
  Entry stored;
  stored.id.bytes[0] = 9;
  stored.source = "a";
  stored.dedupe_key = "k";
  REQUIRE(rig.destination.deliver(std::span(&stored, 1)));
  const Uuid id = rig.append("a", "again", "k");
  static_cast<void>(rig.settle_down());
  CHECK(rig.find(id).state == EntryState::delivered);
  CHECK(rig.find(id).duplicate_of == stored.id);
}

TEST_CASE("relay: an idle session is closed once idle_close has passed, by a single wake-up",
          "[relay][idle]") {
  RelayRig rig;
  CHECK(rig.relay->stats().state == DestinationState::idle);
  CHECK_FALSE(rig.relay->run_once().next);
  CHECK(rig.destination.calls().empty());
  rig.append("a", "x");
  const auto step = rig.settle_down();
  CHECK(step.next == rig.clock.steady_now() + 10s);
  CHECK(rig.relay->stats().state == DestinationState::connected);
  rig.clock.advance(9'999ms);
  static_cast<void>(rig.relay->run_once());
  CHECK(rig.destination.connected());
  rig.clock.advance(1ms);
  CHECK_FALSE(rig.relay->run_once().next);
  CHECK_FALSE(rig.destination.connected());
  CHECK(rig.relay->stats().state == DestinationState::idle);
  rig.pass_time(24h);
  CHECK(rig.destination.calls().size() == 1);
  CHECK(rig.destination.closes() == 1);
}

TEST_CASE("relay: a session that is open while the destination is paused is closed in time, too",
          "[relay][idle]") {
  RelayRig rig;
  rig.append("a", "x");
  rig.destination.fail_next(support::failure_of(DeliveryClass::config, "42P01"));
  static_cast<void>(rig.settle_down());
  CHECK(rig.destination.connected());
  rig.pass_time(10s);
  static_cast<void>(rig.relay->run_once());
  CHECK_FALSE(rig.destination.connected());
  rig.everything_arrives();
}

TEST_CASE("relay: a new relay claims again what the last one did not settle", "[relay]") {
  RelayRig rig;
  rig.append_many("a", 5);
  rig.destination.commit_in_doubt_next();
  static_cast<void>(rig.relay->run_once());
  CHECK(rig.destination.rows().size() == 5);
  CHECK(rig.count(EntryState::pending) == 5);
  rig.restart_relay();
  static_cast<void>(rig.settle_down());
  CHECK(rig.destination.rows().size() == 5);
  CHECK(rig.count(EntryState::delivered) == 5);
  rig.everything_arrives();
}

TEST_CASE("relay: stats tell what happened", "[relay][stats]") {
  RelayRig rig;
  rig.append_many("a", 3);
  rig.append_many("b", 2);
  rig.clock.advance(20s);
  auto lost = support::failure_of(DeliveryClass::connection, "", "server closed the connection");
  rig.destination.fail_next(lost);
  static_cast<void>(rig.relay->run_once());
  auto stats = rig.relay->stats();
  CHECK(stats.state == DestinationState::backing_off);
  CHECK(stats.last_error == "server closed the connection");
  CHECK(stats.last_error_at == rig.clock.wall_now());
  CHECK(stats.consecutive_failures == 1);
  CHECK_FALSE(stats.last_success);
  rig.everything_arrives();
  stats = rig.relay->stats();
  CHECK(stats.state == DestinationState::connected);
  CHECK(stats.consecutive_failures == 0);
  CHECK_FALSE(stats.retry_at);
  CHECK(stats.last_success == rig.clock.wall_now());
  CHECK(stats.last_error_at);
  CHECK(stats.connects == 2);
  CHECK(stats.delivered_by_source == std::map<std::string, std::uint64_t>{{"a", 3}, {"b", 2}});
  CHECK(stats.attempts[{"failed", "connection"}] == 1);
  CHECK(stats.attempts[{"delivered", ""}] == 2);
  std::uint64_t deliveries = 0;
  for (const auto count : stats.delivery_seconds.counts) deliveries += count;
  CHECK(deliveries == 3);
  std::uint64_t entries = 0;
  for (const auto count : stats.end_to_end_seconds.counts) entries += count;
  CHECK(entries == 5);
  CHECK(stats.end_to_end_seconds.sum >= 5 * 20.0);
}

TEST_CASE("relay: a wall clock that is set back harms nothing", "[relay]") {
  RelayRig rig;
  rig.append_many("a", 3);
  rig.clock.jump_wall(-48h);
  rig.destination.fail_next(support::failure_of(DeliveryClass::connection), 3);
  rig.everything_arrives();
  CHECK(rig.relay->stats().end_to_end_seconds.sum >= 0);
}

TEST_CASE("relay: the thread delivers when it is woken and ends when it is stopped",
          "[relay][thread]") {
  RelayRig rig;
  std::jthread thread([&](const std::stop_token& stop) { rig.relay->run(stop); });
  for (int i = 0; i < 20; ++i) {
    rig.append("a", std::to_string(i));
    rig.relay->wake();
  }
  CHECK(support::eventually([&] { return rig.count(EntryState::delivered) == 20; }, 10s));
  thread.request_stop();
  thread.join();
  CHECK_FALSE(rig.destination.connected());
  rig.everything_arrives();
}

TEST_CASE("relay: a stop in mid-delivery ends the pass, and what was not settled stays pending",
          "[relay][thread]") {
  RelayRig rig;
  rig.append_many("a", 50);
  rig.destination.stall_next();
  std::jthread thread([&](const std::stop_token& stop) { rig.relay->run(stop); });
  REQUIRE(support::eventually([&] { return rig.destination.stalled(); }, 10s));
  thread.request_stop();
  rig.destination.interrupt();
  thread.join();
  CHECK(rig.destination.calls().size() == 1);
  CHECK(rig.count(EntryState::pending) == 50);
  CHECK(rig.events("delivery_retry").empty());
  rig.restart_relay();
  rig.everything_arrives();
}
