#include "statement_fixture.hpp"
#include "support/fake_clock.hpp"

namespace holdfast::postgres {
namespace {

const std::string counters =
    "CREATE TABLE counters (k text PRIMARY KEY, n int DEFAULT 0);"
    "INSERT INTO counters VALUES ('a'), ('b')";
const WriteStatement count{"UPDATE counters SET n = n + 1 WHERE k = $1", {"/k"}, "", 0};

}  // namespace

TEST_CASE("statements: a value reaches every type, alone and in a batch",
          "[postgres][statements]") {
  StatementFixture fixture;
  fixture.cluster.query(
      "CREATE TYPE mood AS ENUM ('sad', 'glad'); CREATE DOMAIN positive AS int CHECK (VALUE > 0);"
      "CREATE DOMAIN tags AS text[]; CREATE DOMAIN doc AS jsonb;"
      "CREATE TABLE one (a text, b int, c bigint, d numeric, e boolean, f uuid, g timestamptz,"
      " h jsonb, i json, j bytea, m mood, p positive, v varchar(3), w char(3), dd doc, pt point,"
      " r int4range, src text, id uuid, at timestamptz, hd text);"
      "CREATE TABLE lists (t text[], i int[], j jsonb[], d tags)");
  const std::string columns =
      "(a, b, c, d, e, f, g, h, i, j, m, p, v, w, dd, pt, r, src, id, at, hd)";
  fixture.declare(
      {{"INSERT INTO one " + columns +
            " VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21)",
        {"/a",         "/b", "/c",           "/d",       "/e",
         "/f",         "/g", "/h",           "",         "/j",
         "/m",         "/p", "/v",           "/v",       "/h",
         "/pt",        "/r", "entry:source", "entry:id", "entry:received_at",
         "header:HOST"},
        "",
        0}});
  fixture.declare({{"INSERT INTO lists VALUES ($1, $2, $3, $4)", {"/t", "/i", "/j", "/t"}, "", 0}},
                  "lists");
  const std::string body =
      R"({"a":"x\"{},\\y","b":-7,"c":9007199254740993,"d":12345678901234567890.1234567890,)"
      R"("e":true,"f":"6F9619FF-8B86-D011-B42D-00CF4FC964FF","g":"2026-11-23T22:29:22.123+02:00",)"
      R"("h":"s\"","j":"\\xdeadbeef","m":"glad","p":3,"v":"abc",)"
      R"~("pt":"(1,2)","r":"[1,5)"})~";
  const auto destination = fixture.open();
  // A null in every column, too.
  const auto batch = entries_of({body, "{}", body});
  REQUIRE(destination->deliver(batch).has_value());
  const auto alone = make_entry(4, {}, body);
  REQUIRE(deliver_one(*destination, alone).has_value());
  const std::string expected =
      R"(x"{},\y|-7|9007199254740993|12345678901234567890.1234567890|t|6f9619ff-8b86-d011-b42d-)"
      R"(00cf4fc964ff|2026-11-23 20:29:22.123|"s\""|\xdeadbeef|glad|3|abc|abc|"s\""|(1,2)|[1,5)|)"
      "activities|example.com";
  const std::string select =
      "SELECT a, b, c, d, e, f, g AT TIME ZONE 'UTC', h, j, m, p, v, w, dd, pt, r, src, hd FROM "
      "one "
      "WHERE b IS NOT NULL";
  CHECK(fixture.rows(select) == expected + ";" + expected + ";" + expected);
  CHECK(fixture.rows("SELECT i::text FROM one WHERE id = '" + alone.id.to_string() + "'") == body);
  CHECK(fixture.one("SELECT count(*) FROM one o JOIN holdfast.inbox i USING (id)"
                    " WHERE o.at = i.received_at") == "4");
  CHECK(fixture.one("SELECT count(*) FROM one WHERE num_nulls(a,b,c,d,e,f,g,h,j,m,p,v,w,dd,pt,r)"
                    " = 16") == "1");
  CHECK(fixture.logged("FROM ROWS FROM") == 1);
  const std::string lists = R"({"t":["a,\"b",null,""],"i":[1,2],"j":[[1],"x",null]})";
  const std::vector two{make_entry(5, {}, lists, "lists"),
                        make_entry(6, {}, R"({"i":[[1],[2]]})", "lists")};
  REQUIRE(destination->deliver(two).has_value());
  CHECK(fixture.rows("SELECT t, i, j, d FROM lists") ==
        R"({"a,\"b",NULL,""}|{1,2}|{[1],"\"x\"",NULL}|{"a,\"b",NULL,""};|{{1},{2}}||)");
  CHECK(destination->connects() == 1);
}

