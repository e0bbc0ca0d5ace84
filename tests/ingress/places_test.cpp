#include "ingress/places.hpp"

#include <catch2/catch_test_macros.hpp>
#include <optional>
#include <vector>

#include "ingress/session.hpp"
#include "ingress/workers.hpp"

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

TEST_CASE("workers: more work than threads waits, more than the queue is refused",
          "[ingress][workers]") {
  const SystemClock clock;
  std::mutex gate;
  std::atomic<int> served = 0;
  Workers workers({.threads_max = 1, .queue_max = 2}, clock, [&](Workers::Work) {
    const std::scoped_lock lock(gate);
    ++served;
  });
  {
    const std::scoped_lock closed(gate);
    int taken = 0;
    // One with the thread, two in the queue; the thread may take its one a moment late.
    for (int i = 0; i < 50; ++i) {
      Workers::Work none;
      taken += workers.offer(none) ? 1 : 0;
    }
    CHECK(taken >= 2);
    CHECK(taken <= 3);
    CHECK(workers.crowded());
    Workers::Work none;
    CHECK_FALSE(workers.offer_to_free(none));
    CHECK(workers.take_older(SteadyTime::min()).empty());
    CHECK_FALSE(workers.take_older(SteadyTime::max()).empty());
    CHECK_FALSE(workers.crowded());
  }
  workers.join();
  CHECK(served >= 1);
  Workers::Work none;
  CHECK_FALSE(workers.offer(none));
}

TEST_CASE("workers: what is queued is served before they end", "[ingress][workers]") {
  const SystemClock clock;
  std::atomic<int> served = 0;
  Workers workers({.threads_max = 2, .queue_max = 100}, clock, [&](Workers::Work) { ++served; });
  for (int i = 0; i < 100; ++i) {
    Workers::Work none;
    REQUIRE(workers.offer(none));
  }
  workers.join();
  CHECK(served == 100);
}
