#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <algorithm>
#include <thread>

#include "relay_rig.hpp"
#include "support/wait.hpp"

using namespace std::chrono_literals;
using namespace holdfast;
using support::failure_of;
using support::RelayRig;

TEST_CASE("relay: paused by an operator nothing is sent, and the session closes",
          "[relay][pause]") {
  RelayRig rig;
  rig.append("a", "one");
  rig.drain();
  CHECK(rig.relay->pause() == true);
  CHECK(rig.relay->pause() == false);
  rig.append("a", "two");
  rig.destination.forget_calls();
  rig.pass_time(10min);
  CHECK(rig.destination.calls().empty());
  CHECK_FALSE(rig.destination.connected());
  const auto stats = rig.relay->stats();
  CHECK(stats.state == DestinationState::paused);
  CHECK(stats.paused);
  CHECK(stats.pause_reason == "operator");
  CHECK_FALSE(stats.retry_at);

  CHECK(rig.relay->resume() == true);
  CHECK(rig.relay->resume() == false);
  rig.everything_arrives();
  CHECK_FALSE(rig.relay->stats().paused);
}

TEST_CASE("relay: a source that an operator paused waits, the others go on", "[relay][pause]") {
  RelayRig::Options options;
  options.connections = GENERATE(1U, 3U);
  if (GENERATE(false, true)) options.destination.drain = Drain::economy;
  RelayRig rig(options);
  CHECK(rig.relay->pause("a") == true);
  CHECK(rig.relay->pause("a") == false);
  rig.append_many("a", 20);
  rig.append_many("b", 20);
  rig.pass_time(2h);
  CHECK(rig.bodies_of("a").empty());
  CHECK(rig.bodies_of("b").size() == 20);
  const auto paused = rig.relay->stats().paused_sources;
  REQUIRE(paused.size() == 1);
  CHECK(paused.front().source == "a");
  CHECK(paused.front().reason == "operator");

  CHECK(rig.relay->resume("a") == true);
  CHECK(rig.relay->resume("a") == false);
  rig.everything_arrives();
  CHECK(rig.relay->stats().paused_sources.empty());
}

TEST_CASE(
    "relay: a source that is paused for its configuration is not probed while an operator "
    "pauses it, too",
    "[relay][pause]") {
  RelayRig rig;
  rig.destination.refuse_statement_of("a", failure_of(DeliveryClass::config, "42P01", "missing"));
  rig.append("a", "one");
  rig.pass_time(1min);
  REQUIRE(rig.relay->stats().paused_sources.size() == 1);
  CHECK(rig.relay->pause("a") == true);
  rig.destination.forget_calls();
  rig.pass_time(10min);
  CHECK(rig.destination.calls().empty());
  CHECK(rig.relay->stats().paused_sources.front().reason == "operator");
  CHECK(rig.relay->resume("a") == true);
  CHECK(rig.relay->stats().paused_sources.front().reason == "configuration");
  rig.everything_arrives();
}

TEST_CASE("relay: a dead entry that was retried is delivered under its id", "[relay][poison]") {
  RelayRig rig;
  rig.destination.refuse_bodies({"bad"}, failure_of(DeliveryClass::data, "22P02", "bad"));
  const Uuid bad = rig.append("a", "bad");
  rig.append("a", "good");
  rig.drain();
  REQUIRE(rig.count(EntryState::dead) == 1);
  REQUIRE(rig.outbox->change(EntryAction::retry, bad));
  rig.drain();  // Still refused: dead again, not in a loop.
  REQUIRE(rig.count(EntryState::dead) == 1);

  rig.destination.heal();
  REQUIRE(rig.outbox->change(EntryAction::retry, bad));
  rig.drain();
  CHECK(rig.count(EntryState::delivered) == 2);
  CHECK(rig.bodies_of("a") == std::vector<std::string>{"good", "bad"});
}

TEST_CASE("relay: a dead entry that was retried goes before the one that its group waits for",
          "[relay][order]") {
  RelayRig rig;
  rig.destination.refuse_bodies({"bad"}, failure_of(DeliveryClass::data, "22P02", "bad"));
  const Uuid bad = rig.append("a", "bad");
  rig.drain();
  REQUIRE(rig.count(EntryState::dead) == 1);
  // The next one of its group times out alone until it is held.
  rig.destination.refuse_bodies({"slow"}, failure_of(DeliveryClass::timeout, "57014", "slow"));
  rig.append("a", "slow");
  rig.pass_time(1min);
  REQUIRE(rig.relay->stats().paused_sources.size() == 1);
  rig.destination.heal();
  REQUIRE(rig.outbox->change(EntryAction::retry, bad));
  rig.everything_arrives();
  CHECK(rig.bodies_of("a") == std::vector<std::string>{"bad", "slow"});
}

TEST_CASE("relay: an operator's pauses survive a restart and end only by an operator",
          "[relay][pause]") {
  RelayRig rig;
  const bool all = GENERATE(true, false);
  if (all) CHECK(rig.relay->pause() == true);
  CHECK(rig.relay->pause("a") == true);
  rig.restart_relay();
  rig.append("a", "one");
  rig.append("b", "two");
  rig.pass_time(12h);  // Less than a receipt is kept.
  CHECK(rig.bodies_of("a").empty());
  CHECK(rig.bodies_of("b").empty() == all);
  CHECK(rig.relay->stats().paused == all);
  CHECK(rig.relay->resume("a") == true);
  if (all) CHECK(rig.relay->resume() == true);
  rig.restart_relay();
  rig.everything_arrives();
}

