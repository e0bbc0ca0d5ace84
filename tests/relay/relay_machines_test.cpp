#include <algorithm>
#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <thread>

#include "relay_rig.hpp"
#include "support/wait.hpp"

/// Several connections: each order group belongs to one of them, and only one.
using namespace std::chrono_literals;
using namespace holdfast;
using support::failure_of;
using support::FakeDestination;
using support::RelayRig;

namespace {

RelayRig::Options with(std::size_t connections) {
  RelayRig::Options options;
  options.connections = connections;
  return options;
}

void append_keys(RelayRig& rig, int keys, int each, const std::string& source = "a") {
  std::vector<RelayRig::Write> writes;
  for (int number = 0; number < each; ++number)
    for (int key = 0; key < keys; ++key)
      writes.push_back({source,
                        std::to_string(key) + "-" + std::to_string(number),
                        {},
                        "key-" + std::to_string(key)});
  rig.append_all(writes);
}

/// Which sessions sent each entry.
std::map<std::int64_t, std::set<std::size_t>> senders(const RelayRig& rig) {
  std::map<std::int64_t, std::set<std::size_t>> senders;
  for (const auto& call : rig.destination.calls())
    for (const auto seq : call.seqs) senders[seq].insert(call.session);
  return senders;
}

FakeDestination::Rule refuse_source(const std::string& source, DeliveryFailure failure) {
  return [source, failure = std::move(failure)](
             std::span<const Entry> batch) -> std::optional<DeliveryFailure> {
    const bool theirs = std::ranges::contains(batch, source, &Entry::source);
    return theirs ? std::optional(failure) : std::nullopt;
  };
}

}  // namespace

TEST_CASE("relay: with several connections all take part, and a group is always with the same",
          "[relay][machines]") {
  RelayRig rig(with(4));
  append_keys(rig, 200, 3);
  static_cast<void>(rig.relay->run_once());
  CHECK(rig.count(EntryState::pending) == 0);
  append_keys(rig, 200, 3);
  static_cast<void>(rig.settle_down());
  std::map<OrderGroup, std::set<std::size_t>> groups;
  std::set<std::size_t> sessions;
  const auto by_seq = senders(rig);
  for (const auto& row : rig.destination.rows()) {
    const auto& sent_by = by_seq.at(row.seq);
    groups[{row.source, row.order_hash}].insert(sent_by.begin(), sent_by.end());
    sessions.insert(sent_by.begin(), sent_by.end());
  }
  CHECK(sessions.size() == 4);
  CHECK(groups.size() == 200);
  CHECK(std::ranges::all_of(groups, [](const auto& group) { return group.second.size() == 1; }));
  CHECK(rig.relay->stats().connects == 4);
  CHECK(rig.relay->stats().delivered_by_source.at("a") == 1200);
  rig.everything_arrives();
}

TEST_CASE("relay: a source without order_by stays whole, however many connections there are",
          "[relay][machines]") {
  RelayRig rig(with(4));
  rig.append_many("a", 50);
  rig.append_many("a", 50);
  static_cast<void>(rig.settle_down());
  std::set<std::size_t> sessions;
  for (const auto& [seq, sent_by] : senders(rig)) sessions.insert(sent_by.begin(), sent_by.end());
  CHECK(sessions.size() == 1);
  rig.everything_arrives();
}

TEST_CASE("relay: each connection backs off for itself", "[relay][machines][outage]") {
  RelayRig rig(with(3));
  append_keys(rig, 60, 2);
  rig.destination.fail_next(failure_of(DeliveryClass::connection));
  static_cast<void>(rig.relay->run_once());
  CHECK(rig.relay->stats().state == DestinationState::backing_off);
  CHECK(rig.relay->stats().retry_at);
  CHECK(rig.count(EntryState::delivered) > 60);
  CHECK(rig.count(EntryState::pending) > 0);
  rig.everything_arrives();
  CHECK(rig.relay->stats().state == DestinationState::connected);
}

TEST_CASE("relay: dead of several connections add up to one flood, told once",
          "[relay][machines][flood]") {
  RelayRig rig(with(4));
  append_keys(rig, 100, 1);
  append_keys(rig, 10, 1, "b");
  rig.destination.set_rule(refuse_source("a", failure_of(DeliveryClass::data, "22P02")));
  static_cast<void>(rig.settle_down());
  CHECK(rig.count(EntryState::dead) == 20);
  CHECK(rig.count(EntryState::pending) == 80);
  CHECK(rig.events("source_paused").size() == 1);
  CHECK(rig.relay->stats().paused_sources.size() == 1);
  rig.destination.forget_calls();
  rig.pass_time(10min);
  CHECK(rig.destination.calls().size() == 20);
  CHECK(rig.count(EntryState::dead) == 20);
  rig.destination.heal();
  rig.pass_time(30s);
  static_cast<void>(rig.settle_down());
  CHECK(rig.count(EntryState::pending) == 0);
  CHECK(rig.events("source_resumed").size() == 1);
}