TEST_CASE("statements: a value that does not fit is the entry's fault", "[postgres][statements]") {
  StatementFixture fixture;
  fixture.cluster.query("CREATE TABLE t (v varchar(3), n int, e bool NOT NULL DEFAULT true)");
  fixture.declare({{"INSERT INTO t (v, n) VALUES ($1, $2)", {"/v", "/n"}, "", 0}});
  const auto destination = fixture.open();
  struct Bad {
    const char* body;
    const char* sqlstate;
  };
  for (const auto& [body, sqlstate] :
       {Bad{R"({"v":"abcd"})", "22001"}, Bad{R"({"n":"x"})", "22P02"},
        Bad{R"({"n":3000000000})", "22003"}, Bad{R"({"n":1.5})", "22P02"}}) {
    // Not a failure of jsonb, although it has such a code: the payload must not be given up.
    for (const auto& batch : {entries_of({body}), entries_of({"{}", body})}) {
      const auto failure = failure_of(*destination, batch);
      CHECK(failure.delivery_class == DeliveryClass::data);
      CHECK(failure.sqlstate == sqlstate);
      CHECK(failure.source == "activities");
      CHECK(failure.message.starts_with("statement 1: "));
      CHECK_FALSE(failure.session_lost);
    }
  }
  CHECK(fixture.one("SELECT count(*) FROM holdfast.inbox") == "0");
  CHECK(fixture.one("SELECT count(*) FROM t") == "0");
  // The inbox may give up the payload, and the statement still sees the body.
  const auto unfit = make_entry(1, {}, R"({"v":"a\u0000","n":1})");
  CHECK(deliver_one(*destination, unfit).value().payload_unfit);
  const auto big = make_entry(2, {}, R"({"v":"b","n":2,"x":1e1000000})");
  CHECK(deliver_one(*destination, big).value().payload_unfit);
  CHECK(fixture.rows("SELECT v, n FROM t") == "a\xEF\xBF\xBD|1;b|2");
  CHECK(destination->connects() == 1);
}

TEST_CASE("statements: a counter counts each entry once", "[postgres][statements]") {
  StatementFixture fixture;
  fixture.cluster.query(counters);
  fixture.declare({count});
  const auto destination = fixture.open();
  auto batch = entries_of({R"({"k":"a"})", R"({"k":"b"})", R"({"k":"a"})", R"({"k":"c"})", "{}"});
  batch[0].dedupe_key = "one";
  REQUIRE(destination->deliver(batch).has_value());
  const std::string select = "SELECT k, n FROM counters ORDER BY k";
  CHECK(fixture.rows(select) == "a|2;b|1");
  REQUIRE(destination->deliver(batch).has_value());
  CHECK(fixture.rows(select) == "a|2;b|1");
  // Old ones, a copy by key, one id twice, and a single new one among them.
  const auto fresh = make_entry(9, "two", R"({"k":"b"})");
  const std::vector mixed{batch[1], make_entry(8, "one", R"({"k":"a"})"), fresh, fresh,
                          batch[2], make_entry(10, "two", R"({"k":"b"})")};
  const auto outcome = destination->deliver(mixed);
  REQUIRE(outcome.has_value());
  CHECK(outcome->at(1).duplicate_of == batch[0].id);
  CHECK(outcome->at(5).duplicate_of == fresh.id);
  CHECK(fixture.rows(select) == "a|2;b|2");
}

