#include "relay/suspects.hpp"

#include <catch2/catch_test_macros.hpp>

#include "relay/holds.hpp"

using namespace std::chrono_literals;
using namespace holdfast;
using namespace holdfast::relay;

namespace {

const SteadyTime start = SystemClock().steady_now();

Hold hold_of(HoldReason reason, SteadyTime probe_at) {
  Hold hold;
  hold.reason = reason;
  hold.source = "a";
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
  CHECK_FALSE(holds.hold("a", hold_of(HoldReason::retry_alone, start + 1s)));
  CHECK(holds.paused_sources().empty());
  CHECK(holds.hold("a", hold_of(HoldReason::timeout, start + 30s)));
  CHECK_FALSE(holds.hold("a", hold_of(HoldReason::timeout, start + 60s)));
  REQUIRE(holds.paused_sources().size() == 1);
  CHECK(holds.paused_sources().front().reason == "timeout");
  CHECK(holds.find("a")->probes == 1);
  CHECK(holds.release("a"));
  CHECK_FALSE(holds.release("a"));
  CHECK(holds.paused_sources().empty());
}

TEST_CASE("holds: a prolonged hold keeps its beginning, a new reason starts anew",
          "[relay][holds]") {
  Holds holds;
  Hold hold = hold_of(HoldReason::timeout, start);
  hold.since = WallTime(1s);
  static_cast<void>(holds.hold("a", hold));
  hold.since = WallTime(2s);
  static_cast<void>(holds.hold("a", hold));
  CHECK(holds.find("a")->since == WallTime(1s));
  hold.reason = HoldReason::poison_flood;
  CHECK(holds.hold("a", hold));
  CHECK(holds.find("a")->since == WallTime(2s));
}

TEST_CASE("holds: probes come when they are due, the longest due first", "[relay][holds]") {
  Holds holds;
  CHECK_FALSE(holds.next_probe());
  static_cast<void>(holds.hold("b", hold_of(HoldReason::timeout, start + 1s)));
  static_cast<void>(holds.hold("a", hold_of(HoldReason::timeout, start + 2s)));
  CHECK(holds.next_probe() == start + 1s);
  CHECK(holds.due(start + 999ms).empty());
  CHECK(holds.due(start + 1s) == std::vector<std::string>{"b"});
  CHECK(holds.due(start + 2s) == std::vector<std::string>{"b", "a"});
  holds.nothing_to_probe("b");
  CHECK(holds.next_probe() == start + 2s);
  CHECK(holds.due(start + 1s) == std::vector<std::string>{"b"});
}
