#include "postgres/held.hpp"

#include "fixture.hpp"

namespace holdfast::postgres {
namespace {

HeldQuestion question_of(const Entry& entry) {
  return {entry.id, entry.source, entry.dedupe_key};
}

}  // namespace

TEST_CASE("held: the inbox is asked by id, and by source and key", "[postgres][held]") {
  Fixture fixture;
  auto destination = fixture.open();
  std::vector<Entry> batch{make_entry(1), make_entry(2)};
  batch[0].dedupe_key = "key-1";
  batch[1].dedupe_key.reset();
  REQUIRE(destination->deliver(batch).has_value());
  auto lookup = HeldLookup::open(fixture.config, fixture.clock);
  REQUIRE(lookup.has_value());
  auto same_key = question_of(make_entry(3));
  same_key.source = batch[0].source;
  same_key.dedupe_key = "key-1";
  auto other_source = same_key;
  other_source.source = "other";
  auto no_key = question_of(make_entry(4));
  no_key.dedupe_key.reset();
  const std::vector<HeldQuestion> questions{no_key, question_of(batch[1]), other_source,
                                            question_of(batch[0]), same_key};
  CHECK(lookup->ask(questions) == std::vector<bool>{false, true, false, true, true});
  // The same session answers again.
  CHECK(lookup->ask(questions)->size() == questions.size());
  CHECK(lookup->ask({}) == std::vector<bool>{});
  CHECK(fixture.cluster.log_text().contains("SET TRANSACTION READ ONLY"));
}

TEST_CASE("held: an inbox or a server that is not there is a failure, not an absence",
          "[postgres][held]") {
  Fixture fixture;
  fixture.config.url = Secret(fixture.cluster.url());
  auto lookup = HeldLookup::open(fixture.config, fixture.clock);
  REQUIRE(lookup.has_value());
  const std::vector<HeldQuestion> questions{question_of(make_entry(1))};
  const auto missing = lookup->ask(questions);
  REQUIRE_FALSE(missing.has_value());
  CHECK(missing.error().kind == FailureKind::refused);
  CHECK(missing.error().message.contains("42P01"));
  fixture.cluster.stop();
  const auto away = lookup->ask(questions);
  REQUIRE_FALSE(away.has_value());
  CHECK(away.error().kind == FailureKind::unavailable);
  CHECK_FALSE(HeldLookup::open(fixture.config, fixture.clock).has_value());
}

}  // namespace holdfast::postgres
