#include "statement_fixture.hpp"
#include "support/fake_clock.hpp"

/// When a statement runs once for a batch, and when not: nobody may tell by the rows.
namespace holdfast::postgres {
namespace {

/// In the log of the server, where one statement runs for a batch.
constexpr std::string_view batched = "FROM ROWS FROM";

}  // namespace

TEST_CASE("statements: what reads the rows before gets them one by one", "[postgres][statements]") {
  StatementFixture fixture;
  fixture.cluster.query(
      "CREATE TABLE t (v int, n int); CREATE TABLE c (v int PRIMARY KEY, n int); CREATE SEQUENCE s;"
      "CREATE FUNCTION rows_of_t() RETURNS int STABLE LANGUAGE sql AS 'SELECT count(*)::int FROM "
      "t';"
      "CREATE TABLE i (v int, n int DEFAULT nextval('s'));"
      "INSERT INTO c SELECT v, 0 FROM generate_series(1, 3) v");
  fixture.declare({{"INSERT INTO t VALUES ($1, rows_of_t())", {"/v"}, "", 0}}, "function");
  fixture.declare({{"INSERT INTO c VALUES ($1, 0) ON CONFLICT (v) DO UPDATE SET n = (SELECT "
                    "sum(n) + 1 FROM c)",
                    {"/v"},
                    "",
                    0}},
                  "tail");
  fixture.declare({{"INSERT INTO i (v) VALUES ($1 + nextval('s') * 10)", {"/v"}, "", 0}}, "serial");
  const auto destination = fixture.open();
  for (const char* source : {"function", "tail", "serial"})
    REQUIRE(destination->deliver(numbered(3, source)).has_value());
  CHECK(fixture.rows("SELECT v, n FROM t") == "1|0;2|1;3|2");
  CHECK(fixture.rows("SELECT v, n FROM c ORDER BY v") == "1|1;2|2;3|4");
  CHECK(fixture.rows("SELECT v / 10, n FROM i ORDER BY v") == "1|2;3|4;5|6");
  CHECK(fixture.logged(batched) == 0);
}

TEST_CASE("statements: a table that calls somebody's function gets its rows one by one",
          "[postgres][statements]") {
  StatementFixture fixture;
  fixture.cluster.query(
      "CREATE TABLE l (v int); CREATE FUNCTION f(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS "
      "$$BEGIN RETURN $1; END$$; CREATE FUNCTION ok(int) RETURNS bool IMMUTABLE LANGUAGE plpgsql "
      "AS "
      "$$BEGIN RETURN true; END$$; CREATE DOMAIN near AS int CHECK (ok(VALUE));"
      "CREATE DOMAIN far AS near; CREATE DOMAIN plain AS int CHECK (VALUE > 0);"
      "CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq);");
  struct Case {
    std::string table;
    bool is_batched;
  };
  const std::vector<Case> cases{
      {"(v plain CHECK (v > 0), n serial, at timestamptz DEFAULT now(), w int DEFAULT abs(1),"
       " g int GENERATED ALWAYS AS (1 + 1) STORED)",
       true},
      {"(v int) PARTITION BY RANGE (v); CREATE TABLE %_1 PARTITION OF % DEFAULT", true},
      {"(v int, w int DEFAULT f(1))", false},
      {"(v int CHECK (ok(v)))", false},
      {"(v int CHECK (v === v))", false},
      {"(v int, g int GENERATED ALWAYS AS (f(v)) STORED)", false},
      {"(v near)", false},
      {"(v int, w far)", false},
      {"(v int); ALTER TABLE % ENABLE ROW LEVEL SECURITY", false},
      {"(v int) PARTITION BY RANGE (v); CREATE TABLE %_1 PARTITION OF % (CHECK (ok(v))) DEFAULT",
       false}};
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const std::string name = std::format("t{}", i);
    std::string ddl = "CREATE TABLE % " + cases[i].table;
    for (std::size_t at = 0; (at = ddl.find('%', at)) != std::string::npos;)
      ddl.replace(at, 1, name);
    fixture.cluster.query(ddl);
    fixture.declare({{"INSERT INTO " + name + " (v) VALUES ($1)", {"/v"}, "", 0}}, name);
  }
  const auto destination = fixture.open();
  for (std::size_t i = 0; i < cases.size(); ++i) {
    INFO(cases[i].table);
    const auto before = fixture.logged(batched);
    REQUIRE(destination->deliver(numbered(3, std::format("t{}", i))).has_value());
    CHECK(fixture.logged(batched) == before + (cases[i].is_batched ? 1 : 0));
    CHECK(fixture.rows(std::format("SELECT v FROM t{} ORDER BY v", i)) == "1;2;3");
  }
}

