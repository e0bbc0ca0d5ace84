#include "base/uuid.hpp"

#include <catch2/catch_test_macros.hpp>
#include <set>

using namespace holdfast;
using namespace holdfast::base;

TEST_CASE("uuid: text goes both ways and nothing else is read", "[base]") {
  const auto id = Uuid::parse("018F3E6C-1234-7abc-8def-0123456789AB");
  REQUIRE(id);
  CHECK(id->to_string() == "018f3e6c-1234-7abc-8def-0123456789ab");
  CHECK_FALSE(Uuid::parse(""));
  CHECK_FALSE(Uuid::parse("018f3e6c-1234-7abc-8def-0123456789a"));
  CHECK_FALSE(Uuid::parse("018f3e6c-1234-7abc-8def-0123456789ag"));
  CHECK_FALSE(Uuid::parse("018f3e6c1-234-7abc-8def-0123456789ab"));
  CHECK_FALSE(Uuid::parse("{18f3e6c-1234-7abc-8def-0123456789ab}"));
}

TEST_CASE("uuid: version 7 ids carry the time, version and variant", "[base]") {
  UuidV7Generator generator{Uuid{}};
  const WallTime now{std::chrono::milliseconds(1'700'000'000'123)};
  const auto id = generator.next(now);
  CHECK(time_of(id) == now);
  CHECK((id.bytes[6] >> 4) == 7);
  CHECK((id.bytes[8] >> 6) == 2);
}

TEST_CASE("uuid: ids grow strictly within a millisecond, past 4096 of them and backwards in time",
          "[base]") {
  UuidV7Generator generator{Uuid{}};
  WallTime now{std::chrono::milliseconds(1'700'000'000'000)};
  Uuid last = generator.next(now);
  for (int i = 0; i < 20'000; ++i) {
    if (i % 5'000 == 4'999) now -= std::chrono::hours(24 * 365);
    const auto id = generator.next(now);
    REQUIRE(last < id);
    last = id;
  }
}

TEST_CASE("uuid: a restart goes on above the last id, although the clock went back", "[base]") {
  const WallTime now{std::chrono::milliseconds(1'700'000'000'000)};
  UuidV7Generator before{Uuid{}};
  const auto last = before.next(now);
  UuidV7Generator after(last);
  CHECK(last < after.next(now - std::chrono::hours(1)));
}

TEST_CASE("uuid: random ids are version 4 and differ", "[base]") {
  std::set<Uuid> seen;
  for (int i = 0; i < 1000; ++i) {
    const auto id = random_uuid();
    CHECK((id.bytes[6] >> 4) == 4);
    CHECK((id.bytes[8] >> 6) == 2);
    seen.insert(id);
  }
  CHECK(seen.size() == 1000);
}
