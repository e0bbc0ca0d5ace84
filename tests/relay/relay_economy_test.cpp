#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <thread>

#include "relay/economy.hpp"
#include "relay_rig.hpp"
#include "support/wait.hpp"

/// drain = "economy": between two windows the destination hears nothing of us.
using namespace std::chrono_literals;
using namespace holdfast;
using support::failure_of;
using support::RelayRig;

namespace {

constexpr auto window = 30min;

RelayRig::Options economy(std::size_t connections = 1) {
  RelayRig::Options options;
  options.destination.drain = Drain::economy;
  options.destination.economy_window = window;
  options.connections = connections;
  return options;
}

void step_until_rest(RelayRig& rig) {
  static_cast<void>(rig.settle_down());
}

}  // namespace

TEST_CASE("relay: economy gathers from the first entry for a window, then drains all of it at once",
          "[relay][economy]") {
  RelayRig rig(economy());
  CHECK_FALSE(rig.settle_down().next);
  CHECK(rig.relay->stats().drain_window == window);
  CHECK_FALSE(rig.relay->stats().retry_at);
  const auto first = rig.clock.steady_now();
  rig.append("a", "first");
  CHECK(rig.settle_down().next == first + window);
  auto stats = rig.relay->stats();
  CHECK(stats.state == DestinationState::idle);
  CHECK(stats.retry_at == rig.clock.wall_now() + window);
  for (int i = 0; i < 29; ++i) {
    rig.pass_time(1min);
    rig.append("b", "later");
    CHECK(rig.settle_down().next == first + window);
  }
  CHECK(rig.destination.calls().empty());
  CHECK(rig.connects() == 0);
  rig.pass_time(1min);
  step_until_rest(rig);
  CHECK(rig.batch_sizes() == std::vector<std::size_t>{30});
  CHECK(rig.count(EntryState::pending) == 0);
  rig.pass_time(10s);
  CHECK_FALSE(rig.settle_down().next);
  CHECK_FALSE(rig.destination.connected());
  rig.pass_time(24h);
  CHECK(rig.connects() == 1);
  rig.everything_arrives();
}

TEST_CASE("relay: economy connects once a window", "[relay][economy]") {
  RelayRig rig(economy());
  for (int minute = 0; minute < 6 * 60; ++minute) {
    rig.append("a", std::to_string(minute));
    rig.pass_time(1min);
  }
  // Each window begins with the first entry after a drain.
  CHECK(rig.connects() == 12);
  CHECK(rig.destination.closes() >= 11);
  rig.everything_arrives();
}

TEST_CASE("relay: an entry that comes while the session is still open waits for its own window",
          "[relay][economy]") {
  RelayRig rig(economy());
  rig.append("a", "first");
  rig.pass_time(window);
  step_until_rest(rig);
  CHECK(rig.destination.connected());
  rig.pass_time(5s);
  rig.append("a", "next");
  rig.pass_time(6s);
  CHECK(rig.count(EntryState::pending) == 1);
  CHECK_FALSE(rig.destination.connected());
  CHECK(rig.relay->stats().retry_at == rig.clock.wall_now() - 6s + window);
  rig.everything_arrives();
  CHECK(rig.connects() == 2);
}

TEST_CASE(
    "relay: what is older than a window at the start is drained at once, what is younger waits",
    "[relay][economy]") {
  RelayRig rig(economy());
  rig.append("a", "x");
  rig.clock.advance(10min);
  rig.restart_relay();
  CHECK(rig.settle_down().next == rig.clock.steady_now() + 20min);
  rig.clock.advance(40min);
  rig.restart_relay();
  step_until_rest(rig);
  CHECK(rig.count(EntryState::pending) == 0);
  rig.everything_arrives();
}

TEST_CASE("relay: economy flushes early when 64 MiB were gathered", "[relay][economy][slow]") {
  RelayRig rig(economy());
  constexpr std::size_t each = relay::economy_flush_bytes / 8;
  rig.append("gone", std::string(each, 'x'));
  for (int i = 0; i < 7; ++i) {
    rig.append("a", std::string(each, 'x'));
    if (i < 6) step_until_rest(rig);
    if (i < 6) CHECK(rig.destination.calls().empty());
  }
  step_until_rest(rig);
  CHECK(rig.count(EntryState::pending) == 1);
  // What could not be delivered does not count again.
  for (int i = 0; i < 7; ++i) rig.append("a", std::string(each, 'x'));
  step_until_rest(rig);
  CHECK(rig.count(EntryState::pending) == 8);
  rig.append("a", std::string(each, 'x'));
  step_until_rest(rig);
  CHECK(rig.count(EntryState::pending) == 1);
}

