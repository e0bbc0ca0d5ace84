#include "postgres/server_facts.hpp"

#include "fixture.hpp"
#include "postgres/migrations.hpp"

namespace holdfast::postgres {

TEST_CASE("server facts: a server is looked at without being changed", "[postgres][facts]") {
  Fixture fixture;
  fixture.config.url = Secret(fixture.cluster.url());
  const auto facts = look_at_server(fixture.config, false, fixture.clock);
  REQUIRE(facts.has_value());
  CHECK(facts->version >= 140'000);
  CHECK(facts->version_text.starts_with(std::to_string(facts->version / 10'000)));
  CHECK(facts->user == "postgres");
  CHECK(facts->is_local);
  CHECK_FALSE(facts->has_tls);
  CHECK_FALSE(facts->sslmode.empty());
  CHECK_FALSE(facts->read_only);
  CHECK_FALSE(facts->schema_exists);
  CHECK_FALSE(facts->inbox_exists);
  CHECK(facts->can_create);
  CHECK(facts->lacks.empty());
  CHECK(std::chrono::abs(facts->clock_ahead) < 1s);
  CHECK(fixture.one("SELECT count(*) FROM pg_namespace WHERE nspname = 'holdfast'") == "0");
}

TEST_CASE("server facts: what a role lacks is named right by right", "[postgres][facts]") {
  Fixture fixture;
  fixture.config.url = Secret(fixture.cluster.url());
  REQUIRE(apply_migrations(fixture.config, fixture.clock).has_value());
  fixture.cluster.query(
      "CREATE ROLE weak LOGIN; GRANT USAGE ON SCHEMA holdfast TO weak;"
      "GRANT SELECT ON holdfast.inbox, holdfast.schema_migrations TO weak;"
      "GRANT INSERT ON holdfast.users TO weak");
  auto url = fixture.cluster.url();
  url.replace(url.find("postgres@"), 9, "weak@");
  fixture.config.url = Secret(url);
  const auto plain = look_at_server(fixture.config, false, fixture.clock);
  REQUIRE(plain.has_value());
  CHECK(plain->inbox_exists);
  CHECK_FALSE(plain->can_create);
  CHECK(plain->lacks == std::vector<std::string>{"INSERT on inbox"});
  auto operations = look_at_server(fixture.config, true, fixture.clock);
  REQUIRE(operations.has_value());
  std::ranges::sort(operations->lacks);
  CHECK(operations->lacks == std::vector<std::string>{"INSERT on inbox",
                                                      "INSERT on message_statuses",
                                                      "INSERT on messages", "UPDATE on users"});
  fixture.cluster.query("REVOKE USAGE ON SCHEMA holdfast FROM weak");
  CHECK(std::ranges::contains(look_at_server(fixture.config, false, fixture.clock)->lacks,
                              "USAGE on the schema"));
}

TEST_CASE("server facts: a read-only server and one without fsync are seen", "[postgres][facts]") {
  Fixture fixture({"default_transaction_read_only = on", "fsync = off"});
  fixture.config.url = Secret(fixture.cluster.url());
  const auto facts = look_at_server(fixture.config, false, fixture.clock);
  REQUIRE(facts.has_value());
  CHECK(facts->read_only);
  CHECK_FALSE(facts->fsync);
}

}  // namespace holdfast::postgres
