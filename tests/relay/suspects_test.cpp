#include "relay/suspects.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>

#include "relay/holds.hpp"

using namespace std::chrono_literals;
using namespace holdfast;
using namespace holdfast::relay;

namespace {

const SteadyTime start = SystemClock().steady_now();
const OrderGroup a{"a", std::nullopt};
const OrderGroup b{"b", std::nullopt};
const std::set<std::string> none;

Hold hold_of(HoldReason reason, SteadyTime probe_at) {
  Hold hold;
  hold.reason = reason;
  hold.probe_at = probe_at;
  return hold;
}

}  // namespace

TEST_CASE("flood: nineteen dead are bad luck, the twentieth is a flood", "[relay][flood]") {
  FloodWatch flood;
  for (int i = 0; i < 19; ++i) CHECK_FALSE(flood.died("a", start + i * 1s));
  CHECK_FALSE(flood.died("b", start + 19s));
  CHECK(flood.died("a", start + 19s));
}

TEST_CASE("flood: twenty within 60 s count, twenty in a little more do not", "[relay][flood]") {
  FloodWatch within;
  for (int i = 0; i < 19; ++i) CHECK_FALSE(within.died("a", start));
  CHECK(within.died("a", start + 60s));
  FloodWatch beyond;
  for (int i = 0; i < 19; ++i) CHECK_FALSE(beyond.died("a", start));
  CHECK_FALSE(beyond.died("a", start + 60'001ms));
  for (int i = 0; i < 18; ++i) CHECK_FALSE(beyond.died("a", start + 60'001ms));
  CHECK(beyond.died("a", start + 60'001ms));
}

TEST_CASE("flood: one delivered between starts the count again", "[relay][flood]") {
  FloodWatch flood;
  for (int i = 0; i < 19; ++i) CHECK_FALSE(flood.died("a", start));
  flood.delivered("a");
  for (int i = 0; i < 19; ++i) CHECK_FALSE(flood.died("a", start));
  flood.delivered("b");
  CHECK(flood.died("a", start));
}

TEST_CASE("suspects: a group has one, and another entry starts from nothing", "[relay][suspects]") {
  Suspects suspects;
  Entry entry;
  entry.seq = 5;
  entry.source = "a";
  suspects.of(entry).data_errors = 1;
  suspects.of(entry).foreign_key_tries = 2;
  CHECK(suspects.of(entry).data_errors == 1);
  suspects.forgive_missing_parents();
  CHECK(suspects.of(entry).foreign_key_tries == 0);
  CHECK(suspects.of(entry).data_errors == 1);
  entry.seq = 6;
  CHECK(suspects.of(entry).data_errors == 0);
}

TEST_CASE("holds: only pauses are told to the operator, and only once", "[relay][holds]") {
  Holds holds;
  CHECK_FALSE(holds.hold(a, hold_of(HoldReason::retry_alone, start + 1s)));
  CHECK(holds.paused_sources().empty());
  CHECK(holds.hold(a, hold_of(HoldReason::timeout, start + 30s)));
  CHECK_FALSE(holds.hold(a, hold_of(HoldReason::timeout, start + 60s)));
  REQUIRE(holds.paused_sources().size() == 1);
  CHECK(holds.paused_sources().front().reason == "timeout");
  CHECK(holds.release(a));
  CHECK_FALSE(holds.release(a));
  CHECK(holds.paused_sources().empty());
}

TEST_CASE("holds: a prolonged hold keeps its beginning, a new reason starts anew",
          "[relay][holds]") {
  Holds holds;
  Hold hold = hold_of(HoldReason::timeout, start);
  hold.since = WallTime(1s);
  static_cast<void>(holds.hold(a, hold));
  hold.since = WallTime(2s);
  static_cast<void>(holds.hold(a, hold));
  CHECK(holds.find(a)->since == WallTime(1s));
  hold.reason = HoldReason::contention;
  CHECK(holds.hold(a, hold));
  CHECK(holds.find(a)->since == WallTime(2s));
}

TEST_CASE("holds: probes come when they are due, the longest due first", "[relay][holds]") {
  Holds holds;
  CHECK_FALSE(holds.next_probe(none));
  static_cast<void>(holds.hold(b, hold_of(HoldReason::timeout, start + 1s)));
  static_cast<void>(holds.hold(a, hold_of(HoldReason::timeout, start + 2s)));
  CHECK(holds.next_probe(none) == start + 1s);
  CHECK(holds.due(start + 999ms, none).empty());
  CHECK(holds.due(start + 1s, none) == std::vector{b});
  CHECK(holds.due(start + 2s, none) == std::vector{b, a});
  CHECK(holds.next_probe({"b"}) == start + 2s);
  CHECK(holds.due(start + 2s, {"b"}) == std::vector{a});
}

TEST_CASE("holds: of one source an operator hears once, however many of its groups are paused",
          "[relay][holds]") {
  Holds holds;
  CHECK(holds.hold({"a", 1}, hold_of(HoldReason::timeout, start)));
  CHECK_FALSE(holds.hold({"a", 2}, hold_of(HoldReason::timeout, start)));
  CHECK(holds.hold({"a", 3}, hold_of(HoldReason::contention, start)));
  CHECK(holds.has("a", HoldReason::timeout));
  REQUIRE(holds.release({"a", 1}));
  CHECK(holds.has("a", HoldReason::timeout));
  REQUIRE(holds.release({"a", 2}));
  CHECK_FALSE(holds.has("a", HoldReason::timeout));
}

TEST_CASE("holds: a source has room for so many groups, and another one for its own",
          "[relay][holds]") {
  Holds holds;
  for (std::size_t i = 0; i < groups_held_max; ++i) {
    CHECK_FALSE(holds.full("a"));
    static_cast<void>(holds.hold({"a", static_cast<std::int64_t>(i)},
                                 hold_of(HoldReason::parent_missing, start)));
  }
  CHECK(holds.full("a"));
  CHECK_FALSE(holds.full("b"));
  CHECK(std::ranges::is_sorted(holds.groups()));
  CHECK(holds.any_short(none));
  CHECK_FALSE(holds.any_short({"a"}));
  CHECK_FALSE(holds.any_pause());
}

TEST_CASE("holds: each pause is probed once early, a short wait keeps its time", "[relay][holds]") {
  Holds holds;
  static_cast<void>(holds.hold(a, hold_of(HoldReason::timeout, start + 30s)));
  static_cast<void>(holds.hold(b, hold_of(HoldReason::parent_missing, start + 30s)));
  holds.probe_pauses_at(start);
  CHECK(holds.due(start, none) == std::vector{a});
}

TEST_CASE("suspects: a group has its own, and those that break sessions are known with their entry",
          "[relay][suspects]") {
  Suspects suspects;
  Entry entry;
  entry.source = "a";
  for (std::int64_t key = 1; key <= 3; ++key) {
    entry.seq = 10 * key;
    entry.order_hash = key;
    suspects.of(entry).sessions_broken = key == 2 ? sessions_broken_suspicious : 0;
  }
  using Breakers = std::vector<std::pair<OrderGroup, std::int64_t>>;
  CHECK(suspects.session_breakers() == Breakers{{{"a", 2}, 20}});
  suspects.clear({"a", 2});
  CHECK(suspects.session_breakers().empty());
}

TEST_CASE("suspects: their number has a limit, and the oldest is forgotten", "[relay][suspects]") {
  Suspects suspects;
  Entry entry;
  entry.source = "a";
  for (std::int64_t seq = 1; seq <= static_cast<std::int64_t>(suspects_max) + 1; ++seq) {
    entry.seq = seq;
    entry.order_hash = seq;
    suspects.of(entry).sessions_broken = seq <= 2 ? sessions_broken_suspicious : 0;
  }
  REQUIRE(suspects.session_breakers().size() == 1);
  CHECK(suspects.session_breakers().front().second == 2);
}

TEST_CASE("blocked: the third time blocks the source, one group alone counts once",
          "[relay][blocked]") {
  BlockWatch watch;
  for (int i = 0; i < 10; ++i) CHECK_FALSE(watch.blocked({{"a", 1}}));
  CHECK_FALSE(watch.blocked({{"a", 2}}));
  CHECK_FALSE(watch.blocked({{"b", 3}}));
  CHECK(watch.blocked({{"a", 3}}));
  watch.clear("a");
  CHECK_FALSE(watch.blocked({{"a", 1}, {"a", 2}}));
  CHECK_FALSE(watch.blocked({{"a", 1}, {"a", 2}}));
  CHECK(watch.blocked({{"a", 1}}));
}
