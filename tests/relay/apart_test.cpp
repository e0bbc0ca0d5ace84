#include "relay/apart.hpp"

#include <catch2/catch_test_macros.hpp>

#include "relay/breaker.hpp"

using namespace holdfast::relay;

TEST_CASE("apart: a source that goes well at once is together with the others again",
          "[relay][blocked]") {
  ApartSources apart(100);
  CHECK(apart.empty());
  apart.add("a");
  CHECK(apart.contains("a"));
  CHECK(apart.entries_max("a") == 100);
  apart.delivered("b");
  CHECK(apart.contains("a"));
  apart.delivered("a");
  CHECK(apart.empty());
}

TEST_CASE("apart: from one entry alone it grows fast, from a half with patience",
          "[relay][blocked]") {
  ApartSources apart(10);
  apart.shrink("a", 1);
  apart.add("a");
  CHECK(apart.entries_max("a") == 1);
  apart.delivered("a");
  CHECK(apart.entries_max("a") == ramp_factor);
  for (std::uint32_t i = 1; i < ceiling_patience; ++i) apart.delivered("a");
  CHECK(apart.entries_max("a") == ramp_factor);
  apart.delivered("a");
  CHECK(apart.entries_max("a") == 2 * ramp_factor);
  for (std::uint32_t i = 0; i < ceiling_patience; ++i) apart.delivered("a");
  CHECK_FALSE(apart.contains("a"));
}

TEST_CASE("apart: its share is never empty and never more than everybody's", "[relay][blocked]") {
  ApartSources apart(1);
  apart.shrink("a", 0);
  CHECK(apart.entries_max("a") == 1);
  apart.shrink("b", 7);
  CHECK(apart.entries_max("b") == 1);
  apart.delivered("a");
  CHECK_FALSE(apart.contains("a"));
}
