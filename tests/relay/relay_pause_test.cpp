#include <algorithm>
#include <catch2/catch_test_macros.hpp>

#include "relay_rig.hpp"

/// Time-outs and floods: what holds one source and lets the others go on.
using namespace std::chrono_literals;
using namespace holdfast;
using support::failure_of;
using support::FakeDestination;
using support::RelayRig;

namespace {

using Sizes = std::vector<std::size_t>;

DeliveryFailure too_slow() {
  return failure_of(DeliveryClass::timeout, "57014",
                    "canceling statement due to statement timeout");
}

DeliveryFailure bad_value() {
  return failure_of(DeliveryClass::data, "22P02", "bad \"value\"");
}

/// Refuses every batch that holds an entry of a source.
FakeDestination::Rule refuse_source(const std::string& source, const DeliveryFailure& failure) {
  return [=](std::span<const Entry> batch) -> std::optional<DeliveryFailure> {
    const bool refused =
        std::ranges::any_of(batch, [&](const Entry& entry) { return entry.source == source; });
    return refused ? std::optional(failure) : std::nullopt;
  };
}

/// Drives a source into a poison flood with `count` bad entries.
void flood(RelayRig& rig, int count) {
  rig.append_many("a", count);
  rig.append_many("b", 5);
  rig.destination.set_rule(refuse_source("a", bad_value()));
  static_cast<void>(rig.settle_down());
}

}  // namespace

TEST_CASE("relay: a batch that takes too long is halved until it fits", "[relay][timeout]") {
  RelayRig rig;
  rig.append_many("a", 100);
  rig.destination.set_rule([](std::span<const Entry> batch) -> std::optional<DeliveryFailure> {
    return batch.size() > 30 ? std::optional(too_slow()) : std::nullopt;
  });
  const auto before = rig.clock.steady_now();
  static_cast<void>(rig.settle_down());
  CHECK(rig.clock.steady_now() == before);
  CHECK(rig.batch_sizes() == Sizes{100, 50, 25, 25, 25, 25});
  CHECK(rig.relay->stats().paused_sources.empty());
  rig.everything_arrives();
}

TEST_CASE("relay: an entry that times out alone four times and then passes is delivered",
          "[relay][timeout]") {
  RelayRig rig;
  const Uuid id = rig.append("a", "slow");
  rig.destination.fail_next(too_slow(), 4);
  rig.pass_time(5s);
  CHECK(rig.find(id).state == EntryState::delivered);
  CHECK(rig.find(id).attempts.size() == 4);
  CHECK(rig.events("source_paused").empty());
  rig.everything_arrives();
}

TEST_CASE("relay: at the fifth time-out alone its source is held and the others go on",
          "[relay][timeout]") {
  RelayRig rig;
  rig.append_many("a", 10);
  const Uuid slow = rig.append("a", "slow");
  rig.append("a", "behind");
  rig.append_many("b", 20);
  rig.destination.refuse_bodies({"slow"}, too_slow());
  rig.pass_time(10s);
  auto stats = rig.relay->stats();
  REQUIRE(stats.paused_sources.size() == 1);
  CHECK(stats.paused_sources.front().source == "a");
  CHECK(stats.paused_sources.front().reason == "timeout");
  CHECK(stats.paused_sources.front().error.starts_with("57014: canceling"));
  CHECK(stats.state == DestinationState::connected);
  CHECK(rig.find(slow).state == EntryState::pending);
  CHECK(rig.find(slow).attempts.size() == 5);
  CHECK(rig.count(EntryState::pending) == 2);
  REQUIRE(rig.events("source_paused").size() == 1);
  CHECK(rig.events("source_paused").front().level == LogLevel::error);
  rig.append("b", "more");
  static_cast<void>(rig.settle_down());
  CHECK(rig.count(EntryState::pending) == 2);
  rig.destination.forget_calls();
  rig.pass_time(5min);
  CHECK(rig.batch_sizes() == Sizes(10, 1));
  CHECK(rig.events("source_paused").size() == 1);
  rig.everything_arrives();
  CHECK(rig.events("source_resumed").size() == 1);
  CHECK(rig.relay->stats().paused_sources.empty());
}

