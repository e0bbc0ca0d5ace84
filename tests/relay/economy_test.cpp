#include "relay/economy.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace std::chrono_literals;
using namespace holdfast;
using namespace holdfast::relay;

namespace {

using Entered = Economy::Entered;

const SteadyTime start = SystemClock().steady_now();

struct Gate {
  explicit Gate(std::uint32_t machines = 1) : economy(30min, machines, wake) {}
  base::WakeSignal wake;
  Economy economy;
};

}  // namespace

TEST_CASE("economy: the gate opens when the first entry is as old as the window",
          "[relay][economy]") {
  Gate gate;
  CHECK(gate.economy.waits_for_entry());
  CHECK_FALSE(gate.economy.deadline());
  CHECK(gate.economy.enter(0, 10, start) == Entered::no);
  gate.economy.gather(10min, start);
  CHECK_FALSE(gate.economy.waits_for_entry());
  CHECK(gate.economy.deadline() == start + 20min);
  CHECK(gate.economy.enter(0, 10, start + 20min - 1ms) == Entered::no);
  CHECK(gate.economy.enter(0, 10, start + 20min) == Entered::opened);
  CHECK(gate.economy.enter(0, 10, start + 20min) == Entered::yes);
  CHECK_FALSE(gate.economy.next_contact());
  CHECK_FALSE(gate.economy.waits_for_entry());
  gate.economy.leave(0, 0);
  CHECK_FALSE(gate.economy.deadline());
  CHECK(gate.economy.waits_for_entry());
  CHECK(gate.economy.enter(0, 10, start + 24h) == Entered::no);
}

TEST_CASE("economy: a wall clock that jumped changes the wait by no more than a window",
          "[relay][economy]") {
  Gate future;
  future.economy.gather(-48h, start);
  CHECK(future.economy.deadline() == start + 30min);
  Gate past;
  past.economy.gather(48h, start);
  CHECK(past.economy.deadline() == start);
  CHECK(past.economy.enter(0, 1, start) == Entered::opened);
}

TEST_CASE("economy: 64 MiB open the gate early, less what the last drain left",
          "[relay][economy]") {
  Gate gate;
  CHECK(gate.economy.enter(0, economy_flush_bytes, start) == Entered::no);
  gate.economy.gather(0ms, start);
  CHECK(gate.economy.enter(0, economy_flush_bytes - 1, start) == Entered::no);
  CHECK(gate.economy.enter(0, economy_flush_bytes, start) == Entered::opened);
  gate.economy.leave(0, 1000);
  gate.economy.gather(0ms, start);
  CHECK(gate.economy.enter(0, economy_flush_bytes + 999, start) == Entered::no);
  // Someone discarded half of what was left.
  CHECK(gate.economy.enter(0, 500, start) == Entered::no);
  CHECK(gate.economy.enter(0, economy_flush_bytes + 499, start) == Entered::no);
  CHECK(gate.economy.enter(0, economy_flush_bytes + 500, start) == Entered::opened);
}

TEST_CASE("economy: pauses alone open the gate once a window, and not for their bytes",
          "[relay][economy]") {
  Gate gate;
  gate.economy.remember_pauses(start);
  CHECK(gate.economy.deadline() == start + 30min);
  gate.economy.remember_pauses(start + 10min);
  CHECK(gate.economy.deadline() == start + 30min);
  CHECK(gate.economy.enter(0, 10 * economy_flush_bytes, start + 10min) == Entered::no);
  CHECK(gate.economy.waits_for_entry());
  // An entry may only bring it forward.
  gate.economy.gather(0ms, start + 10min);
  CHECK(gate.economy.deadline() == start + 30min);
  gate.economy.gather(25min, start + 10min);
  CHECK(gate.economy.deadline() == start + 15min);
}

TEST_CASE("economy: all machines drain together, and the last one shuts the gate",
          "[relay][economy]") {
  Gate gate(3);
  gate.economy.gather(30min, start);
  auto epoch = gate.wake.epoch();
  CHECK(gate.economy.enter(1, 1, start) == Entered::opened);
  CHECK(gate.wake.epoch() != epoch);
  gate.economy.leave(1, 1);
  CHECK(gate.economy.enter(0, 1, start) == Entered::yes);
  CHECK(gate.economy.enter(1, 1, start) == Entered::no);
  gate.economy.leave(0, 1);
  CHECK(gate.economy.enter(2, 1, start) == Entered::yes);
  epoch = gate.wake.epoch();
  gate.economy.leave(2, 1);
  CHECK(gate.wake.epoch() != epoch);
  CHECK(gate.economy.enter(0, 1, start) == Entered::no);
  CHECK(gate.economy.drains() == 1);
}

TEST_CASE("economy: a machine that cannot end its drain keeps the others out for one window only",
          "[relay][economy]") {
  Gate gate(2);
  gate.economy.gather(30min, start);
  CHECK(gate.economy.enter(0, 1, start) == Entered::opened);
  gate.economy.leave(1, 1);
  CHECK(gate.economy.enter(1, 1, start) == Entered::no);
  CHECK(gate.economy.deadline() == start + 30min);
  CHECK(gate.economy.enter(1, 1, start + 30min - 1ms) == Entered::no);
  CHECK(gate.economy.enter(0, 1, start + 40min) == Entered::yes);
  CHECK(gate.economy.enter(1, 1, start + 40min) == Entered::opened);
  CHECK(gate.economy.drains() == 2);
  gate.economy.leave(1, 1);
  CHECK(gate.economy.enter(1, 1, start + 40min) == Entered::no);
  gate.economy.leave(0, 1);
  CHECK(gate.economy.waits_for_entry());
}
