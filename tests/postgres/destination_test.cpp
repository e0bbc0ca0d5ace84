#include "fixture.hpp"
#include "postgres/limits.hpp"

namespace holdfast::postgres {

TEST_CASE("postgres: the destination keeps the promises of Destination",
          "[postgres][conformance]") {
  Fixture fixture;
  auto& misconfigured = fixture.sources.emplace_back();
  misconfigured.name = "misconfigured";
  misconfigured.statements = {{.statement = "INSERT INTO nowhere VALUES (1)"}};
  (void)deliver_one(*fixture.open(), make_entry(0));
  fixture.cluster.query(
      "ALTER TABLE holdfast.inbox ADD CONSTRAINT not_this CHECK (source <> 'refused')");
  fixture.cluster.query("DELETE FROM holdfast.inbox");
  support::check_destination_conformance({[&] { return fixture.open(); },
                                          [&](const Uuid& id) { return fixture.holds(id); },
                                          "refused", misconfigured.name});
}

TEST_CASE("postgres: every column holds what came in", "[postgres]") {
  Fixture fixture;
  auto entry = make_entry(42, "key", R"({"a":[1,2.50,"ü"]})");
  entry.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  REQUIRE(deliver_one(*fixture.open(), entry).has_value());
  const auto row =
      fixture.cluster
          .query(
              "SELECT id, source, dedupe_key, node, seq, extract(epoch from received_at)::text, "
              "method, target,"
              " remote_address, content_type, headers, payload->'a'->>2, flags, traceparent,"
              " stored_at > now() - interval '1 minute' FROM holdfast.inbox")
          .at(0);
  CHECK(row[0] == entry.id.to_string());
  CHECK(row[1] == "activities");
  CHECK(row[2] == "key");
  CHECK(row[3] == fixture.node.to_string());
  CHECK(row[4] == "42");
  CHECK(row[5] == "1763938162.165000");
  CHECK(row[6] == "POST");
  CHECK(row[7] == "/api/activities?x=1");
  CHECK(row[8] == "192.0.2.7");
  CHECK(row[9] == "application/json");
  CHECK(row[10] == R"([["Host", "example.com"], ["Content-Type", "application/json"]])");
  CHECK(row[11] == "ü");
  CHECK(row[12] == "{}");
  CHECK(row[13] == *entry.traceparent);
  CHECK(row[14] == "t");
}

TEST_CASE("postgres: bodies arrive byte for byte, whatever their bytes", "[postgres]") {
  Fixture fixture;
  std::string all_bytes;
  for (int i = 0; i < 256; ++i) all_bytes += static_cast<char>(i);
  std::string large;
  while (large.size() < 3 * mib) large += all_bytes;
  const std::vector batch{make_entry(1, {}, all_bytes), make_entry(2, {}, ""),
                          make_entry(3, {}, large), make_entry(4, {}, std::string(1, '\0'))};
  const auto delivered = fixture.open()->deliver(batch);
  REQUIRE(delivered.has_value());
  for (const auto& entry : batch) {
    const std::string where = " FROM holdfast.inbox WHERE id = '" + entry.id.to_string() + "'";
    CHECK(fixture.one("SELECT encode(sha256(body), 'hex')" + where) ==
          base::sha256_hex(entry.body));
    CHECK(fixture.one("SELECT length(body)" + where) == std::to_string(entry.body.size()));
    CHECK(fixture.one("SELECT payload IS NULL" + where) == "t");
  }
  CHECK(delivered->at(0).payload_unfit);
  CHECK_FALSE(delivered->at(1).payload_unfit);
  CHECK(fixture.one("SELECT flags FROM holdfast.inbox WHERE seq = 1") == "{payload_unfit}");
  CHECK(fixture.one("SELECT flags FROM holdfast.inbox WHERE seq = 2") == "{}");
}

TEST_CASE("postgres: text that is not UTF-8 is read as Latin-1", "[postgres]") {
  Fixture fixture;
  auto entry = make_entry(1);
  entry.headers = {{"X-Name", "J\xFCrgen \"quoted\" \\ \x01"},
                   {"X-Nul", std::string("a\0b", 3)},
                   {"x-utf8", "Jürgen"},
                   {"", ""}};
  entry.target = "/caf\xE9";
  entry.remote_address = "";
  entry.content_type = "";
  REQUIRE(deliver_one(*fixture.open(), entry).has_value());
  const auto row = fixture.cluster
                       .query(
                           "SELECT headers->0->>1, headers->1->>1, headers->2->>1, "
                           "jsonb_array_length(headers), target,"
                           " remote_address IS NULL, content_type IS NULL FROM holdfast.inbox")
                       .at(0);
  CHECK(row[0] == "Jürgen \"quoted\" \\ \x01");
  CHECK(row[1] ==
        "a\xEF\xBF\xBD"
        "b");
  CHECK(row[2] == "Jürgen");
  CHECK(row[3] == "4");
  CHECK(row[4] == "/café");
  CHECK(row[5] == "t");
  CHECK(row[6] == "t");
}

TEST_CASE("postgres: the same id twice in one batch is one row", "[postgres]") {
  Fixture fixture;
  const auto entry = make_entry(1, "k");
  const std::vector batch{entry, entry};
  const auto delivered = fixture.open()->deliver(batch);
  REQUIRE(delivered.has_value());
  CHECK_FALSE(delivered->at(0).duplicate_of.has_value());
  CHECK_FALSE(delivered->at(1).duplicate_of.has_value());
  CHECK(fixture.one("SELECT count(*) FROM holdfast.inbox") == "1");
}

TEST_CASE("postgres: what a trigger keeps out of the inbox is not delivered", "[postgres]") {
  Fixture fixture;
  const auto destination = fixture.open();
  REQUIRE(deliver_one(*destination, make_entry(0)).has_value());
  const auto keeps_out = [&](const std::string& instead) {
    fixture.cluster.query(
        "CREATE OR REPLACE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN "
        "IF NEW.seq = 2 THEN " +
        instead +
        "; END IF; RETURN NEW; END$$;"
        "CREATE OR REPLACE TRIGGER t BEFORE INSERT ON holdfast.inbox FOR EACH ROW "
        "EXECUTE FUNCTION f()");
    const std::vector batch{make_entry(1), make_entry(2), make_entry(3)};
    const auto failed = destination->deliver(batch);
    REQUIRE_FALSE(failed.has_value());
    CHECK(failed.error().delivery_class == DeliveryClass::data);
    CHECK(failed.error().message.contains("did not store the row"));
    CHECK_FALSE(failed.error().session_lost);
    CHECK_FALSE(deliver_one(*destination, batch[1]).has_value());
    CHECK(fixture.one("SELECT count(*) FROM holdfast.inbox") == "1");
  };
  keeps_out("RETURN NULL");
  keeps_out("NEW.id = gen_random_uuid()");
}

TEST_CASE("postgres: the server's process is made to keep its memory once, before a large batch",
          "[postgres]") {
  Fixture fixture;
  const auto destination = fixture.open();
  const auto asked = [&] {
    const auto log = fixture.cluster.log_text();
    std::size_t found = 0;
    for (std::size_t at = 0; (at = log.find(keep_memory_statement, at)) != std::string::npos; ++at)
      ++found;
    return found;
  };
  const auto deliver = [&](int seq, std::size_t bytes) {
    auto entry = make_entry(seq);
    entry.body = std::string(bytes, 'x');
    REQUIRE(deliver_one(*destination, entry).has_value());
  };
  deliver(1, large_batch_bytes - 1);
  CHECK(asked() == 0);
  deliver(2, large_batch_bytes);
  CHECK(asked() == 1);
  deliver(3, large_batch_bytes);
  CHECK(asked() == 1);
  destination->close();
  deliver(4, large_batch_bytes);
  CHECK(asked() == 2);
}

TEST_CASE("postgres: a large batch is one transaction of few round trips", "[postgres]") {
  Fixture fixture;
  std::vector<Entry> batch;
  for (int seq = 1; seq <= 3000; ++seq)
    batch.push_back(make_entry(seq, std::format("key-{}", seq)));
  const auto destination = fixture.open();
  REQUIRE(destination->deliver(batch).has_value());
  CHECK(fixture.one("SELECT count(*) FROM holdfast.inbox") == "3000");
  CHECK(fixture.one("SELECT count(DISTINCT xmin::text) FROM holdfast.inbox") == "1");
  // Physical order is commit order.
  CHECK(fixture.one("SELECT count(*) FROM (SELECT seq, row_number() OVER (ORDER BY ctid) AS n"
                    " FROM holdfast.inbox) s WHERE seq <> n") == "0");
  REQUIRE(destination->deliver(batch).has_value());
  CHECK(fixture.one("SELECT count(*) FROM holdfast.inbox") == "3000");
}

TEST_CASE("postgres: what jsonb alone refuses is stored with payload null", "[postgres][jsonb]") {
  Fixture fixture;
  const auto destination = fixture.open();
  const std::string deep = std::string(20'000, '[') + std::string(20'000, ']');
  // Ours to see: a NUL escape, depth, invalid UTF-8. Postgres's: a number of a million digits.
  for (const std::string& body :
       {std::string(R"({"a":"\u0000"})"), deep, std::string("{\"a\":\"\xFF\"}"),
        std::string("{nope"), std::string(R"({"a":"\ud800"})"), std::string("{}\0", 3),
        std::string(R"([1e1000000])")}) {
    const auto entry = make_entry(1, {}, body);
    const auto delivered = deliver_one(*destination, entry);
    REQUIRE(delivered.has_value());
    CHECK(delivered->payload_unfit);
    const auto row = fixture.cluster
                         .query(
                             "SELECT payload IS NULL, flags, encode(body, 'hex') FROM "
                             "holdfast.inbox WHERE id = '" +
                             entry.id.to_string() + "'")
                         .at(0);
    CHECK(row[0] == "t");
    CHECK(row[1] == "{payload_unfit}");
    CHECK(row[2] == base::to_hex(body));
  }
  // In a batch the relay must split: the others could be stored with their payload.
  const std::vector batch{make_entry(2), make_entry(3, {}, "[1e1000000]")};
  const auto refused = destination->deliver(batch);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().delivery_class == DeliveryClass::data);
  CHECK(refused.error().sqlstate == "22003");
  CHECK_FALSE(refused.error().session_lost);
  const auto big = make_entry(4, {}, "[1e400]");
  CHECK_FALSE(deliver_one(*destination, big).value().payload_unfit);
  CHECK(fixture.one(
            "SELECT payload->>0 = '1' || repeat('0', 400) FROM holdfast.inbox WHERE seq = 4") ==
        "t");
  CHECK(destination->connects() == 1);
}

TEST_CASE("postgres: only SET LOCAL, no named statements, nothing while idle", "[postgres][idle]") {
  Fixture fixture;
  const auto destination = fixture.open();
  REQUIRE(deliver_one(*destination, make_entry(1)).has_value());
  REQUIRE(deliver_one(*destination, make_entry(2)).has_value());
  const std::string log = fixture.cluster.log_text();
  CHECK(log.contains("SET LOCAL synchronous_commit = on"));
  CHECK(log.contains("SET LOCAL statement_timeout = "));
  CHECK(log.contains("SET LOCAL lock_timeout = "));
  CHECK(log.contains("execute <unnamed>"));
  for (std::size_t at = 0; (at = log.find("SET ", at)) != std::string::npos; at += 4)
    CHECK(log.substr(at, 10) == "SET LOCAL ");
  CHECK_FALSE(log.contains("PREPARE"));
  CHECK_FALSE(log.contains("TEMP"));
  // BEGIN, SET LOCAL and INSERT go together, then COMMIT: two round trips.
  const auto second = log.substr(log.rfind("LOG:  execute <unnamed>: BEGIN ISOLATION"));
  const auto count = [&](std::string_view text) {
    std::size_t found = 0;
    for (std::size_t at = 0; (at = second.find(text, at)) != std::string::npos; ++at) ++found;
    return found;
  };
  CHECK(count("LOG:  statement: ") == 1);
  CHECK(count("LOG:  statement: COMMIT") == 1);
  CHECK(count("LOG:  execute <unnamed>: SET LOCAL ") == 5);
  CHECK(count("LOG:  execute <unnamed>: ") == 7);
  const auto before = fixture.cluster.log_text().size();
  CHECK(destination->connected());
  CHECK(support::stays([&] { return destination->connected(); }, 1s));
  CHECK(fixture.cluster.log_text().size() == before);
  destination->close();
  CHECK(support::eventually(
      [&] { return fixture.cluster.log_text().substr(before).contains("disconnection:"); }, 10s));
  CHECK(fixture.events_named("destination_connected") == 1);
  CHECK(fixture.events_named("destination_closed") == 1);
  CHECK(fixture.events_named("migration_applied") == 1);
}

TEST_CASE("postgres: a URL that cannot be used is refused without being shown",
          "[postgres][config]") {
  const SystemClock clock;
  DestinationConfig config;
  for (const char* url :
       {"", "postgresql://u:hunter2@[bad/db", "host=x hunter2", "http://hunter2"}) {
    config.url = Secret(url);
    const auto created =
        PostgresDestination::create(config, {}, Uuid{}, clock, [](const LogEvent&) {});
    REQUIRE_FALSE(created.has_value());
    CHECK(created.error().kind == FailureKind::refused);
    CHECK_FALSE(created.error().message.contains("hunter2"));
  }
  config.url = Secret("postgresql://127.0.0.1/x");
  for (const std::string& schema : {std::string(), std::string(64, 'x'), std::string("\xFF")}) {
    config.schema = schema;
    CHECK_FALSE(
        PostgresDestination::create(config, {}, Uuid{}, clock, [](const LogEvent&) {}).has_value());
  }
}

}  // namespace holdfast::postgres
