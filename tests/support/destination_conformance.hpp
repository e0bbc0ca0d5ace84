#pragma once

#include <catch2/catch_test_macros.hpp>
#include <format>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/encoding.hpp"
#include "base/uuid.hpp"
#include "holdfast/destination.hpp"

namespace holdfast::support {

/// An entry as the outbox hands it to the relay.
[[nodiscard]] inline Entry make_entry(std::int64_t seq, std::optional<std::string> dedupe_key = {},
                                      std::string body = R"({"n":1})",
                                      std::string source = "activities") {
  Entry entry;
  entry.seq = seq;
  entry.id = base::random_uuid();
  entry.source = std::move(source);
  entry.dedupe_key = std::move(dedupe_key);
  entry.received_at = WallTime(std::chrono::milliseconds(1'763'938'162'123 + seq));
  entry.method = "POST";
  entry.target = "/api/activities?x=1";
  entry.remote_address = "192.0.2.7";
  entry.content_type = "application/json";
  entry.headers = {{"Host", "example.com"}, {"Content-Type", "application/json"}};
  entry.body_bytes = static_cast<std::int64_t>(body.size());
  entry.body_sha256 = base::sha256(body);
  entry.body = std::move(body);
  return entry;
}

/// A destination whose store the suite may fill. It runs on the real one and on every stand-in, so
/// that a stand-in cannot drift from what Postgres does.
struct DestinationUnderTest {
  /// A new handle on the same, empty store.
  std::function<std::unique_ptr<Destination>()> make;
  /// True if the store holds this id.
  std::function<bool(const Uuid&)> holds;
  /// The store refuses every entry of this source: class data.
  std::string refused_source;
  /// The own statement of this source cannot work, such as for a table that is not there: class
  /// config. Empty: there is none to be had.
  std::string misconfigured_source = {};
};

/// A source is named by what its own statement failed for, and by nothing else.
inline void check_source_is_named(const DestinationUnderTest& under_test) {
  const auto destination = under_test.make();
  const std::vector mixed{make_entry(1), make_entry(2, {}, "{}", under_test.misconfigured_source),
                          make_entry(3)};
  const auto refused = destination->deliver(mixed);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().delivery_class == DeliveryClass::config);
  CHECK(refused.error().source == under_test.misconfigured_source);
  CHECK_FALSE(refused.error().session_lost);
  for (const auto& entry : mixed) CHECK_FALSE(under_test.holds(entry.id));
  const std::vector others{mixed[0], mixed[2]};
  REQUIRE(destination->deliver(others).has_value());
  for (const auto& entry : others) CHECK(under_test.holds(entry.id));
  CHECK(destination->connects() == 1);
}

/// Each promise of Destination that needs no fault.
inline void check_destination_conformance(const DestinationUnderTest& under_test) {
  const auto destination = under_test.make();
  REQUIRE_FALSE(destination->connected());
  CHECK(destination->connects() == 0);

  const auto first = make_entry(1, "key-1");
  const auto keyless = make_entry(2);
  const std::vector batch{first, keyless};
  const auto delivered = destination->deliver(batch);
  REQUIRE(delivered.has_value());
  REQUIRE(delivered->size() == 2);
  CHECK_FALSE(delivered->at(0).duplicate_of.has_value());
  CHECK_FALSE(delivered->at(1).duplicate_of.has_value());
  CHECK(under_test.holds(first.id));
  CHECK(under_test.holds(keyless.id));
  CHECK(destination->connected());
  CHECK(destination->connects() == 1);

  // The same ids again, as after a commit in doubt: delivered, and nobody's duplicate.
  const std::vector again{keyless, first, make_entry(3)};
  const auto repeated = destination->deliver(again);
  REQUIRE(repeated.has_value());
  for (const auto& outcome : *repeated) CHECK_FALSE(outcome.duplicate_of.has_value());
  CHECK(under_test.holds(again[2].id));

  // Another id with a known key: the first copy is named, wherever the entry stands in its batch.
  const std::vector keyed{make_entry(4), make_entry(5, "key-1"), make_entry(6, "key-6"),
                          make_entry(7, "key-6"), make_entry(8, "key-1", "{}", "other")};
  const auto duplicates = destination->deliver(keyed);
  REQUIRE(duplicates.has_value());
  REQUIRE(duplicates->size() == keyed.size());
  CHECK_FALSE(duplicates->at(0).duplicate_of.has_value());
  CHECK(duplicates->at(1).duplicate_of == first.id);
  CHECK_FALSE(duplicates->at(2).duplicate_of.has_value());
  CHECK(duplicates->at(3).duplicate_of == keyed[2].id);
  // A key counts within its source alone.
  CHECK_FALSE(duplicates->at(4).duplicate_of.has_value());
  CHECK_FALSE(under_test.holds(keyed[1].id));
  CHECK_FALSE(under_test.holds(keyed[3].id));
  CHECK(under_test.holds(keyed[4].id));

  // A batch is all or nothing, and a refused entry does not cost the session.
  const std::vector mixed{make_entry(9), make_entry(10, {}, "{}", under_test.refused_source),
                          make_entry(11)};
  const auto refused = destination->deliver(mixed);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().delivery_class == DeliveryClass::data);
  CHECK_FALSE(refused.error().in_doubt);
  CHECK_FALSE(refused.error().session_lost);
  for (const auto& entry : mixed) CHECK_FALSE(under_test.holds(entry.id));
  const std::vector good{mixed[0], mixed[2]};
  REQUIRE(destination->deliver(good).has_value());
  CHECK(under_test.holds(mixed[2].id));
  CHECK(destination->connects() == 1);

  // A closed destination opens again by itself.
  destination->close();
  destination->close();
  CHECK_FALSE(destination->connected());
  const std::vector late{make_entry(12)};
  REQUIRE(destination->deliver(late).has_value());
  CHECK(destination->connects() == 2);

  if (!under_test.misconfigured_source.empty()) check_source_is_named(under_test);
}

}  // namespace holdfast::support
