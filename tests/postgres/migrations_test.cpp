#include "postgres/migrations.hpp"

#include <thread>

#include "fixture.hpp"

namespace holdfast::postgres {

TEST_CASE("postgres: migrations run once, and at once from many sides", "[postgres][migrations]") {
  Fixture fixture;
  fixture.config.url = Secret(fixture.cluster.url());
  REQUIRE(plan_migrations(fixture.config, fixture.clock).value().size() == 1);
  CHECK(plan_migrations(fixture.config, fixture.clock)
            .value()
            .at(0)
            .sql.contains("\"holdfast\".inbox"));
  std::atomic<int> failures = 0;
  std::atomic<std::size_t> steps = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([&] {
        const auto applied = apply_migrations(fixture.config, fixture.clock);
        if (applied) steps += applied->size();
        if (!applied) ++failures;
      });
  }
  CHECK(failures == 0);
  CHECK(steps == 1);
  CHECK(plan_migrations(fixture.config, fixture.clock).value().empty());
  CHECK(apply_migrations(fixture.config, fixture.clock).value().empty());
  const auto recorded =
      fixture.cluster.query("SELECT name, sha256 FROM holdfast.schema_migrations");
  REQUIRE(recorded.size() == 1);
  CHECK(recorded[0][0] == "0001_inbox.sql");
  CHECK(recorded[0][1] == all_migrations("anything").at(0).sha256);
  CHECK(fixture.one("SELECT count(*) FROM pg_tables WHERE schemaname = 'holdfast'") == "5");
}

TEST_CASE("postgres: a step recorded with another content stops everything",
          "[postgres][migrations]") {
  Fixture fixture;
  const auto destination = fixture.open();
  REQUIRE(deliver_one(*destination, make_entry(1)).has_value());
  fixture.cluster.query("UPDATE holdfast.schema_migrations SET sha256 = 'x'");
  const auto other = fixture.open();
  const auto refused = deliver_one(*other, make_entry(2));
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().delivery_class == DeliveryClass::config);
  CHECK(refused.error().message.contains("recorded with another content"));
}

TEST_CASE("postgres: with migrate = false nothing is made, and what is missing is said",
          "[postgres][migrations]") {
  Fixture fixture;
  fixture.config.migrate = false;
  const auto destination = fixture.open();
  const auto entry = make_entry(1);
  const auto refused = [&](const std::string& text) {
    const auto failed = deliver_one(*destination, entry);
    REQUIRE_FALSE(failed.has_value());
    CHECK(failed.error().delivery_class == DeliveryClass::config);
    CHECK(failed.error().message.contains(text));
    CHECK_FALSE(failed.error().session_lost);
  };
  refused("table inbox is missing; run `holdfast migrate apply`");
  CHECK(fixture.one("SELECT count(*) FROM pg_namespace WHERE nspname = 'holdfast'") == "0");
  REQUIRE(apply_migrations(fixture.config, fixture.clock).has_value());
  CHECK(deliver_one(*destination, entry).has_value());

  const auto again = fixture.open();
  fixture.cluster.query("ALTER TABLE holdfast.inbox DROP CONSTRAINT inbox_source_dedupe_key_key");
  const auto without = deliver_one(*again, entry);
  REQUIRE_FALSE(without.has_value());
  CHECK(without.error().message.contains("no unique index on (source, dedupe_key)"));
  // A partial index lets duplicates in, so it does not count; columns in another order do.
  fixture.cluster.query("CREATE UNIQUE INDEX ON holdfast.inbox (source, dedupe_key) WHERE seq > 1");
  CHECK_FALSE(deliver_one(*again, entry).has_value());
  fixture.cluster.query("CREATE UNIQUE INDEX ON holdfast.inbox (dedupe_key, source)");
  CHECK(deliver_one(*again, entry).has_value());
}

TEST_CASE("postgres: any schema name works, and none can break out of its quotes",
          "[postgres][migrations]") {
  Fixture fixture;
  fixture.cluster.query("CREATE TABLE victim (n int)");
  for (const std::string& schema :
       {std::string("Odd Name"), std::string("a\"b; DROP TABLE victim; --"),
        std::string("schéma 'x'")}) {
    fixture.config.schema = schema;
    const auto destination = fixture.open();
    const std::vector batch{make_entry(1, "k"), make_entry(2, "k")};
    const auto delivered = destination->deliver(batch);
    REQUIRE(delivered.has_value());
    CHECK(delivered->at(1).duplicate_of == batch[0].id);
  }
  CHECK(fixture.one("SELECT count(*) FROM pg_tables WHERE tablename = 'inbox'") == "3");
  CHECK(fixture.one("SELECT count(*) FROM victim") == "0");
}

TEST_CASE("postgres: a schema that an administrator made needs no privilege on the database",
          "[postgres][migrations]") {
  Fixture fixture;
  fixture.cluster.query("CREATE ROLE app LOGIN; REVOKE CREATE ON DATABASE postgres FROM PUBLIC");
  const std::string url =
      std::format("postgresql://app@127.0.0.1:{}/postgres", fixture.cluster.port());
  const auto destination = fixture.open(url);
  const auto denied = deliver_one(*destination, make_entry(1));
  REQUIRE_FALSE(denied.has_value());
  CHECK(denied.error().delivery_class == DeliveryClass::config);
  CHECK(denied.error().sqlstate == "42501");
  CHECK_FALSE(denied.error().session_lost);
  fixture.cluster.query("CREATE SCHEMA holdfast AUTHORIZATION app");
  CHECK(deliver_one(*destination, make_entry(1)).has_value());
  CHECK(destination->connects() == 1);
}

TEST_CASE("postgres: what goes wrong before the first entry is sent blames no entry",
          "[postgres][migrations]") {
  Fixture fixture;
  // 22023 from a migration would read as a data error of the batch that happened to come first.
  fixture.cluster.query(
      "CREATE FUNCTION deny() RETURNS event_trigger LANGUAGE plpgsql AS "
      "$$ BEGIN RAISE EXCEPTION 'not now' USING ERRCODE = '22023'; END $$;"
      "CREATE EVENT TRIGGER deny ON ddl_command_start EXECUTE FUNCTION deny()");
  const auto destination = fixture.open();
  const auto denied = deliver_one(*destination, make_entry(1));
  REQUIRE_FALSE(denied.has_value());
  CHECK(denied.error().sqlstate == "22023");
  CHECK(denied.error().delivery_class == DeliveryClass::server);
  fixture.cluster.query("DROP EVENT TRIGGER deny");
  CHECK(deliver_one(*destination, make_entry(1)).has_value());
}

}  // namespace holdfast::postgres