TEST_CASE(
    "relay: an outage within a drain backs off as ever, and the drain ends when all is delivered",
    "[relay][economy][outage]") {
  RelayRig rig(economy());
  rig.append_many("a", 20);
  rig.destination.set_rule([](auto) { return failure_of(DeliveryClass::connection); });
  rig.pass_time(window + 10min);
  CHECK(rig.relay->stats().state == DestinationState::backing_off);
  CHECK(rig.destination.calls().size() > 10);
  rig.append("a", "goes along in a batch that is not full");
  rig.destination.heal();
  rig.pass_time(31s);
  CHECK(rig.count(EntryState::pending) == 0);
  rig.destination.forget_calls();
  rig.append("a", "for the next window");
  rig.pass_time(window - 1min);
  CHECK(rig.destination.calls().empty());
  rig.everything_arrives();
}

TEST_CASE("relay: after an outage longer than a window the next drain follows at once",
          "[relay][economy][outage]") {
  RelayRig rig(economy());
  rig.append("a", "x");
  rig.destination.set_rule([](auto) { return failure_of(DeliveryClass::connection); });
  rig.pass_time(window + 1min);
  rig.append("a", "y");
  rig.pass_time(2 * window);
  rig.destination.heal();
  rig.pass_time(31s);
  CHECK(rig.count(EntryState::pending) == 0);
  rig.everything_arrives();
}

TEST_CASE("relay: a drain ends although entries keep coming, and those are for the next window",
          "[relay][economy]") {
  for (const std::size_t connections : {1U, 3U}) {
    RelayRig rig(economy(connections));
    rig.append_many("a", 10);
    int made = 0;
    rig.destination.set_rule([&](auto) -> std::optional<DeliveryFailure> {
      rig.append_all({{"b", "x", {}, std::to_string(++made)}});
      return std::nullopt;
    });
    const auto begin = rig.clock.steady_now();
    rig.pass_time(window);
    CHECK(rig.count(EntryState::delivered) == 10);
    CHECK(rig.count(EntryState::pending) == 1);
    CHECK(rig.settle_down().next == begin + window + rig.connects() * 10s);
    CHECK(rig.relay->stats().retry_at == rig.clock.wall_now() + window);
    rig.everything_arrives();
  }
}

TEST_CASE("relay: a short wait of one entry belongs to the drain, the pause of a source does not",
          "[relay][economy][foreign_key]") {
  RelayRig rig(economy());
  rig.append("a", "child");
  rig.append("b", "slow");
  rig.destination.set_rule([](std::span<const Entry> batch) -> std::optional<DeliveryFailure> {
    for (const Entry& entry : batch) {
      if (entry.body == "child") return failure_of(DeliveryClass::foreign_key, "23503");
      if (entry.body == "slow") return failure_of(DeliveryClass::timeout, "57014");
    }
    return std::nullopt;
  });
  rig.pass_time(window + 20s);
  CHECK(rig.count(EntryState::dead) == 1);
  CHECK(rig.count(EntryState::pending) == 1);
  CHECK_FALSE(rig.destination.connected());
  rig.destination.forget_calls();
  rig.pass_time(20min);
  CHECK(rig.destination.calls().empty());
  rig.everything_arrives({"child"});
}

TEST_CASE("relay: paused sources are tried once a window, and resume in one",
          "[relay][economy][sources]") {
  RelayRig rig(economy());
  rig.append_many("a", 5);
  rig.destination.refuse_statement_of("a", failure_of(DeliveryClass::config, "42P01"));
  rig.pass_time(window + 1min);
  CHECK(rig.relay->stats().paused_sources.size() == 1);
  CHECK(rig.destination.calls().size() == 1);
  CHECK(rig.relay->stats().retry_at.has_value());
  rig.append("a", "more of the same opens no window");
  rig.pass_time(10 * window);
  CHECK(rig.destination.calls().size() == 11);
  CHECK(rig.connects() == 11);
  CHECK(rig.events("source_paused").size() == 1);
  // With other entries to deliver it is tried with them.
  rig.append("b", "x");
  rig.pass_time(window);
  CHECK(rig.connects() == 12);
  CHECK(rig.bodies_of("b").size() == 1);
  rig.destination.heal();
  rig.pass_time(window + 1min);
  CHECK(rig.count(EntryState::pending) == 0);
  CHECK(rig.connects() == 13);
  rig.pass_time(24h);
  CHECK(rig.connects() == 13);
  rig.everything_arrives();
}

TEST_CASE("relay: a paused source that got its next entry after a quiet time is not forgotten",
          "[relay][economy][sources]") {
  RelayRig rig(economy());
  const Uuid id = rig.append("a", "x");
  rig.destination.refuse_statement_of("a", failure_of(DeliveryClass::config, "42P01"));
  rig.pass_time(window + 1min);
  Settlement discard;
  discard.seq = rig.find(id).seq;
  discard.state = EntryState::discarded;
  REQUIRE(rig.outbox->settle({discard}));
  rig.pass_time(24h);
  CHECK(rig.connects() == 1);
  CHECK_FALSE(rig.settle_down().next);
  rig.destination.heal();
  rig.append("a", "y");
  rig.pass_time(window);
  step_until_rest(rig);
  CHECK(rig.count(EntryState::pending) == 0);
  CHECK(rig.connects() == 2);
}

