#include <catch2/generators/catch_generators.hpp>

#include "statement_fixture.hpp"

namespace holdfast::postgres {
namespace {

const std::string insert = "INSERT INTO t VALUES ($1)";

}  // namespace

TEST_CASE("statements: what cannot be read is refused before anything is sent",
          "[postgres][statements][config]") {
  const SystemClock clock;
  DestinationConfig config;
  config.url = Secret("postgresql://127.0.0.1/x");
  const auto fault_of = [&](const WriteStatement& statement) {
    SourceConfig source;
    source.name = "orders";
    source.statements = {{"SELECT 1", {}, "", 0}, statement};
    const auto created =
        PostgresDestination::create(config, {&source, 1}, Uuid{}, clock, [](const LogEvent&) {});
    REQUIRE_FALSE(created.has_value());
    CHECK(created.error().kind == FailureKind::refused);
    CHECK(created.error().message.starts_with("reading statement 2 of source \"orders\": "));
    return created.error().message;
  };
  CHECK(fault_of({"COMMIT", {}, "", 0}).contains("begin it with INSERT"));
  CHECK(fault_of({insert, {}, "", 0}).contains("it has 1 parameters and 0 values"));
  CHECK(fault_of({insert, {"/a", "/b"}, "", 0}).contains("1 parameters and 2 values"));
  CHECK(fault_of({insert, {"a"}, "", 0}).contains("selects nothing"));
  CHECK(fault_of({insert, {"/a"}, "type", 0}).contains("SELECTOR=TEXT"));
}

TEST_CASE("statements: a fault of a statement names its source and leaves the session usable",
          "[postgres][statements][config]") {
  StatementFixture fixture;
  fixture.cluster.query(
      "CREATE TABLE t (v text); CREATE TABLE closed (v int); CREATE ROLE limited;"
      "CREATE PROCEDURE ends() LANGUAGE plpgsql AS $$BEGIN COMMIT; END$$;"
      "CREATE FUNCTION dead() RETURNS int LANGUAGE plpgsql AS $$BEGIN RAISE 'no' USING ERRCODE = "
      "'08006'; END$$; CREATE SEQUENCE s");
  struct Case {
    std::string statement;
    std::string sqlstate;
  };
  const std::vector<Case> cases{{"INSERT INTO nowhere VALUES ($1)", "42P01"},
                                {"INSERT INTO t (nope) VALUES ($1)", "42703"},
                                {"INSERT INTO t VALUE ($1)", "42601"},
                                {"SELECT count(*) FROM t WHERE $1 IS NULL", "42P18"},
                                {"INSERT INTO closed VALUES ($1::text)", "42804"},
                                {"INSERT INTO closed SELECT length($1) + 'x'", "22P02"},
                                {"SELECT nowhere($1::text)", "42883"},
                                {"WITH x AS (SELECT $1::text) SELECT currval('s') FROM x", "55000"},
                                {"SELECT dead() WHERE $1::text <> ''", "08006"}};
  for (std::size_t i = 0; i < cases.size(); ++i)
    fixture.declare({{"SELECT 1", {}, "", 0}, {cases[i].statement, {"/v"}, "", 0}},
                    std::format("s{}", i));
  fixture.declare({{"CALL ends()", {}, "", 0}}, "ends");
  fixture.declare({{insert, {"/v"}, "", 0}});
  const auto destination = fixture.open();
  REQUIRE(destination->deliver(entries_of({"{}"})).has_value());
  const auto looks = fixture.logged("FROM pg_catalog.pg_namespace WHERE nspname");
  for (std::size_t i = 0; i < cases.size(); ++i) {
    INFO(cases[i].statement);
    const std::vector batch{make_entry(1, {}, R"({"v":"x"})"),
                            make_entry(2, {}, R"({"v":"x"})", std::format("s{}", i))};
    const auto failure = failure_of(*destination, batch);
    CHECK(failure.delivery_class == DeliveryClass::config);
    CHECK(failure.sqlstate == cases[i].sqlstate);
    CHECK(failure.source == std::format("s{}", i));
    CHECK(failure.message.starts_with("statement 2: "));
    CHECK_FALSE(failure.session_lost);
    CHECK_FALSE(failure.in_doubt);
    REQUIRE(destination->deliver({batch.data(), 1}).has_value());
  }
  const auto ends = make_entry(3, {}, "{}", "ends");
  const auto failure = failure_of(*destination, {&ends, 1});
  CHECK(failure.sqlstate == "2D000");
  CHECK(failure.delivery_class == DeliveryClass::config);
  CHECK(failure.source == "ends");
  CHECK(destination->connects() == 1);
  CHECK(fixture.one("SELECT count(v) FROM t") == std::to_string(cases.size()));
  CHECK(fixture.events_named("migration_applied") == 1);
  // Our tables are not looked at again for a table that is not ours.
  CHECK(fixture.logged("FROM pg_catalog.pg_namespace WHERE nspname") == looks);
}

TEST_CASE("statements: a table that changes is seen at the next try", "[postgres][statements]") {
  StatementFixture fixture;
  fixture.cluster.query("CREATE TABLE t (v int)");
  fixture.declare({{insert, {"/v"}, "", 0}});
  const auto destination = fixture.open();
  const auto batch = entries_of({R"({"v":1})", R"({"v":2})"});
  REQUIRE(destination->deliver(batch).has_value());
  fixture.cluster.query("ALTER TABLE t ALTER v TYPE bigint");
  const auto large = entries_of({R"({"v":3000000000})", R"({"v":3000000001})"});
  // As int, the type that it had, it is out of range once; nobody dies of that.
  CHECK(failure_of(*destination, large).sqlstate == "22003");
  REQUIRE(destination->deliver(large).has_value());
  fixture.cluster.query("ALTER TABLE t RENAME TO u");
  const auto more = entries_of({R"({"v":4})", R"({"v":5})"});
  CHECK(failure_of(*destination, more).sqlstate == "42P01");
  fixture.cluster.query("ALTER TABLE u RENAME TO t; ALTER TABLE t ALTER v TYPE text");
  REQUIRE(destination->deliver(more).has_value());
  CHECK(fixture.rows("SELECT v FROM t") == "1;2;3000000000;3000000001;4;5");
  CHECK(destination->connects() == 1);
}

TEST_CASE("statements: an entry that fails in a pipeline rolls all back",
          "[postgres][statements]") {
  StatementFixture fixture;
  fixture.cluster.query("CREATE TABLE c (n int CHECK (n < 5)); INSERT INTO c VALUES (0)");
  fixture.declare({{"UPDATE c SET n = n + 1", {}, "", 0}, {"SELECT 1", {}, "", 0}});
  const auto destination = fixture.open();
  std::vector<Entry> batch;
  for (int seq = 1; seq <= 9; ++seq) batch.push_back(make_entry(seq));
  const auto failure = failure_of(*destination, batch);
  CHECK(failure.delivery_class == DeliveryClass::data);
  CHECK(failure.sqlstate == "23514");
  CHECK(failure.constraint == "c_n_check");
  CHECK(failure.message.starts_with("statement 1: "));
  CHECK_FALSE(failure.session_lost);
  CHECK(fixture.one("SELECT count(*) FROM holdfast.inbox") == "0");
  REQUIRE(destination->deliver({batch.data(), 4}).has_value());
  CHECK(fixture.one("SELECT n FROM c") == "4");
  CHECK(destination->connects() == 1);
}

TEST_CASE("statements: a check put off until COMMIT names the only source that wrote",
          "[postgres][statements]") {
  StatementFixture fixture;
  fixture.cluster.query(
      "CREATE TABLE p (id int PRIMARY KEY);"
      "CREATE TABLE t (v int REFERENCES p DEFERRABLE INITIALLY DEFERRED)");
  fixture.declare({{insert, {"/v"}, "", 0}});
  const auto destination = fixture.open();
  const auto failure = failure_of(*destination, entries_of({R"({"v":1})"}));
  CHECK(failure.delivery_class == DeliveryClass::foreign_key);
  CHECK(failure.source == "activities");
  CHECK_FALSE(failure.in_doubt);
  CHECK_FALSE(failure.session_lost);
}

TEST_CASE("statements: a commit in doubt that is sent again runs nothing twice",
          "[postgres][statements][faults]") {
  StatementFixture fixture;
  TcpGate gate(fixture.cluster.port());
  fixture.cluster.query("CREATE TABLE c (n int); INSERT INTO c VALUES (0); CREATE TABLE t (v int)");
  fixture.declare({{"UPDATE c SET n = n + 1", {}, "", 0}, {insert, {"/n"}, "", 0}});
  const auto destination = fixture.open(gate.url());
  REQUIRE(deliver_one(*destination, make_entry(0)).has_value());
  const auto where =
      GENERATE(TcpGate::CommitCut::after_forward, TcpGate::CommitCut::before_forward);
  const std::vector batch{make_entry(1), make_entry(2), make_entry(3)};
  gate.cut_inside_commit(where);
  CHECK(failure_of(*destination, batch).in_doubt);
  if (where == TcpGate::CommitCut::after_forward)
    CHECK(support::eventually([&] { return fixture.holds(batch[2].id); }, 10s));
  check_arrives_once(fixture, *destination, batch);
  CHECK(fixture.one("SELECT n FROM c") == "4");
  CHECK(fixture.one("SELECT count(*) FROM t") == "4");
}

TEST_CASE("statements: a link that is cut or hangs inside a pipeline costs the session alone",
          "[postgres][statements][faults]") {
  StatementFixture fixture;
  TcpGate gate(fixture.cluster.port());
  fixture.cluster.query("CREATE TABLE c (n int); INSERT INTO c VALUES (0)");
  fixture.declare({{"UPDATE c SET n = n + 1", {}, "", 0},
                   {"SELECT pg_sleep($1::float), $2::text", {"/s", "/p"}, "", 0}});
  fixture.config.deliver_timeout = 3s;
  const auto destination = fixture.open(gate.url());
  REQUIRE(deliver_one(*destination, make_entry(0)).has_value());
  std::vector<Entry> batch;
  for (int seq = 1; seq <= 100; ++seq)
    batch.push_back(make_entry(seq, {}, R"({"p":")" + std::string(5000, 'x') + "\"}"));
  gate.cut_after_bytes(800'000);
  const auto cut = failure_of(*destination, batch);
  CHECK(cut.delivery_class == DeliveryClass::connection);
  CHECK_FALSE(cut.in_doubt);
  CHECK(cut.session_lost);
  const auto slow = make_entry(101, {}, R"({"s":30})");
  const auto late = failure_of(*destination, {&slow, 1});
  CHECK(late.delivery_class == DeliveryClass::timeout);
  CHECK(late.sqlstate == "57014");
  CHECK_FALSE(late.session_lost);
  // Each in time, but not all of them together: the relay must send fewer, and not blame the link.
  std::vector<Entry> crowd;
  for (int seq = 200; seq < 300; ++seq) crowd.push_back(make_entry(seq, {}, R"({"s":0.1})"));
  const auto crowded = failure_of(*destination, crowd);
  CHECK(crowded.delivery_class == DeliveryClass::timeout);
  CHECK(crowded.session_lost);
  CHECK_FALSE(crowded.in_doubt);
  CHECK(support::eventually(
      [&] {
        return fixture.one(
                   "SELECT count(*) FROM pg_stat_activity WHERE application_name = "
                   "'holdfast'") == "0";
      },
      30s));
  REQUIRE(destination->deliver({crowd.data(), 5}).has_value());
  check_arrives_once(fixture, *destination, batch);
  CHECK(fixture.one("SELECT n FROM c") == "106");
}

TEST_CASE("statements: large values both ways in one pipeline block nobody",
          "[postgres][statements]") {
  StatementFixture fixture;
  fixture.declare({{"SELECT repeat('x', 30000), $1::text", {"/p"}, "", 0}});
  const auto destination = fixture.open();
  std::vector<Entry> batch;
  for (int seq = 1; seq <= 1000; ++seq)
    batch.push_back(make_entry(seq, {}, R"({"p":")" + std::string(4000, 'x') + "\"}"));
  REQUIRE(destination->deliver(batch).has_value());
  CHECK(destination->connects() == 1);
}