TEST_CASE("statements: of updates of one row in one batch the last wins",
          "[postgres][statements]") {
  StatementFixture fixture;
  fixture.cluster.query("CREATE TABLE latest (k text PRIMARY KEY, v int, n int DEFAULT 1)");
  fixture.declare(
      {{"INSERT INTO latest AS l (k, v) VALUES ($1, $2) ON CONFLICT (k) DO UPDATE SET "
        "v = excluded.v, n = l.n + 1",
        {"/k", "/v"},
        "",
        0}});
  fixture.declare({{"INSERT INTO latest (k) VALUES ($1)", {"/k"}, "", 0}}, "other");
  support::FakeClock clock;
  const auto destination = fixture.open(fixture.cluster.url(), clock);
  auto batch = entries_of({R"({"k":"a","v":1})", R"({"k":"b","v":2})", R"({"k":"a","v":3})"});
  batch.push_back(make_entry(4, {}, R"({"k":"o"})", "other"));
  batch.push_back(make_entry(5, {}, R"({"k":"p"})", "other"));
  REQUIRE(destination->deliver(batch).has_value());
  CHECK(fixture.rows("SELECT k, v, n FROM latest ORDER BY k") == "a|3|2;b|2|1;o||1;p||1");
  CHECK(fixture.one("SELECT count(*) FROM holdfast.inbox") == "5");
  CHECK(fixture.logged("cannot affect row a second time") == 1);
  // For a while it is not tried again, so that no transaction is done twice.
  const auto before = fixture.logged("FROM ROWS FROM");
  clock.advance(one_by_one_time - 1ms);
  REQUIRE(destination->deliver(entries_of({R"({"k":"c","v":1})", R"({"k":"c","v":2})"})));
  CHECK(fixture.logged("FROM ROWS FROM") == before);
  CHECK(fixture.logged("cannot affect row a second time") == 1);
  // Then, without a repeated key, one statement does it.
  clock.advance(1ms);
  REQUIRE(destination->deliver(entries_of({R"({"k":"a","v":4})", R"({"k":"b","v":5})"})));
  CHECK(fixture.logged("FROM ROWS FROM") == before + 1);
  CHECK(fixture.rows("SELECT v, n FROM latest WHERE v > 3 ORDER BY k") == "4|3;5|2");
  REQUIRE(destination->deliver(entries_of({R"({"k":"a","v":6})", R"({"k":"a","v":7})"})));
  CHECK(fixture.logged("cannot affect row a second time") == 2);
  CHECK(fixture.rows("SELECT v, n FROM latest WHERE k = 'a'") == "7|5");
}

TEST_CASE("statements: several run in their order, entry by entry", "[postgres][statements]") {
  StatementFixture fixture;
  fixture.cluster.query(
      "CREATE TABLE people (id int PRIMARY KEY, boss int); CREATE TABLE badges (person int "
      "REFERENCES people); ALTER TABLE people ADD badge_of int REFERENCES people;"
      "CREATE TABLE log (n serial, what text)");
  const WriteStatement person{
      "INSERT INTO people (id) VALUES ($1) ON CONFLICT DO NOTHING", {"/p"}, "", 0};
  const WriteStatement badge{"INSERT INTO badges VALUES ($1)", {"/b"}, "", 0};
  fixture.declare({person, badge});
  fixture.declare({badge, person}, "reversed");
  fixture.declare({{"INSERT INTO log (what) VALUES ('first ' || $1)", {"/p"}, "", 0},
                   {"INSERT INTO public.log (what) VALUES ('second ' || $1)", {"/p"}, "", 0}},
                  "same");
  const auto destination = fixture.open();
  REQUIRE(destination->deliver(entries_of({R"({"p":1,"b":1})", R"({"p":2,"b":1})"})));
  CHECK(fixture.logged("FROM ROWS FROM") == 2);
  CHECK(fixture.rows("SELECT person FROM badges") == "1;1");
  // A badge of the person that the entry before brings: only entry by entry is that in order.
  const std::vector reversed{make_entry(3, {}, R"({"p":3,"b":1})", "reversed"),
                             make_entry(4, {}, R"({"p":4,"b":3})", "reversed")};
  REQUIRE(destination->deliver(reversed).has_value());
  CHECK(fixture.rows("SELECT person FROM badges") == "1;1;1;3");
  const auto orphan = make_entry(5, {}, R"({"p":6,"b":7})", "reversed");
  const auto failure = failure_of(*destination, {&orphan, 1});
  CHECK(failure.delivery_class == DeliveryClass::foreign_key);
  CHECK(failure.constraint == "badges_person_fkey");
  CHECK(failure.message.starts_with("statement 1: "));
  // One table under two names.
  const std::vector same{make_entry(6, {}, R"({"p":"a"})", "same"),
                         make_entry(7, {}, R"({"p":"b"})", "same")};
  REQUIRE(destination->deliver(same).has_value());
  CHECK(fixture.rows("SELECT what FROM log ORDER BY n") == "first a;second a;first b;second b");
}