TEST_CASE("relay: a wall clock that jumps while entries are gathered changes nothing",
          "[relay][economy]") {
  for (const auto jump : {-48h, 48h}) {
    RelayRig rig(economy());
    rig.append("a", "x");
    const auto opens = rig.clock.steady_now() + window;
    CHECK(rig.settle_down().next == opens);
    rig.clock.jump_wall(jump);
    rig.append("a", "y");
    CHECK(rig.settle_down().next == opens);
    rig.pass_time(window);
    step_until_rest(rig);
    CHECK(rig.count(EntryState::pending) == 0);
    rig.everything_arrives();
  }
}

TEST_CASE("relay: an entry from a future that a clock was set back from waits one window",
          "[relay][economy]") {
  RelayRig rig(economy());
  rig.append("a", "x");
  rig.clock.jump_wall(-48h);
  CHECK(rig.settle_down().next == rig.clock.steady_now() + window);
  rig.everything_arrives();
}

TEST_CASE("relay: several connections drain together, one connect each a window",
          "[relay][economy][machines]") {
  RelayRig rig(economy(3));
  for (int round = 1; round <= 4; ++round) {
    std::vector<RelayRig::Write> writes;
    for (int i = 0; i < 60; ++i) writes.push_back({"a", "x", {}, "key-" + std::to_string(i)});
    rig.append_all(writes);
    rig.pass_time(window - 1s);
    CHECK(rig.connects() == 3U * static_cast<unsigned>(round - 1));
    rig.pass_time(2min);
    CHECK(rig.count(EntryState::pending) == 0);
    CHECK(rig.connects() == 3U * static_cast<unsigned>(round));
    CHECK(rig.relay->stats().state == DestinationState::idle);
  }
  rig.everything_arrives();
}

TEST_CASE("relay: the outage of one connection keeps the drain open for the others",
          "[relay][economy][machines]") {
  RelayRig rig(economy(2));
  for (int i = 0; i < 20; ++i) rig.append_all({{"a", "x", {}, std::to_string(i)}});
  rig.destination.fail_next(failure_of(DeliveryClass::connection), 5);
  rig.pass_time(window);
  rig.pass_time(1min);
  CHECK(rig.count(EntryState::pending) == 0);
  CHECK(rig.settle_down().next == std::nullopt);
  rig.everything_arrives();
}

TEST_CASE("relay: one connection that gets nothing through does not shut out the others for good",
          "[relay][economy][machines]") {
  RelayRig rig(economy(2));
  // No session survives this entry, and there is no other one in its shard to show it.
  rig.append("a", "killer");
  rig.destination.refuse_bodies({"killer"}, failure_of(DeliveryClass::connection));
  rig.pass_time(window + 10min);
  CHECK(rig.relay->stats().state == DestinationState::backing_off);
  const auto shard = shard_of({"a", std::nullopt}, 2);
  std::string key = "0";
  const auto append_elsewhere = [&] {
    const Uuid id = rig.append_all({{"b", "x", {}, key}}).front();
    const auto hash = rig.find(id).order_hash;
    return shard_of({"b", hash}, 2) != shard;
  };
  while (!append_elsewhere()) key += "0";
  rig.pass_time(window);
  CHECK_FALSE(rig.bodies_of("b").empty());
  rig.everything_arrives();
}

TEST_CASE("relay: a stop while entries are gathered just stops", "[relay][economy][thread]") {
  RelayRig rig(economy(2));
  rig.append_many("a", 5);
  std::jthread thread([&](const std::stop_token& stop) { rig.relay->run(stop); });
  CHECK(support::eventually([&] { return rig.relay->stats().retry_at.has_value(); }, 10s));
  thread.request_stop();
  thread.join();
  CHECK(rig.destination.calls().empty());
  CHECK(rig.count(EntryState::pending) == 5);
  rig.restart_relay();
  rig.everything_arrives();
}

TEST_CASE("relay: with threads a window opens by itself, and again for the next one",
          "[relay][economy][thread]") {
  auto options = economy(2);
  options.destination.economy_window = 300ms;
  options.destination.idle_close = 0ms;
  RelayRig rig(options);
  std::jthread thread([&](const std::stop_token& stop) { rig.relay->run(stop); });
  const auto arrive = [&](std::uint64_t count) {
    rig.relay->wake();
    return support::eventually(
        [&] {
          // The clock is the test's: it is moved a little with every look.
          rig.clock.advance(20ms);
          return rig.count(EntryState::delivered) == count;
        },
        20s);
  };
  rig.append_many("a", 5);
  CHECK(arrive(5));
  rig.append_many("a", 5);
  CHECK(arrive(10));
  thread.request_stop();
  thread.join();
  CHECK(rig.connects() == 2);
  rig.everything_arrives();
}