TEST_CASE("statements: a pooler in transaction mode is enough",
          "[postgres][statements][pgbouncer]") {
  StatementFixture fixture;
  support::PgBouncer pooler(fixture.cluster.port());
  fixture.cluster.query(
      "CREATE TABLE c (n int); INSERT INTO c VALUES (0); CREATE TABLE t (k int PRIMARY KEY, v "
      "text)");
  fixture.declare({{"INSERT INTO t VALUES ($1, $2) ON CONFLICT (k) DO UPDATE SET v = excluded.v",
                    {"/k", "/v"},
                    "",
                    0}});
  fixture.declare({{"UPDATE c SET n = n + $1", {"/k"}, "", 0}, {"SELECT $1::text", {""}, "", 0}},
                  "counted");
  fixture.declare({{"UPDATE c SET x = $1", {"/k"}, "", 0}}, "faulty");
  const auto destination = fixture.open(pooler.url());
  auto batch = entries_of({R"({"k":1,"v":"a"})", R"({"k":2})", R"({"k":1,"v":"b"})"});
  for (int seq = 4; seq <= 1500; ++seq)
    batch.push_back(make_entry(seq, {}, R"({"k":1})", "counted"));
  REQUIRE(destination->deliver(batch).has_value());
  CHECK(fixture.one("SELECT n FROM c") == "1497");
  CHECK(fixture.rows("SELECT k, v FROM t ORDER BY k") == "1|b;2|");
  const auto faulty = make_entry(2000, {}, R"({"k":1})", "faulty");
  CHECK(failure_of(*destination, {&faulty, 1}).sqlstate == "42703");
  // The server sessions behind the pooler are others now.
  fixture.cluster.stop();
  fixture.cluster.start();
  const std::vector more{make_entry(2001, {}, R"({"k":3,"v":"c"})"),
                         make_entry(2002, {}, R"({"k":3})", "counted")};
  check_arrives_once(fixture, *destination, more);
  CHECK(fixture.one("SELECT n FROM c") == "1500");
  CHECK(fixture.one("SELECT v FROM t WHERE k = 3") == "c");
}

TEST_CASE("statements: built-in operations run before the statements of their source",
          "[postgres][statements]") {
  StatementFixture fixture;
  fixture.cluster.query("CREATE TABLE seen (n bigint)");
  fixture.declare({{"INSERT INTO seen SELECT count(*) FROM holdfast.messages", {}, "", 0}}, "sms");
  fixture.sources.back().operations = Operations::twilio;
  const auto destination = fixture.open();
  auto entry = make_entry(
      1, {}, "MessageSid=SM1&From=%2B491700000000&To=%2B15550000000&Body=hi&SmsStatus=received",
      "sms");
  entry.content_type = "application/x-www-form-urlencoded";
  REQUIRE(deliver_one(*destination, entry).has_value());
  CHECK(fixture.one("SELECT n FROM seen") == "1");
  // Our own table, dropped: the source waits, and the next try makes it again.
  fixture.cluster.query("DROP TABLE holdfast.messages");
  auto next = entry;
  next.id = base::random_uuid();
  const auto missing = failure_of(*destination, {&next, 1});
  CHECK(missing.source == "sms");
  CHECK(missing.delivery_class == DeliveryClass::config);
  REQUIRE(deliver_one(*destination, next).has_value());
}

}  // namespace holdfast::postgres
