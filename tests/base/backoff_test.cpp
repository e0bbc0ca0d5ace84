#include "base/backoff.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace std::chrono_literals;
using holdfast::base::backoff_ceiling;
using holdfast::base::Jitter;

TEST_CASE("backoff: the ceiling doubles until the cap", "[base][backoff]") {
  CHECK(backoff_ceiling(200ms, 30s, 0) == 200ms);
  CHECK(backoff_ceiling(200ms, 30s, 1) == 400ms);
  CHECK(backoff_ceiling(200ms, 30s, 7) == 25'600ms);
  CHECK(backoff_ceiling(200ms, 30s, 8) == 30s);
  CHECK(backoff_ceiling(200ms, 200ms, 0) == 200ms);
  CHECK(backoff_ceiling(0ms, 30s, 5) == 0ms);
}

TEST_CASE("backoff: an outage of any length stays at the cap", "[base][backoff]") {
  for (std::uint32_t n = 8; n < 200; ++n) CHECK(backoff_ceiling(200ms, 30s, n) == 30s);
  CHECK(backoff_ceiling(1ms, 24h * 365, 62) == 24h * 365);
  CHECK(backoff_ceiling(1ms, 24h * 365, 63) == 24h * 365);
  CHECK(backoff_ceiling(1ms, 24h * 365, 64) == 24h * 365);
  CHECK(backoff_ceiling(1ms, 24h * 365, UINT32_MAX) == 24h * 365);
}

TEST_CASE("backoff: jitter is full, from nothing to the ceiling", "[base][backoff]") {
  Jitter jitter(7);
  bool low = false;
  bool high = false;
  for (int i = 0; i < 10'000; ++i) {
    const auto delay = jitter.up_to(100ms);
    REQUIRE(delay >= 0ms);
    REQUIRE(delay <= 100ms);
    low = low || delay == 0ms;
    high = high || delay == 100ms;
  }
  CHECK(low);
  CHECK(high);
  CHECK(jitter.up_to(0ms) == 0ms);
}

TEST_CASE("backoff: the same seed gives the same delays", "[base][backoff]") {
  Jitter one(42);
  Jitter same(42);
  Jitter other(43);
  bool differs = false;
  for (int i = 0; i < 100; ++i) {
    const auto delay = one.up_to(30s);
    CHECK(delay == same.up_to(30s));
    differs = differs || delay != other.up_to(30s);
  }
  CHECK(differs);
}
