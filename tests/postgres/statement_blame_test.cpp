#include "statement_fixture.hpp"

/// Whose fault an error out of a source's own statement is, and what is told of it.
namespace holdfast::postgres {
namespace {

/// Table t of texts, whose trigger raises the code that it is given.
const std::string raising =
    "CREATE TABLE t (v text); CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN "
    "IF NEW.v <> 'fine' THEN RAISE 'refused \"%\"', 'CANARY' USING ERRCODE = NEW.v; END IF; "
    "RETURN NEW; END$$;";
const std::string insert = "INSERT INTO t VALUES ($1)";

std::vector<Entry> with_value(const std::string& value) {
  return entries_of({std::format(R"({{"v":"{}"}})", value)});
}

/// Nothing that is told of it has the value.
void check_secret(const StatementFixture& fixture, const DeliveryFailure& failure) {
  CHECK_FALSE(failure.message.contains("CANARY"));
  CHECK_FALSE(failure.constraint.contains("CANARY"));
  fixture.events.with([](const auto& events) {
    for (const LogEvent& event : events)
      for (const auto& field : event.fields) CHECK_FALSE(field.second.contains("CANARY"));
  });
}

}  // namespace

TEST_CASE("statements: a trigger's own code is the entry's fault, and never the server's",
          "[postgres][statements]") {
  StatementFixture fixture;
  fixture.cluster.query(
      raising + "CREATE TRIGGER x BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION refuse()");
  fixture.declare({{insert, {"/v"}, "", 0}});
  const auto destination = fixture.open();
  const auto check = [&](const std::string& code, DeliveryClass delivery_class) {
    INFO(code);
    const auto failure = failure_of(*destination, with_value(code));
    CHECK(to_string(failure.delivery_class) == to_string(delivery_class));
    CHECK(failure.sqlstate == code);
    CHECK(failure.source == "activities");
    CHECK(failure.message == "statement 1: refused \"…\"");
    CHECK_FALSE(failure.session_lost);
    CHECK_FALSE(failure.in_doubt);
    check_secret(fixture, failure);
  };
  for (const char* code : {"SH001", "MY001", "45000", "ZZ999", "XX000", "38000", "39000", "42601",
                           "42602", "42622", "22023", "P0001", "57000", "03000"})
    check(code, DeliveryClass::data);
  for (const char* code : {"25006", "55006", "58P01", "08006", "08P01", "26000", "42501", "42P01"})
    check(code, DeliveryClass::config);
  // What the server lacks is waited for, whoever says so.
  CHECK(failure_of(*destination, with_value("53100")).delivery_class == DeliveryClass::server);
}

TEST_CASE("statements: a trigger put off until COMMIT refuses in a code of its own, too",
          "[postgres][statements]") {
  StatementFixture fixture;
  fixture.cluster.query(
      raising +
      "CREATE CONSTRAINT TRIGGER x AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED "
      "FOR EACH ROW EXECUTE FUNCTION refuse()");
  fixture.declare({{insert, {"/v"}, "", 0}});
  const auto destination = fixture.open();
  const auto failure = failure_of(*destination, with_value("SH001"));
  CHECK(failure.delivery_class == DeliveryClass::data);
  CHECK(failure.source == "activities");
  CHECK_FALSE(failure.in_doubt);
  CHECK_FALSE(failure.session_lost);
  check_secret(fixture, failure);
  REQUIRE(destination->deliver(with_value("fine")).has_value());
  CHECK(destination->connects() == 1);
}

TEST_CASE("statements: no message of an error has a value of the entry", "[postgres][statements]") {
  StatementFixture fixture;
  struct Case {
    std::string statement;
    std::string value;
    std::string sqlstate;
    DeliveryClass delivery_class;
  };
  const std::vector<Case> cases{
      {"SELECT to_tsquery('simple', $1)", "CANARY CANARY", "42601", DeliveryClass::data},
      {"SELECT ($1::text)::regclass", "CANARY\\\" x", "42602", DeliveryClass::data},
      {"SELECT $1::text::jsonpath", "CANARY CANARY", "42601", DeliveryClass::data},
      {"SELECT lower($1)::int", "CANARY", "22P02", DeliveryClass::data},
      {"SELECT ($1::text)::regclass", "\\\"CANARY\\\"", "42P01", DeliveryClass::config},
      {"SELECT to_regclass('x'), ($1::text)::regrole", "\\\"CANARY\\\"", "42704",
       DeliveryClass::config}};
  for (std::size_t i = 0; i < cases.size(); ++i)
    fixture.declare({{cases[i].statement, {"/v"}, "", 0}}, std::format("s{}", i));
  const auto destination = fixture.open();
  for (std::size_t i = 0; i < cases.size(); ++i) {
    INFO(cases[i].statement << " with " << cases[i].value);
    auto entry = with_value(cases[i].value).front();
    entry.source = std::format("s{}", i);
    const auto failure = failure_of(*destination, {&entry, 1});
    CHECK(failure.sqlstate == cases[i].sqlstate);
    CHECK(to_string(failure.delivery_class) == to_string(cases[i].delivery_class));
    check_secret(fixture, failure);
  }
  CHECK(destination->connects() == 1);
}

}  // namespace holdfast::postgres