TEST_CASE("relay: an entry that an operator changes is not sent from an older claim",
          "[relay][operator]") {
  RelayRig::Options options;
  options.destination.batch_entries = 10;
  RelayRig rig(options);
  std::vector<Uuid> ids;
  for (int i = 0; i < 10; ++i) ids.push_back(rig.append("a", "a-" + std::to_string(i)));
  // The first half is refused with its bad entry; meanwhile an operator discards one of the second.
  bool discarded = false;
  rig.destination.set_rule([&](std::span<const Entry> batch) -> std::optional<DeliveryFailure> {
    if (batch.size() == 10) return failure_of(DeliveryClass::data, "23514");
    if (!discarded && batch.front().seq == 1) {
      discarded = true;
      const auto held = rig.relay->hold_back(8, 0ms);
      REQUIRE(held);
      REQUIRE(rig.outbox->change(EntryAction::discard, ids[7])->changed);
    }
    return std::nullopt;
  });
  rig.drain();
  REQUIRE(discarded);
  const auto bodies = rig.bodies_of("a");
  CHECK(bodies.size() == 9);
  CHECK_FALSE(std::ranges::contains(bodies, "a-7"));
  CHECK(rig.count(EntryState::discarded) == 1);
  CHECK(rig.count(EntryState::delivered) == 9);
}

TEST_CASE("relay: an entry in flight is held back only once its outcome is written",
          "[relay][operator]") {
  RelayRig rig;
  const Uuid id = rig.append("a", "one");
  rig.destination.stall_next();
  std::jthread relaying([&] { static_cast<void>(rig.relay->run_once()); });
  REQUIRE(support::eventually([&] { return rig.destination.stalled(); }, 30s));
  CHECK_FALSE(rig.relay->hold_back(1, 0ms));
  std::optional<EntryState> seen;
  std::jthread holding([&] {
    const auto held = rig.relay->hold_back(1, 60s);
    if (held) seen = rig.find(id).state;
  });
  rig.destination.interrupt();
  relaying.join();
  holding.join();
  CHECK(seen == EntryState::pending);
  rig.everything_arrives();
}

TEST_CASE("relay: after a commit in doubt an entry is in flight until another try has told",
          "[relay][operator]") {
  RelayRig rig;
  rig.append("a", "one");
  rig.destination.commit_in_doubt_next();
  rig.destination.set_rule([](auto) { return failure_of(DeliveryClass::connection); });
  rig.settle_down();
  CHECK_FALSE(rig.relay->hold_back(1, 0ms));
  rig.destination.heal();
  rig.drain();
  CHECK(rig.relay->hold_back(1, 0ms));
  rig.everything_arrives();
}

TEST_CASE("relay: a probe that an operator wants is made at once, and a success ends the wait",
          "[relay][operator]") {
  RelayRig rig;
  rig.append("a", "one");
  rig.destination.set_rule([](auto) { return failure_of(DeliveryClass::connection); });
  rig.destination.fail_probes(failure_of(DeliveryClass::connection, "", "refused there"));
  for (int i = 0; i < 12; ++i) rig.pass_time(10s);
  const auto probe = [&] {
    DestinationProbe result;
    const auto before = rig.destination.probes();
    std::jthread asking([&] { result = rig.relay->probe(60s); });
    while (rig.destination.probes() == before) static_cast<void>(rig.relay->run_once());
    asking.join();
    return result;
  };
  const auto failed = probe();
  CHECK_FALSE(failed.ok);
  CHECK(failed.error.contains("refused there"));
  CHECK(rig.count(EntryState::pending) == 1);
  rig.destination.heal();
  CHECK(probe().ok);
  rig.settle_down();
  CHECK(rig.count(EntryState::pending) == 0);
  rig.everything_arrives();
}

TEST_CASE("relay: a probe that nobody answers in time says so", "[relay][operator]") {
  RelayRig rig;
  const auto late = rig.relay->probe(0ms);
  CHECK_FALSE(late.ok);
  CHECK(late.error.contains("no answer within"));
  RelayRig::Options options;
  options.configured = false;
  RelayRig none(options);
  CHECK(none.relay->probe(60s).error.contains("destination.url"));
}

TEST_CASE("relay: resume tries at once what the relay paused by itself", "[relay][operator]") {
  RelayRig rig;
  rig.append("a", "one");
  SECTION("a source") {
    rig.destination.refuse_statement_of("a", failure_of(DeliveryClass::config, "42P01"));
    rig.settle_down();
    REQUIRE(rig.relay->stats().paused_sources.size() == 1);
    CHECK(rig.relay->stats().failing_since == std::nullopt);
    CHECK(rig.relay->resume("a") == true);
    rig.settle_down();
    CHECK(rig.relay->stats().paused_sources.size() == 1);
    rig.destination.heal();
    CHECK(rig.relay->resume("a") == true);
    rig.settle_down();
    CHECK(rig.relay->resume("a") == false);
  }
  SECTION("the destination") {
    rig.destination.set_rule([](auto) { return failure_of(DeliveryClass::config, "28P01"); });
    rig.settle_down();
    REQUIRE(rig.relay->stats().paused);
    const auto since = rig.relay->stats().failing_since;
    REQUIRE(since);
    rig.pass_time(65s);
    CHECK(rig.relay->stats().failing_since == since);
    rig.destination.heal();
    CHECK(rig.relay->resume() == true);
    rig.settle_down();
    CHECK_FALSE(rig.relay->stats().failing_since);
    CHECK(rig.relay->resume() == false);
  }
  CHECK(rig.count(EntryState::pending) == 0);
  rig.everything_arrives();
}
