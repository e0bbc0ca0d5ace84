#include <algorithm>
#include <catch2/catch_test_macros.hpp>

#include "relay_rig.hpp"

/// A source with order_by whose own table is locked or slow: the others do not wait for it.
using namespace std::chrono_literals;
using namespace holdfast;
using support::failure_of;
using support::FakeDestination;
using support::RelayRig;

namespace {

using Sizes = std::vector<std::size_t>;

RelayRig::Options with(std::size_t connections) {
  RelayRig::Options options;
  options.connections = connections;
  return options;
}

DeliveryFailure locked() {
  return failure_of(DeliveryClass::contention, "55P03", "canceling statement due to lock timeout");
}

DeliveryFailure too_slow() {
  return failure_of(DeliveryClass::timeout, "57014",
                    "canceling statement due to statement timeout");
}

/// Twenty keys of source a, each with `each` entries, and a bystander's entry after each round.
void append_both(RelayRig& rig, int each) {
  std::vector<RelayRig::Write> writes;
  for (int number = 0; number < each; ++number) {
    for (int key = 0; key < 20; ++key)
      writes.push_back({"a",
                        std::to_string(key) + "-" + std::to_string(number),
                        {},
                        "key-" + std::to_string(key)});
    writes.push_back({"b", "b-" + std::to_string(number), {}});
  }
  rig.append_all(writes);
}

/// Batches with an entry that `matches` of source a fail so, after `wait`.
void block(
    RelayRig& rig, DeliveryFailure failure, std::chrono::milliseconds wait,
    std::function<bool(const Entry&)> matches = [](const Entry&) { return true; }) {
  failure.source = "a";
  rig.destination.set_rule([&rig, failure, wait, matches](
                               std::span<const Entry> batch) -> std::optional<DeliveryFailure> {
    const bool blocked = std::ranges::any_of(
        batch, [&](const Entry& entry) { return entry.source == "a" && matches(entry); });
    if (!blocked) return std::nullopt;
    rig.clock.advance(wait);
    return failure;
  });
}

std::string pause_reason(const RelayRig& rig) {
  const auto stats = rig.relay->stats();
  const auto found = std::ranges::find(stats.paused_sources, "a", &PausedSource::source);
  return found == stats.paused_sources.end() ? "" : found->reason;
}

/// How often the destination failed a call.
std::size_t failures(const RelayRig& rig) {
  const auto calls = rig.destination.calls();
  return static_cast<std::size_t>(
      std::ranges::count_if(calls, [](const auto& call) { return call.failure.has_value(); }));
}

}  // namespace

TEST_CASE("relay: beside a source whose table is locked the others arrive in the same pass",
          "[relay][blocked]") {
  RelayRig rig;
  append_both(rig, 2);
  block(rig, locked(), 5s);
  static_cast<void>(rig.relay->run_once());
  CHECK(rig.batch_sizes() == Sizes{42, 2, 40});
  CHECK(rig.bodies_of("b").size() == 2);
  CHECK(rig.relay->stats().state == DestinationState::connected);
  CHECK(pause_reason(rig).empty());
  rig.append("b", "more");
  static_cast<void>(rig.relay->run_once());
  CHECK(rig.batch_sizes() == Sizes{42, 2, 40, 1, 1});
  CHECK(rig.bodies_of("b").size() == 3);
  CHECK(pause_reason(rig) == "contention");
  rig.everything_arrives();
}

