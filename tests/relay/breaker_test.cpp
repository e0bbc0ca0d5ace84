#include "relay/breaker.hpp"

#include <catch2/catch_test_macros.hpp>

#include "support/fake_clock.hpp"
#include "support/fake_destination.hpp"

using namespace std::chrono_literals;
using namespace holdfast;
using relay::Breaker;
using support::failure_of;

namespace {

DestinationConfig defaults() {
  return {};
}

DeliveryFailure lost_after_life() {
  auto failure = failure_of(DeliveryClass::connection);
  failure.session_had_lived = true;
  return failure;
}

DeliveryFailure slow_start() {
  auto failure = failure_of(DeliveryClass::server, "53300");
  failure.slow_start = true;
  return failure;
}

const SteadyTime now = SystemClock().steady_now();

}  // namespace

TEST_CASE("breaker: a lost link is waited for from 200 ms to 30 s at most", "[relay][breaker]") {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Breaker breaker(defaults(), seed);
    std::chrono::milliseconds longest = 0ms;
    for (std::uint32_t n = 0; n < 100; ++n) {
      const auto retry = breaker.unreachable(failure_of(DeliveryClass::connection), now);
      CHECK(retry.attempt == n + 1);
      CHECK(retry.delay <= base::backoff_ceiling(200ms, 30s, n));
      CHECK(breaker.not_before() == now + retry.delay);
      longest = std::max(longest, retry.delay);
    }
    CHECK(longest > 10s);
  }
}

TEST_CASE("breaker: a server in trouble is given four times as long", "[relay][breaker]") {
  Breaker breaker(defaults(), 1);
  std::chrono::milliseconds longest = 0ms;
  for (std::uint32_t n = 0; n < 200; ++n) {
    const auto delay = breaker.unreachable(failure_of(DeliveryClass::server), now).delay;
    CHECK(delay <= 120s);
    longest = std::max(longest, delay);
  }
  CHECK(longest > 60s);
}

TEST_CASE("breaker: too many connections wait at least five seconds", "[relay][breaker]") {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Breaker breaker(defaults(), seed);
    const auto delay = breaker.unreachable(slow_start(), now).delay;
    CHECK(delay >= 5s);
    CHECK(delay <= 5s + 200ms);
  }
}

TEST_CASE("breaker: the first reconnect after a session that had lived is immediate, once",
          "[relay][breaker]") {
  Breaker breaker(defaults(), 1);
  CHECK(breaker.unreachable(lost_after_life(), now).delay == 0ms);
  CHECK_FALSE(breaker.not_before());
  CHECK(breaker.entries_max() == 1000);
  CHECK(breaker.failing());
  static_cast<void>(breaker.unreachable(lost_after_life(), now));
  CHECK(breaker.not_before());
  CHECK(breaker.entries_max() == 1);
  CHECK(breaker.half_open());
}

TEST_CASE("breaker: a session that never lived, a rate limit or a server in trouble waits",
          "[relay][breaker]") {
  auto disk_full = failure_of(DeliveryClass::server, "53100");
  disk_full.session_lost = disk_full.session_had_lived = true;
  Breaker full(defaults(), 1);
  static_cast<void>(full.unreachable(disk_full, now));
  CHECK(full.not_before());
  disk_full.in_doubt = true;
  Breaker doubtful(defaults(), 1);
  CHECK(doubtful.unreachable(disk_full, now).delay == 0ms);
  Breaker fresh(defaults(), 1);
  static_cast<void>(fresh.unreachable(failure_of(DeliveryClass::connection), now));
  CHECK(fresh.not_before());
  auto limited = slow_start();
  limited.session_lost = limited.session_had_lived = true;
  Breaker other(defaults(), 1);
  CHECK(other.unreachable(limited, now).delay >= 5s);
}

