#include "outbox/gathering.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace holdfast;
using namespace holdfast::outbox;
using namespace std::chrono_literals;

namespace {

constexpr SteadyTime begin{1h};

/// After many commits of one size.
Gathering after(std::size_t appends, std::size_t waiting, std::chrono::nanoseconds sync) {
  Gathering gathering;
  for (int i = 0; i < 200; ++i) gathering.committed(appends, waiting, sync);
  gathering.begun(begin);
  return gathering;
}

}  // namespace

TEST_CASE("gathering: a group waits for as many as there were lately", "[outbox][gathering]") {
  const auto gathering = after(8, 8, 1ms);
  CHECK(gathering.wanted(1) == 7);
  CHECK(gathering.wanted(8) == 4);
  CHECK(gathering.wanted(14) == 1);
  CHECK(gathering.wanted(15) == 1);
  CHECK(gathering.wanted(16) == 0);
  CHECK(gathering.wanted(40) == 0);
  CHECK(after(40, 24, 1ms).wanted(1) == Gathering::handful_max);
}

TEST_CASE("gathering: a lone request waits for nobody", "[outbox][gathering]") {
  CHECK(after(1, 0, 100ms).wanted(1) == 0);
  CHECK(Gathering().wanted(1) == 0);
}

TEST_CASE("gathering: it takes at most what a sync takes beyond a fast one, and 10 ms",
          "[outbox][gathering]") {
  const auto wait = [](std::chrono::nanoseconds sync) { return after(8, 8, sync).until() - begin; };
  CHECK(wait(1ms) > 700us);
  CHECK(wait(1ms) <= 750us);
  CHECK(wait(250us) == 0us);
  CHECK(wait(10us) == 0us);
  CHECK(wait(9ms) < 10ms);
  CHECK(wait(11ms) == 10ms);
  CHECK(wait(1s) == 10ms);
}

TEST_CASE("gathering: it ends when they stop coming", "[outbox][gathering]") {
  auto gathering = after(8, 8, 2ms);
  CHECK(gathering.handful_until(begin) - begin > 480us);
  CHECK(gathering.handful_until(begin) - begin <= 500us);
  CHECK(gathering.handful_until(begin + 1700us) == gathering.until());
  gathering.give_up(begin + 100us);
  CHECK(gathering.until() == begin + 100us);
  gathering.give_up(begin + 200us);
  CHECK(gathering.until() == begin + 100us);
}

TEST_CASE("gathering: one slow sync is no slow disk", "[outbox][gathering]") {
  auto gathering = after(8, 8, 100us);
  gathering.committed(8, 8, 1s);
  for (int i = 0; i < 60; ++i) gathering.committed(8, 8, 100us);
  gathering.begun(begin);
  CHECK(gathering.until() == begin);
}