TEST_CASE("statements: a partition and the table that it is of are one table",
          "[postgres][statements]") {
  StatementFixture fixture;
  fixture.cluster.query(
      "CREATE TABLE p (n serial, what text) PARTITION BY LIST (what);"
      "CREATE TABLE p1 PARTITION OF p DEFAULT PARTITION BY LIST (what);"
      "CREATE TABLE p2 PARTITION OF p1 DEFAULT");
  fixture.declare({{"INSERT INTO p (what) VALUES ('first ' || $1)", {"/v"}, "", 0},
                   {"INSERT INTO p1 (what) VALUES ('second ' || $1)", {"/v"}, "", 0}});
  REQUIRE(fixture.open()->deliver(numbered(2)).has_value());
  CHECK(fixture.rows("SELECT what FROM p ORDER BY n") == "first 1;second 1;first 2;second 2");
}

TEST_CASE("statements: what the server takes for one entry alone runs entry by entry",
          "[postgres][statements]") {
  StatementFixture fixture;
  fixture.cluster.query(
      "CREATE TYPE pair AS (a int, b text); CREATE TABLE t (v int, p pair);"
      "CREATE TABLE k (v int PRIMARY KEY, n int)");
  fixture.declare({{"INSERT INTO t VALUES ($1, ROW($2, $3))", {"/v", "/v", "/v"}, "", 0}},
                  "composite");
  // No blank behind the parenthesis.
  fixture.declare(
      {{"INSERT INTO k VALUES($1,1)ON CONFLICT(v)DO UPDATE SET n=k.n+1", {"/v"}, "", 0}}, "tight");
  fixture.declare({{"INSERT INTO k VALUES($1+10,1)RETURNING v", {"/v"}, "", 0}}, "returning");
  const auto destination = fixture.open();
  REQUIRE(destination->deliver(numbered(2, "composite")).has_value());
  CHECK(fixture.rows("SELECT v, p FROM t") == "1|(1,1);2|(2,2)");
  const auto before = fixture.logged(batched);
  REQUIRE(destination->deliver(numbered(2, "tight")).has_value());
  REQUIRE(destination->deliver(numbered(3, "tight")).has_value());
  REQUIRE(destination->deliver(numbered(2, "returning")).has_value());
  CHECK(fixture.rows("SELECT v, n FROM k ORDER BY v") == "1|2;2|2;3|1;11|1;12|1");
  CHECK(fixture.logged(batched) == before + 3);
  CHECK(destination->connects() == 1);
}

TEST_CASE("statements: a role's array_nulls makes no text of a null", "[postgres][statements]") {
  StatementFixture fixture;
  fixture.cluster.query("CREATE TABLE t (v text)");
  fixture.cluster.query("ALTER DATABASE postgres SET array_nulls = off");
  fixture.declare({{"INSERT INTO t VALUES ($1)", {"/v"}, "", 0}});
  REQUIRE(fixture.open()->deliver(entries_of({R"({"v":"a"})", "{}", R"({"v":"NULL"})"})));
  CHECK(fixture.logged(batched) == 1);
  CHECK(fixture.rows("SELECT v, v IS NULL FROM t") == "a|f;|t;NULL|f");
}

TEST_CASE("statements: a new trigger is noticed while a session is busy",
          "[postgres][statements]") {
  StatementFixture fixture;
  fixture.cluster.query("CREATE TABLE t (v int); CREATE TABLE fired (n serial)");
  fixture.declare({{"INSERT INTO t VALUES ($1)", {"/v"}, "", 0}});
  support::FakeClock clock;
  const auto destination = fixture.open(fixture.cluster.url(), clock);
  REQUIRE(destination->deliver(numbered(3)).has_value());
  CHECK(fixture.logged(batched) == 1);
  fixture.cluster.query(
      "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN INSERT INTO fired DEFAULT "
      "VALUES; RETURN NULL; END$$;"
      "CREATE TRIGGER x AFTER INSERT ON t FOR EACH STATEMENT EXECUTE FUNCTION f()");
  clock.advance(description_age_max - 1ms);
  REQUIRE(destination->deliver(numbered(3)).has_value());
  CHECK(fixture.logged(batched) == 2);
  clock.advance(1ms);
  REQUIRE(destination->deliver(numbered(3)).has_value());
  CHECK(fixture.logged(batched) == 2);
  CHECK(fixture.one("SELECT count(*) FROM fired") == "4");
  CHECK(destination->connects() == 1);
}

}  // namespace holdfast::postgres