TEST_CASE("breaker: after a probe the batch grows 1, 4, 16 to the full size", "[relay][breaker]") {
  Breaker breaker(defaults(), 1);
  static_cast<void>(breaker.unreachable(failure_of(DeliveryClass::connection), now));
  std::vector<std::uint32_t> sizes;
  for (int i = 0; i < 7; ++i) {
    sizes.push_back(breaker.entries_max());
    static_cast<void>(breaker.answered());
    breaker.delivered(breaker.entries_max());
  }
  CHECK(sizes == std::vector<std::uint32_t>{1, 4, 16, 64, 256, 1000, 1000});
}

TEST_CASE("breaker: a batch that was not full does not make the next one larger",
          "[relay][breaker]") {
  Breaker breaker(defaults(), 1);
  static_cast<void>(breaker.unreachable(failure_of(DeliveryClass::connection), now));
  static_cast<void>(breaker.answered());
  breaker.delivered(1);
  CHECK(breaker.entries_max() == 4);
  breaker.delivered(3);
  CHECK(breaker.entries_max() == 4);
  breaker.delivered(4);
  CHECK(breaker.entries_max() == 16);
}

TEST_CASE("breaker: the third contention in a row counts as an outage, the second does not",
          "[relay][breaker]") {
  Breaker breaker(defaults(), 1);
  const auto deadlock = failure_of(DeliveryClass::contention, "40P01");
  for (std::uint32_t n = 1; n <= 2; ++n) {
    const auto retry = breaker.contended(deadlock, now);
    CHECK(retry.attempt == n);
    CHECK(retry.delay <= base::backoff_ceiling(20ms, 1s, n - 1));
    CHECK_FALSE(breaker.failing());
    CHECK(breaker.entries_max() == 1000);
  }
  static_cast<void>(breaker.contended(deadlock, now));
  CHECK(breaker.failing());
  CHECK(breaker.entries_max() == 1);
}

TEST_CASE("breaker: a commit between makes contention start from one", "[relay][breaker]") {
  Breaker breaker(defaults(), 1);
  const auto deadlock = failure_of(DeliveryClass::contention, "40P01");
  for (int i = 0; i < 2; ++i) static_cast<void>(breaker.contended(deadlock, now));
  breaker.delivered(10);
  CHECK(breaker.contended(deadlock, now).attempt == 1);
}

TEST_CASE("breaker: a batch too slow is halved, and grows back after eight good ones",
          "[relay][breaker]") {
  Breaker breaker(defaults(), 1);
  static_cast<void>(breaker.too_slow(1000));
  CHECK(breaker.entries_max() == 500);
  static_cast<void>(breaker.too_slow(3));
  CHECK(breaker.entries_max() == 1);
  static_cast<void>(breaker.too_slow(1));
  CHECK(breaker.entries_max() == 1);
  static_cast<void>(breaker.too_slow(500));
  for (int i = 0; i < 7; ++i) breaker.delivered(250);
  CHECK(breaker.entries_max() == 250);
  breaker.delivered(250);
  CHECK(breaker.entries_max() == 500);
  breaker.culprit_found();
  CHECK(breaker.entries_max() == 1000);
}

TEST_CASE("breaker: a pause is probed every 30 s with one entry, whatever comes",
          "[relay][breaker]") {
  Breaker breaker(defaults(), 1);
  CHECK(breaker.pause("configuration", now).delay == 30s);
  CHECK(breaker.paused());
  CHECK(breaker.entries_max() == 1);
  CHECK(breaker.unreachable(lost_after_life(), now).delay == 30s);
  CHECK(breaker.paused());
  CHECK(breaker.answered() == Breaker::Recovery::pause);
  CHECK_FALSE(breaker.paused());
  CHECK_FALSE(breaker.not_before());
  CHECK(breaker.answered() == Breaker::Recovery::none);
}

TEST_CASE("breaker: a batch limit of one is never exceeded", "[relay][breaker]") {
  auto config = defaults();
  config.batch_entries = 1;
  Breaker breaker(config, 1);
  CHECK(breaker.entries_max() == 1);
  breaker.delivered(1);
  static_cast<void>(breaker.too_slow(1));
  for (int i = 0; i < 20; ++i) breaker.delivered(1);
  CHECK(breaker.entries_max() == 1);
}
