#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "relay_rig.hpp"

using namespace std::chrono_literals;
using namespace holdfast;
using support::failure_of;
using support::RelayRig;

TEST_CASE("relay: paused by an operator nothing is sent, and the session closes",
          "[relay][pause]") {
  RelayRig rig;
  rig.append("a", "one");
  rig.drain();
  CHECK(rig.relay->pause());
  CHECK_FALSE(rig.relay->pause());
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

  CHECK(rig.relay->resume());
  CHECK_FALSE(rig.relay->resume());
  rig.everything_arrives();
  CHECK_FALSE(rig.relay->stats().paused);
}

TEST_CASE("relay: a source that an operator paused waits, the others go on", "[relay][pause]") {
  RelayRig::Options options;
  options.connections = GENERATE(1U, 3U);
  if (GENERATE(false, true)) options.destination.drain = Drain::economy;
  RelayRig rig(options);
  CHECK(rig.relay->pause("a"));
  CHECK_FALSE(rig.relay->pause("a"));
  rig.append_many("a", 20);
  rig.append_many("b", 20);
  rig.pass_time(2h);
  CHECK(rig.bodies_of("a").empty());
  CHECK(rig.bodies_of("b").size() == 20);
  const auto paused = rig.relay->stats().paused_sources;
  REQUIRE(paused.size() == 1);
  CHECK(paused.front().source == "a");
  CHECK(paused.front().reason == "operator");

  CHECK(rig.relay->resume("a"));
  CHECK_FALSE(rig.relay->resume("a"));
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
  CHECK(rig.relay->pause("a"));
  rig.destination.forget_calls();
  rig.pass_time(10min);
  CHECK(rig.destination.calls().empty());
  CHECK(rig.relay->stats().paused_sources.front().reason == "operator");
  CHECK(rig.relay->resume("a"));
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
  REQUIRE(rig.outbox->retry(bad));
  rig.drain();  // Still refused: dead again, not in a loop.
  REQUIRE(rig.count(EntryState::dead) == 1);

  rig.destination.heal();
  REQUIRE(rig.outbox->retry(bad));
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
  REQUIRE(rig.outbox->retry(bad));
  rig.everything_arrives();
  CHECK(rig.bodies_of("a") == std::vector<std::string>{"bad", "slow"});
}
