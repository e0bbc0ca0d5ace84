#include "postgres/statement_check.hpp"

#include "statement_fixture.hpp"

namespace holdfast::postgres {

TEST_CASE("statement check: each statement is read by the server and none is run",
          "[postgres][statements]") {
  StatementFixture fixture;
  fixture.cluster.query("CREATE TABLE t (v int); CREATE SEQUENCE s");
  fixture.declare({{"INSERT INTO t VALUES ($1)", {"/v"}, "", 10},
                   {"INSERT INTO nowhere VALUES ($1)", {"/v"}, "", 11},
                   {"SELECT nextval('s')", {}, "", 12}});
  fixture.declare({{"INSERT INTO t VALUES ($1", {"/v"}, "", 0}}, "other");
  fixture.config.url = Secret(fixture.cluster.url());
  const auto unreadable = check_statements(fixture.config, fixture.sources, fixture.clock);
  REQUIRE_FALSE(unreadable.has_value());
  CHECK(unreadable.error().kind == FailureKind::refused);
  CHECK(unreadable.error().message.contains("statement 1 of source \"other\""));
  fixture.sources.back().statements = {{"UPDATE t SET w = $1", {"/w"}, "", 20},
                                       {"DELETE FROM t WHERE v = $1", {"/v"}, "", 21}};
  const auto faults = check_statements(fixture.config, fixture.sources, fixture.clock);
  REQUIRE(faults.has_value());
  REQUIRE(faults->size() == 2);
  CHECK(faults->at(0).source == "activities");
  CHECK(faults->at(0).statement == 2);
  CHECK(faults->at(0).line == 11);
  CHECK(faults->at(0).sqlstate == "42P01");
  CHECK(faults->at(0).message == "relation \"nowhere\" does not exist");
  CHECK(faults->at(1).source == "other");
  CHECK(faults->at(1).statement == 1);
  CHECK(faults->at(1).line == 20);
  CHECK(faults->at(1).sqlstate == "42703");
  CHECK(fixture.one("SELECT count(*) FROM t") == "0");
  CHECK(fixture.one("SELECT is_called FROM s") == "f");
  CHECK(fixture.one("SELECT count(*) FROM pg_namespace WHERE nspname = 'holdfast'") == "0");
}

TEST_CASE("statement check: a privilege that the role lacks is found, and nothing is run for it",
          "[postgres][statements]") {
  StatementFixture fixture;
  fixture.cluster.query(
      "CREATE TABLE t (id text PRIMARY KEY, v int, data jsonb); CREATE TABLE mine (id text);"
      "CREATE ROLE weak LOGIN; GRANT SELECT ON t TO weak; GRANT INSERT ON mine TO weak");
  fixture.declare({{"INSERT INTO t (id, v, data) VALUES ($1, $2, $3)", {"/id", "/v", ""}, "", 10},
                   {"INSERT INTO mine VALUES ($1)", {"/id"}, "", 11},
                   {"UPDATE t SET v = $1 WHERE id = $2", {"/v", "/id"}, "", 12},
                   {"SELECT 1 / ($1::int - $1::int)", {"/v"}, "", 13}});
  const auto url = fixture.cluster.url();
  fixture.config.url = Secret(url);
  const auto good = check_statements(fixture.config, fixture.sources, fixture.clock);
  REQUIRE(good.has_value());
  CHECK(good->empty());
  fixture.config.url = Secret(url + (url.contains('?') ? "&" : "?") + "user=weak");
  const auto faults = check_statements(fixture.config, fixture.sources, fixture.clock);
  REQUIRE(faults.has_value());
  REQUIRE(faults->size() == 2);
  for (const auto& fault : *faults) {
    CHECK(fault.sqlstate == "42501");
    CHECK(fault.message == "permission denied for table t");
  }
  CHECK(faults->at(0).line == 10);
  CHECK(faults->at(1).line == 12);
  CHECK(fixture.one("SELECT count(*) FROM mine") == "0");
}

TEST_CASE("statement check: a database that is away is said so", "[postgres][statements]") {
  StatementFixture fixture;
  fixture.config.url = Secret(fixture.cluster.url());
  fixture.cluster.stop();
  const auto away = check_statements(fixture.config, fixture.sources, fixture.clock);
  REQUIRE_FALSE(away.has_value());
  CHECK(away.error().kind == FailureKind::unavailable);
  CHECK(away.error().message.starts_with("connecting to Postgres: "));
}

}  // namespace holdfast::postgres
