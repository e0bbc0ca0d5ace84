#include "relay/merge_stats.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace std::chrono_literals;
using namespace holdfast;
using relay::merge_stats;

namespace {

RelayStats machine(DestinationState state) {
  RelayStats stats;
  stats.state = state;
  stats.delivery_seconds = {{1, 2}, {1, 0, 2}, 5};
  stats.end_to_end_seconds = {{1}, {3, 4}, 6};
  return stats;
}

DestinationState merged(DestinationState left, DestinationState right) {
  const std::vector each{machine(left), machine(right)};
  return merge_stats(each).state;
}

}  // namespace

TEST_CASE("stats: of several machines the worst state is that of the relay", "[relay][stats]") {
  using enum DestinationState;
  CHECK(merged(connected, idle) == connected);
  CHECK(merged(idle, connected) == connected);
  CHECK(merged(connected, backing_off) == backing_off);
  CHECK(merged(paused, backing_off) == paused);
  CHECK(merged(idle, idle) == idle);
}

TEST_CASE("stats: counters and histograms are summed, times are the telling ones",
          "[relay][stats]") {
  RelayStats left = machine(DestinationState::connected);
  RelayStats right = machine(DestinationState::paused);
  left.last_success = WallTime(5s);
  right.last_success = WallTime(4s);
  left.last_error = "older";
  left.last_error_at = WallTime(1s);
  right.last_error = "newer";
  right.last_error_at = WallTime(2s);
  left.retry_at = WallTime(9s);
  right.retry_at = WallTime(8s);
  right.paused = true;
  right.pause_reason = "configuration";
  left.consecutive_failures = 3;
  right.consecutive_failures = 2;
  left.connects = 4;
  right.connects = 5;
  left.delivered_by_source = {{"a", 1}, {"b", 2}};
  right.delivered_by_source = {{"b", 3}};
  left.attempts[{"delivered", ""}] = 2;
  right.attempts[{"delivered", ""}] = 5;
  for (const auto& each : {std::vector{left, right}, std::vector{right, left}}) {
    RelayStats sum = merge_stats(each);
    CHECK(sum.last_success == WallTime(5s));
    CHECK(sum.last_error == "newer");
    CHECK(sum.last_error_at == WallTime(2s));
    CHECK(sum.retry_at == WallTime(8s));
    CHECK(sum.paused);
    CHECK(sum.pause_reason == "configuration");
    CHECK(sum.consecutive_failures == 3);
    CHECK(sum.connects == 9);
    CHECK(sum.delivered_by_source == std::map<std::string, std::uint64_t>{{"a", 1}, {"b", 5}});
    CHECK(sum.attempts[{"delivered", ""}] == 7);
    CHECK(sum.delivery_seconds.counts == std::vector<std::uint64_t>{2, 0, 4});
    CHECK(sum.delivery_seconds.sum == 10);
    CHECK(sum.end_to_end_seconds.counts == std::vector<std::uint64_t>{6, 8});
  }
}

TEST_CASE("stats: a source is named once, with its longest pause", "[relay][stats]") {
  const auto paused = relay::without_repeats({{"b", "timeout", "", WallTime(3s)},
                                              {"a", "timeout", "", WallTime(2s)},
                                              {"b", "configuration", "", WallTime(1s)},
                                              {"a", "timeout", "", WallTime(2s)}});
  REQUIRE(paused.size() == 2);
  CHECK(paused[0].source == "a");
  CHECK(paused[1].source == "b");
  CHECK(paused[1].reason == "configuration");
}