TEST_CASE("relay: a held slow entry that turns out bad dies as any other", "[relay][timeout]") {
  RelayRig rig;
  rig.append("a", "slow");
  rig.append("a", "behind");
  rig.destination.refuse_bodies({"slow"}, too_slow());
  rig.pass_time(10s);
  CHECK(rig.relay->stats().paused_sources.size() == 1);
  rig.destination.refuse_bodies({"slow"}, bad_value());
  rig.pass_time(30s);
  static_cast<void>(rig.settle_down());
  CHECK(rig.count(EntryState::dead) == 1);
  CHECK(rig.relay->stats().paused_sources.empty());
  rig.everything_arrives({"slow"});
}

TEST_CASE("relay: when an operator discards the slow entry its source goes on",
          "[relay][timeout]") {
  RelayRig rig;
  const Uuid slow = rig.append("a", "slow");
  rig.destination.refuse_bodies({"slow"}, too_slow());
  rig.pass_time(10s);
  Settlement discard;
  discard.seq = rig.find(slow).seq;
  discard.state = EntryState::discarded;
  REQUIRE(rig.outbox->settle({discard}));
  rig.pass_time(31s);
  CHECK(rig.relay->stats().paused_sources.empty());
  CHECK(rig.events("source_resumed").size() == 1);
}

TEST_CASE("relay: nineteen dead in a row pause nothing", "[relay][flood]") {
  RelayRig rig;
  flood(rig, 19);
  CHECK(rig.count(EntryState::dead) == 19);
  CHECK(rig.relay->stats().paused_sources.empty());
  rig.append("a", "good");
  rig.destination.heal();
  static_cast<void>(rig.settle_down());
  CHECK(rig.count(EntryState::pending) == 0);
}

TEST_CASE("relay: twenty dead pause the source, its further entries stay pending, others go on",
          "[relay][flood]") {
  RelayRig rig;
  flood(rig, 50);
  CHECK(rig.count(EntryState::dead) == 20);
  CHECK(rig.count(EntryState::pending) == 30);
  CHECK(rig.count(EntryState::delivered) == 5);
  const auto stats = rig.relay->stats();
  REQUIRE(stats.paused_sources.size() == 1);
  CHECK(stats.paused_sources.front().reason == "poison_flood");
  CHECK(stats.paused_sources.front().source == "a");
  CHECK(stats.paused_sources.front().error.starts_with("22P02"));
  CHECK_FALSE(stats.paused_sources.front().error.contains("value"));
  CHECK(stats.paused_sources.front().since == rig.clock.wall_now());
  CHECK_FALSE(stats.paused);
  CHECK(stats.state == DestinationState::connected);
  CHECK(rig.events("source_paused").size() == 1);
}