TEST_CASE("relay: a locked source is paused at the third failure, told once, and resumes by itself",
          "[relay][blocked]") {
  for (const std::size_t connections : {1U, 4U}) {
    CAPTURE(connections);
    RelayRig rig(with(connections));
    append_both(rig, 5);
    block(rig, locked(), 0ms);
    static_cast<void>(rig.settle_down());
    CHECK(rig.bodies_of("b").size() == 5);
    CHECK(pause_reason(rig) == "contention");
    CHECK(rig.relay->stats().state == DestinationState::connected);
    // A machine that was on its way when the pause came fails once more.
    CHECK(failures(rig) <= 3 + 2 * (connections - 1));
    rig.destination.forget_calls();
    rig.pass_time(29'999ms);
    CHECK(rig.destination.calls().empty());
    rig.pass_time(10min);
    CHECK(rig.batch_sizes() == Sizes(20, 1));
    CHECK(rig.events("source_paused").size() == 1);
    CHECK(rig.events("source_paused").front().fields.at("pause_reason") == "contention");
    CHECK(rig.events("source_resumed").empty());
    rig.destination.heal();
    rig.pass_time(31s);
    CHECK(rig.count(EntryState::pending) == 0);
    CHECK(rig.events("source_resumed").size() == 1);
    CHECK(pause_reason(rig).empty());
    rig.everything_arrives();
  }
}

TEST_CASE("relay: while a table is locked the others go on at their pace", "[relay][blocked]") {
  for (const std::size_t connections : {1U, 4U}) {
    CAPTURE(connections);
    RelayRig rig(with(connections));
    append_both(rig, 20);
    block(rig, locked(), 5s);
    int sent = 20;
    const auto end = rig.clock.steady_now() + 100s;
    for (; rig.clock.steady_now() < end; ++sent) {
      rig.append("b", "late");
      static_cast<void>(rig.relay->run_once());
      rig.clock.advance(250ms);
    }
    CHECK(sent > 150);
    CHECK(rig.bodies_of("b").size() + 2 >= static_cast<std::size_t>(sent));
    rig.everything_arrives();
  }
}

TEST_CASE("relay: entries that are too slow, each alone, pause their source", "[relay][blocked]") {
  for (const std::size_t connections : {1U, 4U}) {
    CAPTURE(connections);
    RelayRig rig(with(connections));
    append_both(rig, 5);
    block(rig, too_slow(), 0ms);
    static_cast<void>(rig.relay->run_once());
    CHECK(rig.bodies_of("b").size() == 5);
    rig.pass_time(5s);
    CHECK(pause_reason(rig) == "timeout");
    CHECK(rig.relay->stats().state == DestinationState::connected);
    const auto singles = std::ranges::count(rig.batch_sizes(), 1U);
    CHECK(static_cast<std::size_t>(singles) <= 6 + 2 * (connections - 1));
    // The others have batches as large as ever.
    rig.destination.forget_calls();
    rig.append_many("b", 300);
    static_cast<void>(rig.relay->run_once());
    CHECK(std::ranges::contains(rig.batch_sizes(), 300U));
    rig.everything_arrives();
    CHECK(rig.events("source_paused").size() == 1);
    CHECK(rig.events("source_resumed").size() == 1);
  }
}

TEST_CASE("relay: one row that is locked holds its key and pauses nothing else for long",
          "[relay][blocked]") {
  RelayRig rig;
  append_both(rig, 3);
  block(rig, locked(), 5s, [](const Entry& entry) { return entry.body.starts_with("7-"); });
  rig.pass_time(5min);
  CHECK(rig.count(EntryState::pending) == 3);
  append_both(rig, 3);
  rig.pass_time(1min);
  CHECK(rig.count(EntryState::pending) == 6);
  CHECK(rig.bodies_of("b").size() == 6);
  rig.everything_arrives();
}

TEST_CASE("relay: one key that is too slow is held, never its source as a whole",
          "[relay][blocked]") {
  RelayRig rig;
  const auto ids = rig.append_all({{"a", "slow", {}, "key-slow"}});
  block(rig, too_slow(), 0ms, [](const Entry& entry) { return entry.body == "slow"; });
  rig.pass_time(10min);
  CHECK(pause_reason(rig) == "timeout");
  CHECK(rig.events("source_paused").front().message.contains("one order group"));
  append_both(rig, 2);
  static_cast<void>(rig.settle_down());
  CHECK(rig.count(EntryState::pending) == 1);
  rig.everything_arrives();
}

TEST_CASE("relay: a few slow keys before good ones do not keep their source paused for ever",
          "[relay][blocked]") {
  RelayRig rig;
  append_both(rig, 3);
  block(rig, too_slow(), 0ms, [](const Entry& entry) {
    return std::ranges::any_of(std::vector{"0-", "1-", "2-", "3-"},
                               [&](const char* key) { return entry.body.starts_with(key); });
  });
  rig.pass_time(20min);
  CHECK(rig.count(EntryState::pending) == 4 * 3);
  rig.everything_arrives();
}

TEST_CASE("relay: without order_by a locked source is held as ever, and the others go on",
          "[relay][blocked]") {
  RelayRig rig;
  rig.append_many("a", 10);
  rig.append_many("b", 10);
  block(rig, locked(), 5s);
  static_cast<void>(rig.relay->run_once());
  CHECK(rig.batch_sizes() == Sizes{20, 10, 10});
  for (int i = 0; i < 200; ++i) {
    rig.append("b", "late");
    static_cast<void>(rig.relay->run_once());
    rig.clock.advance(1s);
  }
  CHECK(rig.bodies_of("b").size() >= 208);
  CHECK(pause_reason(rig) == "contention");
  CHECK(rig.events("source_paused").size() == 1);
  rig.everything_arrives();
}

TEST_CASE("relay: without order_by an entry that times out alone five times is held",
          "[relay][blocked]") {
  RelayRig rig;
  const Uuid slow = rig.append("a", "slow");
  rig.append_many("b", 10);
  block(rig, too_slow(), 0ms);
  rig.pass_time(10s);
  CHECK(rig.find(slow).attempts.size() == 5);
  CHECK(rig.count(EntryState::pending) == 1);
  CHECK(pause_reason(rig) == "timeout");
  rig.everything_arrives();
}

TEST_CASE("relay: deadlocks and serialization failures set a source apart but never pause it",
          "[relay][blocked]") {
  for (const auto* sqlstate : {"40P01", "40001"}) {
    RelayRig rig;
    append_both(rig, 2);
    auto failure = failure_of(DeliveryClass::contention, sqlstate);
    failure.source = "a";
    rig.destination.fail_next(failure, 6);
    static_cast<void>(rig.relay->run_once());
    rig.pass_time(20s);
    CHECK(rig.count(EntryState::pending) == 0);
    CHECK(rig.events("source_paused").empty());
    rig.everything_arrives();
  }
}

TEST_CASE("relay: a probe of a misconfigured source that meets a lock resumes the source",
          "[relay][blocked][sources]") {
  RelayRig rig;
  append_both(rig, 1);
  rig.destination.refuse_statement_of("a", failure_of(DeliveryClass::config, "42P01"));
  static_cast<void>(rig.settle_down());
  CHECK(pause_reason(rig) == "configuration");
  block(rig, locked(), 0ms);
  rig.pass_time(31s);
  CHECK(rig.events("source_resumed").size() == 1);
  CHECK(pause_reason(rig) == "contention");
  rig.everything_arrives();
}

TEST_CASE("relay: a probe of a locked source that meets a bad entry resumes the source",
          "[relay][blocked][sources]") {
  RelayRig rig;
  append_both(rig, 1);
  block(rig, locked(), 0ms);
  static_cast<void>(rig.settle_down());
  CHECK(pause_reason(rig) == "contention");
  rig.destination.refuse_bodies({"0-0"}, failure_of(DeliveryClass::data, "23514"));
  rig.pass_time(31s);
  CHECK(rig.count(EntryState::dead) == 1);
  CHECK(rig.count(EntryState::pending) == 0);
  rig.everything_arrives({"0-0"});
}

TEST_CASE("relay: after one locked entry of a source the others are not sent along with the rest",
          "[relay][blocked]") {
  RelayRig rig;
  rig.append_all({{"a", "first", {}, "key-first"}});
  block(rig, locked(), 5s);
  static_cast<void>(rig.relay->run_once());
  append_both(rig, 2);
  static_cast<void>(rig.relay->run_once());
  CHECK_FALSE(std::ranges::contains(rig.batch_sizes(), 42U));
  CHECK(rig.bodies_of("b").size() == 2);
  rig.everything_arrives();
}
