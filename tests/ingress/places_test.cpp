#include "ingress/places.hpp"

#include <catch2/catch_test_macros.hpp>
#include <optional>
#include <vector>

using namespace holdfast;
using namespace holdfast::ingress;
using namespace std::chrono_literals;
using Crowd = Places::Crowd;

namespace {

IpAddress address(std::string_view text) {
  return IpAddress::parse(text).value();
}

}  // namespace

TEST_CASE("places: who was told to go makes nobody else give way", "[ingress][places]") {
  Places places({.open_max = 2, .per_address_max = 1});
  const auto first = places.enter(address("192.0.2.1"), false);
  auto second = places.enter(address("192.0.2.2"), false);
  {
    // One address above its limit is told so, and takes no place of all.
    const auto beyond = places.enter(address("192.0.2.1"), false);
    CHECK(beyond.crowd == Crowd::address);
    CHECK(places.count() == 3);
    CHECK(places.excess() == 0);
  }
  second.place.set_going();
  second.place.set_going();
  const auto moved = std::move(second.place);
  {
    const auto third = places.enter(address("192.0.2.3"), false);
    CHECK(third.crowd == Crowd::none);
    CHECK(places.enter(address("192.0.2.4"), false).crowd == Crowd::all);
  }
  CHECK(places.count() == 2);
}

TEST_CASE("places: all together are counted up to their limit, and given back",
          "[ingress][places]") {
  Places places({.open_max = 2, .per_address_max = 10});
  std::optional<Places::Entered> first(places.enter(address("192.0.2.1"), false));
  const auto second = places.enter(address("192.0.2.2"), false);
  CHECK(first->crowd == Crowd::none);
  CHECK(second.crowd == Crowd::none);
  CHECK(places.excess() == 0);
  {
    CHECK(places.enter(address("192.0.2.3"), false).crowd == Crowd::all);
    const auto third = places.enter(address("192.0.2.3"), false);
    CHECK(places.count() == 3);
    CHECK(places.excess() == 1);
  }
  CHECK(places.count() == 2);
  first.reset();
  CHECK(places.enter(address("192.0.2.3"), false).crowd == Crowd::none);
  CHECK_FALSE(places.wait_until_empty(1ms));
}

TEST_CASE("places: an address is counted by itself, in IPv6 by its network", "[ingress][places]") {
  Places places({.open_max = 100, .per_address_max = 1});
  const auto v4 = places.enter(address("192.0.2.1"), false);
  CHECK(places.enter(address("192.0.2.1"), false).crowd == Crowd::address);
  CHECK(places.enter(address("::ffff:192.0.2.1"), false).crowd == Crowd::address);
  CHECK(places.enter(address("192.0.2.2"), false).crowd == Crowd::none);
  CHECK(places.enter(address("192.0.2.1"), true).crowd == Crowd::none);
  const auto v6 = places.enter(address("2001:db8::1"), false);
  CHECK(v6.crowd == Crowd::none);
  CHECK(places.enter(address("2001:db8::ffff:1"), false).crowd == Crowd::address);
  CHECK(places.enter(address("2001:db8:0:1::1"), false).crowd == Crowd::none);
}
