#include "support/fake_destination.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>

#include "support/destination_conformance.hpp"

using namespace holdfast;
using support::FakeDestination;

TEST_CASE("fake destination: it keeps the promises of a destination", "[relay][conformance]") {
  FakeDestination* fake = nullptr;
  support::DestinationUnderTest under_test;
  under_test.refused_source = "refused";
  under_test.misconfigured_source = "misconfigured";
  under_test.make = [&] {
    auto made = std::make_unique<FakeDestination>();
    made->set_rule([](std::span<const Entry> batch) -> std::optional<DeliveryFailure> {
      const bool refused =
          std::ranges::any_of(batch, [](const Entry& entry) { return entry.source == "refused"; });
      if (refused) return support::failure_of(DeliveryClass::data, "23514");
      if (!std::ranges::contains(batch, "misconfigured", &Entry::source)) return std::nullopt;
      auto failure = support::failure_of(DeliveryClass::config, "42P01");
      failure.source = "misconfigured";
      return failure;
    });
    fake = made.get();
    return made;
  };
  under_test.holds = [&](const Uuid& id) {
    return std::ranges::any_of(fake->rows(), [&](const auto& row) { return row.id == id; });
  };
  support::check_destination_conformance(under_test);
}

TEST_CASE("fake destination: a commit in doubt is stored and says so", "[relay][conformance]") {
  FakeDestination fake;
  fake.commit_in_doubt_next();
  const std::vector batch{support::make_entry(1)};
  const auto outcome = fake.deliver(batch);
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().in_doubt);
  CHECK(outcome.error().session_lost);
  CHECK_FALSE(fake.connected());
  CHECK(fake.rows().size() == 1);
  REQUIRE(fake.deliver(batch));
  CHECK(fake.rows().size() == 1);
}

TEST_CASE("fake destination: a lost session had lived only if it committed something",
          "[relay][conformance]") {
  FakeDestination fake;
  const std::vector batch{support::make_entry(1)};
  fake.fail_next(support::failure_of(DeliveryClass::connection));
  CHECK_FALSE(fake.deliver(batch).error().session_had_lived);
  REQUIRE(fake.deliver(batch));
  fake.fail_next(support::failure_of(DeliveryClass::connection));
  CHECK(fake.deliver(batch).error().session_had_lived);
}

TEST_CASE("fake destination: sessions of one server share its rows, and each has its own link",
          "[relay][conformance]") {
  FakeDestination first;
  const auto second = first.another_session();
  const std::vector batch{support::make_entry(1)};
  REQUIRE(first.deliver(batch));
  CHECK_FALSE(second->connected());
  REQUIRE(second->deliver(batch));
  CHECK(first.rows().size() == 1);
  CHECK(second->calls().size() == 2);
  CHECK(second->calls().back().session != second->calls().front().session);
  first.close();
  CHECK(second->connected());
  CHECK(first.connects() == 1);
  CHECK(second->connects() == 1);
}
