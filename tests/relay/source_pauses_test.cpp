#include "relay/source_pauses.hpp"

#include <catch2/catch_test_macros.hpp>
#include <optional>

using namespace std::chrono_literals;
using namespace holdfast;
using namespace holdfast::relay;

namespace {

const SteadyTime start = SystemClock().steady_now();

SourcePause pause_of(SourcePauseReason reason, SteadyTime probe_at = start) {
  SourcePause pause;
  pause.reason = reason;
  pause.probe_at = probe_at;
  return pause;
}

struct Board {
  base::WakeSignal wake;
  SourcePauses sources{wake};
};

}  // namespace

TEST_CASE("source pauses: a pause is told once, a new reason again", "[relay][sources]") {
  Board board;
  auto first = pause_of(SourcePauseReason::configuration);
  first.since = WallTime(1s);
  CHECK(board.sources.pause("a", first) == 1);
  first.since = WallTime(2s);
  CHECK(board.sources.pause("a", first) == 2);
  REQUIRE(board.sources.paused_sources().size() == 1);
  CHECK(board.sources.paused_sources().front().since == WallTime(1s));
  CHECK(board.sources.pause("a", pause_of(SourcePauseReason::poison_flood)) == 1);
  CHECK(board.sources.view().paused == std::set<std::string>{"a"});
  CHECK(board.sources.resume("a"));
  CHECK_FALSE(board.sources.resume("a"));
}

TEST_CASE("source pauses: one machine probes, and only while its pass lasts", "[relay][sources]") {
  Board board;
  static_cast<void>(board.sources.pause("a", pause_of(SourcePauseReason::configuration)));
  const SourcePauses::Pass other(board.sources, 1);
  {
    const SourcePauses::Pass pass(board.sources, 0);
    CHECK(board.sources.next_probe() == start);
    REQUIRE(board.sources.take_probe("a", 0));
    CHECK_FALSE(board.sources.take_probe("a", 1));
    CHECK_FALSE(board.sources.next_probe());
  }
  CHECK(board.sources.take_probe("a", 1));
  CHECK_FALSE(board.sources.take_probe("unknown", 1));
}

TEST_CASE("source pauses: a probe waits for the passes of others that began before the pause",
          "[relay][sources]") {
  Board board;
  std::optional<SourcePauses::Pass> early(std::in_place, board.sources, 1);
  static_cast<void>(board.sources.pause("a", pause_of(SourcePauseReason::configuration)));
  const SourcePauses::Pass late(board.sources, 2);
  const SourcePauses::Pass mine(board.sources, 0);
  CHECK_FALSE(board.sources.take_probe("a", 0));
  CHECK_FALSE(board.sources.next_probe());
  const auto epoch = board.wake.epoch();
  early.reset();
  CHECK(board.wake.epoch() != epoch);
  CHECK(board.sources.next_probe() == start);
  CHECK(board.sources.take_probe("a", 0));
}

TEST_CASE("source pauses: the own pass that found the fault does not keep its machine from probing",
          "[relay][sources]") {
  Board board;
  const SourcePauses::Pass pass(board.sources, 0);
  static_cast<void>(board.sources.pause("a", pause_of(SourcePauseReason::configuration)));
  CHECK(board.sources.take_probe("a", 0));
}

TEST_CASE(
    "source pauses: whom nothing waits for is not woken; a look and an end of pass wake nobody",
    "[relay][sources]") {
  Board board;
  static_cast<void>(board.sources.pause("a", pause_of(SourcePauseReason::configuration)));
  const auto epoch = board.wake.epoch();
  {
    const SourcePauses::Pass pass(board.sources, 0);
    REQUIRE(board.sources.take_probe("a", 0));
    board.sources.nothing_to_probe("a");
  }
  CHECK(board.wake.epoch() == epoch);
  CHECK_FALSE(board.sources.next_probe());
  CHECK(board.sources.due(start) == std::vector<std::string>{"a"});
}

TEST_CASE("source pauses: probes come when they are due, or all at once early",
          "[relay][sources]") {
  Board board;
  static_cast<void>(
      board.sources.pause("a", pause_of(SourcePauseReason::configuration, start + 30s)));
  static_cast<void>(
      board.sources.pause("b", pause_of(SourcePauseReason::configuration, start + 20s)));
  CHECK(board.sources.next_probe() == start + 20s);
  CHECK(board.sources.due(start + 20s) == std::vector<std::string>{"b"});
  board.sources.postpone("b", start + 50s);
  CHECK(board.sources.next_probe() == start + 30s);
  board.sources.probe_all_at(start + 1s);
  CHECK(board.sources.due(start + 1s) == std::vector<std::string>{"a", "b"});
}

TEST_CASE("source pauses: dead of one source at several machines add up to a flood",
          "[relay][sources][flood]") {
  Board board;
  for (std::size_t i = 1; i < flood_deaths; ++i) CHECK_FALSE(board.sources.died("a", start));
  CHECK(board.sources.died("a", start));
  Entry entry;
  entry.source = "a";
  board.sources.delivered(std::span(&entry, 1));
  CHECK_FALSE(board.sources.died("a", start));
}