TEST_CASE("relay: a flooded source is probed every 30 s and killed no further", "[relay][flood]") {
  RelayRig rig;
  flood(rig, 25);
  rig.destination.forget_calls();
  rig.pass_time(29'999ms);
  CHECK(rig.destination.calls().empty());
  rig.pass_time(10min);
  CHECK(rig.batch_sizes() == Sizes(20, 1));
  CHECK(rig.count(EntryState::dead) == 20);
  for (const auto& call : rig.destination.calls())
    CHECK(call.seqs == rig.destination.calls().front().seqs);
  rig.append("b", "others go on");
  static_cast<void>(rig.settle_down());
  CHECK(rig.count(EntryState::pending) == 5);
  rig.destination.heal();
  rig.pass_time(31s);
  CHECK(rig.count(EntryState::pending) == 0);
  CHECK(rig.count(EntryState::dead) == 20);
  CHECK(rig.events("source_resumed").size() == 1);
  CHECK(rig.events("source_paused").size() == 1);
}

TEST_CASE("relay: bad entries among good ones are no flood", "[relay][flood]") {
  RelayRig rig;
  std::set<std::string> bad;
  std::vector<RelayRig::Write> writes;
  for (int i = 0; i < 30; ++i) {
    bad.insert("bad-" + std::to_string(i));
    writes.push_back({"a", "bad-" + std::to_string(i), {}});
    if (i % 15 == 14) writes.push_back({"a", "good-" + std::to_string(i), {}});
  }
  rig.append_all(writes);
  rig.destination.refuse_bodies(bad, bad_value());
  static_cast<void>(rig.settle_down());
  CHECK(rig.count(EntryState::dead) == 30);
  CHECK(rig.relay->stats().paused_sources.empty());
  rig.everything_arrives(bad);
}

TEST_CASE("relay: twenty dead over more than a minute are no flood", "[relay][flood]") {
  RelayRig rig;
  rig.destination.set_rule(refuse_source("a", bad_value()));
  for (int i = 0; i < 25; ++i) {
    rig.append("a", std::to_string(i));
    static_cast<void>(rig.settle_down());
    rig.clock.advance(3'158ms);
  }
  CHECK(rig.count(EntryState::dead) == 25);
  CHECK(rig.relay->stats().paused_sources.empty());
}

TEST_CASE(
    "relay: a flooded source with nothing pending needs no wake-up, and the next entry is tried",
    "[relay][flood]") {
  RelayRig rig;
  flood(rig, 20);
  CHECK(rig.count(EntryState::pending) == 0);
  rig.pass_time(1h);
  CHECK_FALSE(rig.relay->run_once().next);
  CHECK(rig.relay->stats().paused_sources.size() == 1);
  rig.destination.heal();
  rig.append("a", "good");
  static_cast<void>(rig.settle_down());
  CHECK(rig.count(EntryState::pending) == 0);
  CHECK(rig.relay->stats().paused_sources.empty());
}

TEST_CASE("relay: an outage while sources are held ends with everything delivered",
          "[relay][flood][outage]") {
  RelayRig rig;
  flood(rig, 25);
  rig.append("b", "waits");
  rig.destination.set_rule([](auto) { return failure_of(DeliveryClass::connection); });
  rig.pass_time(10min);
  CHECK(rig.count(EntryState::dead) == 20);
  CHECK(rig.relay->stats().state == DestinationState::backing_off);
  rig.destination.heal();
  rig.pass_time(2min);
  CHECK(rig.count(EntryState::pending) == 0);
  CHECK(rig.count(EntryState::dead) == 20);
}

TEST_CASE("relay: an entry that no session survives holds its source alone, and is not charged",
          "[relay][breaks_session]") {
  RelayRig rig;
  rig.append_many("a", 20);
  const Uuid killer = rig.append("a", "killer");
  rig.append("a", "behind");
  rig.append_many("b", 100);
  rig.append_many("c", 100);
  rig.destination.refuse_bodies({"killer"}, failure_of(DeliveryClass::connection));
  rig.pass_time(10min);
  CHECK(rig.count(EntryState::pending) == 2);
  CHECK(rig.find(killer).attempts.empty());
  const auto stats = rig.relay->stats();
  REQUIRE(stats.paused_sources.size() == 1);
  CHECK(stats.paused_sources.front().source == "a");
  CHECK(stats.paused_sources.front().reason == "breaks_session");
  CHECK(rig.events("source_paused").size() == 1);
  rig.destination.forget_calls();
  rig.pass_time(10min);
  CHECK(rig.destination.calls().size() <= 40);
  rig.append("b", "others go on");
  rig.pass_time(30s);
  CHECK(rig.count(EntryState::pending) == 2);
  rig.everything_arrives();
  CHECK(rig.relay->stats().paused_sources.empty());
  CHECK(rig.events("source_resumed").size() == 1);
}

TEST_CASE("relay: an outage of all is nobody's fault, even where a pooler opens sessions",
          "[relay][breaks_session]") {
  RelayRig rig;
  rig.append_many("a", 20);
  rig.append_many("b", 20);
  rig.destination.set_rule([](auto) { return failure_of(DeliveryClass::connection); });
  rig.pass_time(24h);
  CHECK(rig.relay->stats().paused_sources.empty());
  rig.destination.heal();
  rig.pass_time(31s);
  CHECK(rig.count(EntryState::pending) == 0);
  CHECK(rig.events("source_paused").empty());
  rig.everything_arrives();
}

TEST_CASE("relay: a pause that turns into a short wait is told as ended", "[relay][timeout]") {
  RelayRig rig;
  rig.append("a", "slow");
  rig.destination.refuse_bodies({"slow"}, too_slow());
  rig.pass_time(10s);
  CHECK(rig.relay->stats().paused_sources.size() == 1);
  rig.destination.heal();
  rig.destination.fail_next(failure_of(DeliveryClass::foreign_key, "23503"));
  rig.pass_time(30s);
  CHECK(rig.events("source_paused").size() == 1);
  CHECK(rig.events("source_resumed").size() == 1);
  rig.everything_arrives();
  CHECK(rig.events("source_resumed").size() == 1);
}