TEST_CASE("statements: a condition chooses the entries of each statement",
          "[postgres][statements]") {
  StatementFixture fixture;
  fixture.cluster.query("CREATE TABLE m (v text); CREATE TABLE r (v text); " + counters);
  fixture.declare({{"INSERT INTO m VALUES ($1)", {"/v"}, "/type=message", 0},
                   {"INSERT INTO r VALUES ($1)", {"/v"}, "/type=reply", 0},
                   // Never needed, so that nobody asks whether its table exists.
                   {"INSERT INTO nowhere VALUES ($1)", {"/v"}, "/type=never", 0}});
  fixture.declare({{count.statement, count.parameters, "/yes=true", 0}}, "counted");
  const auto destination = fixture.open();
  auto batch = entries_of({R"({"type":"message","v":1})", R"({"type":"reply","v":2})",
                           R"({"type":"message","v":3})", R"({"v":4})"});
  batch.push_back(make_entry(5, {}, R"({"k":"a","yes":true})", "counted"));
  batch.push_back(make_entry(6, {}, R"({"k":"a","yes":false})", "counted"));
  REQUIRE(destination->deliver(batch).has_value());
  CHECK(fixture.rows("SELECT v FROM m") == "1;3");
  CHECK(fixture.rows("SELECT v FROM r") == "2");
  CHECK(fixture.one("SELECT n FROM counters WHERE k = 'a'") == "1");
}

TEST_CASE("statements: tables with triggers get their rows one by one", "[postgres][statements]") {
  StatementFixture fixture;
  fixture.cluster.query(
      "CREATE TABLE t (v int); CREATE TABLE fired (n serial);"
      "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN INSERT INTO fired DEFAULT "
      "VALUES; RETURN NULL; END$$;"
      "CREATE TRIGGER x AFTER INSERT ON t FOR EACH STATEMENT EXECUTE FUNCTION f()");
  fixture.declare({{"INSERT INTO t VALUES ($1)", {"/v"}, "", 0}});
  REQUIRE(fixture.open()->deliver(entries_of({R"({"v":1})", R"({"v":2})", R"({"v":3})"})));
  CHECK(fixture.one("SELECT count(*) FROM fired") == "3");
}

TEST_CASE("statements: a large batch is one statement, or few round trips of many",
          "[postgres][statements]") {
  StatementFixture fixture;
  fixture.cluster.query(
      "CREATE TABLE t (n serial, v int, d jsonb); CREATE TABLE c (n int);"
      "INSERT INTO c VALUES (0)");
  fixture.declare({{"INSERT INTO t (v, d) VALUES ($1::int, $2)", {"/v", ""}, "", 0}});
  fixture.declare({{"UPDATE c SET n = n + $1", {"/v"}, "", 0}}, "counted");
  const auto destination = fixture.open();
  const std::size_t many = pipeline_steps_max * 5 / 2;
  std::vector<Entry> batch;
  for (std::size_t i = 0; i < many; ++i) {
    const auto seq = static_cast<std::int64_t>(batch.size()) + 1;
    const std::string body = std::format(R"({{"v":{},"pad":"{}"}})", i, std::string(100, 'x'));
    batch.push_back(make_entry(seq, {}, body));
    batch.push_back(make_entry(seq + 1, {}, R"({"v":1})", "counted"));
  }
  REQUIRE(destination->deliver(batch).has_value());
  CHECK(fixture.one("SELECT n FROM c") == std::to_string(many));
  CHECK(fixture.one("SELECT count(*) FROM t WHERE n = v + 1 AND d ->> 'v' = v::text") ==
        std::to_string(many));
  CHECK(fixture.logged("FROM ROWS FROM") == 1);
  // Values that are larger than a pipeline may be, alone and together.
  std::vector<Entry> large;
  for (int i = 0; i < 5; ++i)
    large.push_back(make_entry(
        i, {}, std::format(R"({{"v":1,"d":"{}"}})", std::string(pipeline_bytes_max / 2, 'x')),
        "counted"));
  large.push_back(
      make_entry(6, {}, R"({"v":"9)" + std::string(pipeline_bytes_max, ' ') + "\"}", "counted"));
  REQUIRE(destination->deliver(large).has_value());
  CHECK(fixture.one("SELECT n FROM c") == std::to_string(many + 14));
}

}  // namespace holdfast::postgres
