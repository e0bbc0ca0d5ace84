#include "base/sql_statement.hpp"

#include <catch2/catch_test_macros.hpp>
#include <format>
#include <string>

namespace holdfast::base {
namespace {

std::size_t parameters_of(std::string_view text) {
  INFO(text);
  const auto statement = read_sql_statement(text);
  if (!statement) FAIL(statement.error());
  return statement->parameters;
}

std::string fault_of(std::string_view text) {
  INFO(text);
  const auto statement = read_sql_statement(text);
  REQUIRE_FALSE(statement.has_value());
  CHECK(statement.error().contains("; "));
  return statement.error();
}

std::string values_of(std::string_view text) {
  INFO(text);
  const auto statement = read_sql_statement(text);
  if (!statement) FAIL(statement.error());
  REQUIRE(statement->batch.has_value());
  return values_with_columns(text, *statement->batch, "b");
}

bool has_shape(std::string_view text) {
  INFO(text);
  const auto statement = read_sql_statement(text);
  if (!statement) FAIL(statement.error());
  return statement->batch.has_value();
}

}  // namespace

TEST_CASE("sql: parameters count outside of quotes and comments alone", "[base][sql]") {
  CHECK(parameters_of("SELECT 1") == 0);
  CHECK(parameters_of("select $1::int, $2::text[] , $1;") == 2);
  CHECK(parameters_of("SELECT '$2', \"$3\", $1 -- $4\n") == 1);
  CHECK(parameters_of("SELECT /* $2 /* $3 */ $4 */ $1") == 1);
  CHECK(parameters_of("SELECT $$ $2 ' $$, $q$ $3 $$ $q $q$, $1") == 1);
  CHECK(parameters_of("SELECT E'it\\'s $2', $1") == 1);
  CHECK(parameters_of("SELECT E'a'\n -- on\n '\\'$2', $1") == 1);
  CHECK(parameters_of("SELECT 'a\\', $1, 'it''s $2'") == 1);
  CHECK(parameters_of("SELECT U&'\\0041 $2', B'01', X'ff', N'$3', \"a\"\"$4\", $1") == 1);
  CHECK(parameters_of("SELECT a$2 FROM t WHERE t.x = $1") == 1);
  CHECK(parameters_of("UPDATE t SET n=n+$1 WHERE a[1]=$2 AND b->>'k'=($3)") == 3);
  CHECK(parameters_of("WITH x AS (SELECT $1::int) INSERT INTO t SELECT * FROM x;; -- end") == 1);
  CHECK(parameters_of("CALL p($1)") == 1);
  CHECK(parameters_of("  /* why */ MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE") == 0);
}

TEST_CASE("sql: what is not one closed statement is refused", "[base][sql]") {
  CHECK(fault_of("").contains("is empty"));
  CHECK(fault_of(" -- nothing\n;").contains("is empty"));
  CHECK(fault_of("SELECT 1; SELECT 2").contains("more than one statement"));
  CHECK(fault_of("SELECT 'a; SELECT 2").contains("text is not closed"));
  CHECK(fault_of("SELECT E'a\\'").contains("text is not closed"));
  CHECK(fault_of("SELECT 'a''").contains("text is not closed"));
  CHECK(fault_of("SELECT \"a").contains("name is not closed"));
  CHECK(fault_of("SELECT $q$ a $$").contains("end it with $q$"));
  CHECK(fault_of("SELECT 1 /* /* */").contains("comment is not closed"));
  CHECK(fault_of("INSERT INTO t VALUES ($1").contains("a ) is missing"));
  CHECK(fault_of("INSERT INTO t VALUES ($1))").contains("closes nothing"));
  CHECK(fault_of("SELECT ($1[2)]").contains("closes nothing"));
  CHECK(fault_of("SELECT $1, $3").contains("not $2"));
  CHECK(fault_of("SELECT $0").contains("$0 is no parameter"));
  CHECK(fault_of("SELECT $1abc").contains("is no parameter"));
  CHECK(fault_of("SELECT $65536").contains("is no parameter"));
  CHECK(fault_of("SELECT $99999999999999999999999").contains("is no parameter"));
  CHECK(fault_of(std::string_view("SELECT 1\0", 9)).contains("NUL"));
  CHECK(fault_of("SELECT '\xFF'").contains("UTF-8"));
}

TEST_CASE("sql: no statement that could end the transaction is taken", "[base][sql]") {
  for (const char* text :
       {"COMMIT", "ROLLBACK", "BEGIN", "END", "ABORT", "SAVEPOINT a", "PREPARE TRANSACTION 'a'",
        "SET x = 1", "DO $$ BEGIN COMMIT; END $$", "COPY t FROM STDIN", "CREATE TABLE t ()",
        "EXPLAIN ANALYZE SELECT 1", "\"select\" 1", "'select'", "(SELECT 1)", "VALUES (1)"})
    CHECK(fault_of(text).contains("begin it with INSERT"));
  CHECK(fault_of("Truncate t").starts_with("it begins with truncate; "));
  CHECK(fault_of("(SELECT 1)").starts_with("it begins with something that is no word; "));
}

TEST_CASE("sql: no statement that makes a table or changes the session is taken", "[base][sql]") {
  for (const char* text : {"SELECT $1::int AS a INTO t", "select * into temp t from u",
                           "WITH x AS (SELECT 1) SELECT * INTO t FROM x"})
    CHECK(fault_of(text).contains("write INSERT INTO"));
  CHECK(parameters_of("WITH x AS (INSERT INTO t VALUES ($1) RETURNING 1) SELECT 1 AS into") == 1);
  CHECK(parameters_of("MERGE INTO t USING s ON t.into = $1 WHEN MATCHED THEN DELETE") == 1);
  CHECK(fault_of("SELECT Set_Config ('x', $1, false)").starts_with("set_config changes"));
  CHECK(fault_of("SELECT pg_catalog.set_config('x', $1, false)").contains("leave it out"));
  for (const char* call : {"pg_advisory_lock", "pg_advisory_lock_shared", "pg_try_advisory_lock",
                           "PG_TRY_ADVISORY_LOCK_SHARED"})
    CHECK(fault_of("SELECT " + std::string(call) + "(1)").contains("pg_advisory_xact_lock"));
  CHECK(parameters_of("SELECT pg_advisory_xact_lock($1), 'pg_advisory_lock(1)'") == 1);
  CHECK(parameters_of("SELECT set_config FROM t WHERE a = $1") == 1);
}

TEST_CASE("sql: a plain INSERT of one row has a shape for batches", "[base][sql]") {
  CHECK(values_of("INSERT INTO t (a, b) VALUES ($1, $2)") == "b.p1, b.p2");
  CHECK(values_of("insert into t values($1::jsonb ->> 'a', now(), lower($10), $2,$3,$4,$5,$6,$7,$8"
                  ",$9, '$1', $1) ON CONFLICT (a) DO UPDATE SET a = excluded.a RETURNING a;") ==
        "b.p1::jsonb ->> 'a', now(), lower(b.p10), b.p2,b.p3,b.p4,b.p5,b.p6,b.p7,b.p8,b.p9, '$1', "
        "b.p1");
  CHECK(values_of("INSERT INTO t AS x (values) OVERRIDING SYSTEM VALUE VALUES -- $9\n ( ($1) )") ==
        " (b.p1) ");
  CHECK(values_of("INSERT INTO values VALUES ($1 -- last\n)") == "b.p1 -- last\n");
  const std::string_view text = "INSERT INTO My.\"T x\" (a) VALUES ($1) ON CONFLICT DO NOTHING";
  const auto shape = read_sql_statement(text).value().batch.value();
  CHECK(shape.table == "my.\"T x\"");
  CHECK(text.substr(0, shape.values_at) == "INSERT INTO My.\"T x\" (a) ");
  CHECK(text.substr(shape.values_end) == " ON CONFLICT DO NOTHING");
}

TEST_CASE("sql: whatever could mean something else over many rows has no shape", "[base][sql]") {
  CHECK_FALSE(has_shape("UPDATE t SET n = n + $1"));
  CHECK_FALSE(has_shape("WITH x AS (SELECT 1) INSERT INTO t VALUES ($1)"));
  CHECK_FALSE(has_shape("INSERT INTO t SELECT $1"));
  CHECK_FALSE(has_shape("INSERT INTO t DEFAULT VALUES"));
  CHECK_FALSE(has_shape("INSERT INTO t VALUES ($1, DEFAULT)"));
  CHECK_FALSE(has_shape("INSERT INTO t VALUES ($1), ($2)"));
  CHECK_FALSE(has_shape("INSERT INTO t VALUES ((SELECT max(n) FROM t) + $1)"));
  CHECK_FALSE(has_shape("INSERT INTO t VALUES ($1) ON CONFLICT (a) DO UPDATE SET b = $2"));
  CHECK_FALSE(has_shape("INSERT INTO t (a[$1]) VALUES ($2)"));
  CHECK_FALSE(has_shape("INSERT INTO t VALUES ($1) LIMIT 1"));
  CHECK_FALSE(has_shape("INSERT INTO t VALUES ($1) UNION SELECT $2"));
  CHECK_FALSE(has_shape("INSERT INTO U&\"t\" VALUES ($1)"));
  CHECK(has_shape("INSERT INTO t VALUES ($1, 'DEFAULT', \"select\")"));
}

TEST_CASE("sql: only calls that are known to read no table have a shape", "[base][sql]") {
  for (const char* value :
       {"currval('s')", "lastval()", "nextval('s')", "f($1)", "public.lower($1)", "\"lower\"($1)",
        "pg_catalog.lower($1)", "lower(f($1))", "CASE WHEN f($1) THEN 1 END", "a.\"b\"($1)"})
    CHECK_FALSE(has_shape(std::format("INSERT INTO t VALUES ($1, {})", value)));
  for (const char* value :
       {"coalesce(nullif($1, ''), lower ($1))", "cast($1 AS numeric(5, 2))", "$1::varchar(3)",
        "CASE WHEN ($1 IN (1, 2)) THEN (1) ELSE (2) END", "$1::timestamp(3) with time zone",
        "extract(epoch FROM now())", "jsonb_build_object('a', $1) ->> ('a')", "ROW($1, 2)",
        "$1 = ANY (ARRAY[1, 2])", "'f($1)'"})
    CHECK(has_shape(std::format("INSERT INTO t VALUES ($1, {})", value)));
  const auto with_tail = [](std::string_view tail) {
    return has_shape(std::format("INSERT INTO t AS x VALUES ($1){}", tail));
  };
  for (const char* tail : {" ON CONFLICT (a) DO UPDATE SET n = (SELECT count(*) FROM t)",
                           " ON CONFLICT (a) DO UPDATE SET n = (TABLE u)",
                           " ON CONFLICT (a) DO UPDATE SET n = (VALUES (1))",
                           " ON CONFLICT (a) DO UPDATE SET n = (WITH y AS (SELECT 1) TABLE y)",
                           " ON CONFLICT (a) DO UPDATE SET n = f(x.a)", " RETURNING f(a)",
                           " RETURNING (SELECT count(*) FROM t)"})
    CHECK_FALSE(with_tail(tail));
  for (const char* tail :
       {"ON CONFLICT (lower(a)) WHERE (a > 1) DO UPDATE SET (n, m) = ROW (x.n + 1, excluded.m)",
        "ON CONFLICT ON CONSTRAINT c DO NOTHING", "RETURNING (a), lower(b)"})
    CHECK(with_tail(tail));
}

}  // namespace holdfast::base