TEST_CASE("relay: a misconfigured source is probed by one connection, with its oldest entry of all",
          "[relay][machines][sources]") {
  RelayRig rig(with(4));
  append_keys(rig, 50, 2);
  append_keys(rig, 50, 2, "b");
  auto failure = failure_of(DeliveryClass::config, "42P01");
  failure.source = "a";
  rig.destination.set_rule(refuse_source("a", failure));
  static_cast<void>(rig.relay->run_once());
  CHECK(rig.count(EntryState::delivered) == 100);
  CHECK(rig.events("source_paused").size() == 1);
  rig.destination.forget_calls();
  rig.pass_time(5min);
  CHECK(rig.destination.calls().size() == 10);
  for (const auto& call : rig.destination.calls()) CHECK(call.seqs == std::vector<std::int64_t>{1});
  rig.destination.heal();
  rig.pass_time(30s);
  static_cast<void>(rig.settle_down());
  CHECK(rig.count(EntryState::pending) == 0);
  CHECK(rig.events("source_paused").size() == 1);
  CHECK(rig.events("source_resumed").size() == 1);
  rig.everything_arrives();
}

TEST_CASE("relay: a paused destination is told once, not once a connection",
          "[relay][machines][pause]") {
  RelayRig rig(with(4));
  append_keys(rig, 100, 1);
  rig.destination.set_rule([](auto) { return failure_of(DeliveryClass::config, "28P01"); });
  rig.pass_time(5min);
  CHECK(rig.events("destination_paused").size() == 1);
  CHECK(rig.relay->stats().state == DestinationState::paused);
  rig.everything_arrives();
  CHECK(rig.events("destination_resumed").size() == 1);
  CHECK_FALSE(rig.relay->stats().paused);
}

TEST_CASE("relay: with threads every key is in order and all arrives once, through trouble",
          "[relay][machines][thread]") {
  auto options = with(4);
  options.destination.backoff_initial = 1ms;
  options.destination.backoff_max = 10ms;
  options.destination.batch_entries = 50;
  RelayRig rig(options);
  std::atomic<int> calls = 0;
  rig.destination.set_rule([&](std::span<const Entry> batch) -> std::optional<DeliveryFailure> {
    const int call = ++calls;
    if (std::ranges::contains(batch, "bad", &Entry::body))
      return failure_of(DeliveryClass::data, "22P02");
    if (call % 7 == 0) {
      auto failure = failure_of(DeliveryClass::connection);
      failure.in_doubt = call % 2 == 0;
      return failure;
    }
    if (call % 11 == 0 && batch.front().source == "b") {
      auto failure = failure_of(DeliveryClass::config, "42P01");
      failure.source = "b";
      return failure;
    }
    return std::nullopt;
  });
  std::jthread thread([&](const std::stop_token& stop) { rig.relay->run(stop); });
  for (int round = 0; round < 10; ++round) {
    append_keys(rig, 100, 1);
    append_keys(rig, 50, 1, "b");
    if (round == 5) rig.append_all({{"a", "bad", {}, "key-7"}});
    rig.relay->wake();
  }
  // The clock is the test's, and moved so that back-offs and probes end.
  CHECK(support::eventually(
      [&] {
        rig.clock.advance(1s);
        rig.relay->wake();
        return rig.count(EntryState::pending) == 0;
      },
      60s));
  thread.request_stop();
  thread.join();
  CHECK(rig.count(EntryState::dead) == 1);
  rig.everything_arrives({"bad"});
}

TEST_CASE("relay: run ends all of its threads, be a delivery running in one of them",
          "[relay][machines][thread]") {
  RelayRig rig(with(3));
  append_keys(rig, 60, 1);
  rig.destination.stall_next();
  std::jthread thread([&](const std::stop_token& stop) { rig.relay->run(stop); });
  REQUIRE(support::eventually([&] { return rig.destination.stalled(); }, 10s));
  CHECK(support::eventually([&] { return rig.count(EntryState::delivered) > 0; }, 10s));
  thread.request_stop();
  rig.destination.interrupt();
  thread.join();
  CHECK_FALSE(rig.destination.connected());
  for (const auto& session : rig.other_sessions) CHECK_FALSE(session->connected());
  CHECK(rig.count(EntryState::pending) > 0);
  rig.restart_relay();
  rig.everything_arrives();
}
