#include "fixture.hpp"

namespace holdfast::postgres {
namespace {

const std::string add = "ALTER TABLE holdfast.inbox ADD CONSTRAINT ";
const std::string drop = "ALTER TABLE holdfast.inbox DROP CONSTRAINT ";

struct ErrorFixture : Fixture {
  ErrorFixture() { REQUIRE(deliver_one(*destination, make_entry(0)).has_value()); }
  std::unique_ptr<PostgresDestination> destination = open();

  /// The failure of one entry while `ddl` is in force; after `undo` the same entry is delivered.
  DeliveryFailure failure_of(const std::string& ddl, const std::string& undo) {
    cluster.query(ddl);
    const auto entry = make_entry(1, "secret-key", R"({"phone":"+491700000000"})");
    const auto outcome = deliver_one(*destination, entry);
    cluster.query(undo);
    REQUIRE_FALSE(outcome.has_value());
    CHECK_FALSE(outcome.error().message.contains("secret-key"));
    CHECK_FALSE(outcome.error().message.contains("+49"));
    CHECK_FALSE(outcome.error().message.contains('\n'));
    CHECK_FALSE(outcome.error().in_doubt);
    CHECK(deliver_one(*destination, entry).has_value());
    CHECK(destination->connects() == 1);
    return outcome.error();
  }
};

/// A trigger on inbox with this body, and how to take it away.
std::string trigger(const std::string& body, const std::string& condition = "") {
  return "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN " + body +
         " RETURN NEW; END$$; CREATE TRIGGER t BEFORE INSERT ON holdfast.inbox FOR EACH ROW " +
         condition + " EXECUTE FUNCTION f()";
}
const std::string drop_trigger = "DROP TRIGGER t ON holdfast.inbox; DROP FUNCTION f";

}  // namespace

TEST_CASE("postgres: a refused entry comes back with code, constraint and primary message",
          "[postgres][errors]") {
  ErrorFixture fixture;
  const auto check =
      fixture.failure_of(add + "\"Odd name; x\" CHECK (seq <> 1)", drop + "\"Odd name; x\"");
  CHECK(check.delivery_class == DeliveryClass::data);
  CHECK(check.sqlstate == "23514");
  CHECK(check.constraint == "Odd name; x");
  CHECK(check.message ==
        "new row for relation \"inbox\" violates check constraint \"Odd name; x\"");
}

TEST_CASE("postgres: a unique key that is not ours is an error and no duplicate",
          "[postgres][errors]") {
  ErrorFixture fixture;
  const auto unique = fixture.failure_of(add + "only_method UNIQUE (method)", drop + "only_method");
  CHECK(unique.delivery_class == DeliveryClass::data);
  CHECK(unique.sqlstate == "23505");
  CHECK(unique.constraint == "only_method");
}

TEST_CASE("postgres: a missing parent is told apart, even where COMMIT finds it",
          "[postgres][errors]") {
  ErrorFixture fixture;
  const std::string parent = "CREATE TABLE parent (s text PRIMARY KEY);" + add +
                             "has_parent FOREIGN KEY (source) REFERENCES parent ";
  for (const std::string when : {"NOT VALID", "DEFERRABLE INITIALLY DEFERRED NOT VALID"}) {
    const auto missing = fixture.failure_of(parent + when, drop + "has_parent; DROP TABLE parent");
    CHECK(missing.delivery_class == DeliveryClass::foreign_key);
    CHECK(missing.sqlstate == "23503");
    CHECK(missing.constraint == "has_parent");
    fixture.cluster.query("DELETE FROM holdfast.inbox WHERE seq = 1");
  }
}

TEST_CASE("postgres: of a trigger's error only the primary message is kept", "[postgres][errors]") {
  ErrorFixture fixture;
  const auto raised = fixture.failure_of(
      trigger("RAISE 'not today' USING DETAIL = 'detail +49', HINT = 'hint +49';"), drop_trigger);
  CHECK(raised.delivery_class == DeliveryClass::data);
  CHECK(raised.sqlstate == "P0001");
  CHECK(raised.message == "not today");
}

TEST_CASE("postgres: a trigger's own code refuses the entry", "[postgres][errors]") {
  ErrorFixture fixture;
  for (const std::string code : {"SH001", "MY001", "45000", "ZZ999"}) {
    const auto raised = fixture.failure_of(
        trigger("RAISE 'no \"%\"', NEW.dedupe_key USING ERRCODE = '" + code + "';"), drop_trigger);
    CHECK(raised.delivery_class == DeliveryClass::data);
    CHECK(raised.sqlstate == code);
    CHECK(raised.message == "no \"…\"");
    CHECK_FALSE(raised.session_lost);
    fixture.cluster.query("DELETE FROM holdfast.inbox WHERE seq = 1");
  }
}

TEST_CASE("postgres: an error that quotes a value keeps the code alone", "[postgres][errors]") {
  ErrorFixture fixture;
  const auto value = fixture.failure_of(
      trigger("PERFORM to_date(convert_from(NEW.body, 'UTF8'), 'YYYY');"), drop_trigger);
  CHECK(value.delivery_class == DeliveryClass::data);
  CHECK(value.sqlstate == "22007");
  CHECK(value.message.contains("…"));
}

TEST_CASE("postgres: what is refused with and without payload is the entry's own fault",
          "[postgres][errors][jsonb]") {
  ErrorFixture fixture;
  // 22P02 looks like jsonb's; without a payload the second constraint speaks.
  const auto both = fixture.failure_of(
      trigger("PERFORM (NEW.payload->>'phone' || 'x')::int;", "WHEN (NEW.payload IS NOT NULL)") +
          ";" + add + "p CHECK (payload IS NOT NULL)",
      drop_trigger + ";" + drop + "p");
  CHECK(both.delivery_class == DeliveryClass::data);
  CHECK(both.sqlstate == "23514");
  CHECK(both.constraint == "p");
}

TEST_CASE("postgres: a missing permission and a missing table are configuration",
          "[postgres][errors]") {
  Fixture fixture;
  REQUIRE(deliver_one(*fixture.open(), make_entry(0)).has_value());
  fixture.cluster.query(
      "CREATE ROLE limited LOGIN; GRANT USAGE ON SCHEMA holdfast TO limited;"
      "GRANT SELECT ON ALL TABLES IN SCHEMA holdfast TO limited");
  const auto limited = fixture.open(
      std::format("postgresql://limited@127.0.0.1:{}/postgres", fixture.cluster.port()));
  auto denied = deliver_one(*limited, make_entry(1));
  REQUIRE_FALSE(denied.has_value());
  CHECK(denied.error().delivery_class == DeliveryClass::config);
  CHECK(denied.error().sqlstate == "42501");
  CHECK(denied.error().message == "permission denied for table inbox");
  CHECK_FALSE(denied.error().session_lost);
  fixture.cluster.query("GRANT INSERT ON holdfast.inbox TO limited");
  CHECK(deliver_one(*limited, make_entry(1)).has_value());

  const auto destination = fixture.open();
  REQUIRE(deliver_one(*destination, make_entry(2)).has_value());
  fixture.cluster.query("DROP SCHEMA holdfast CASCADE");
  const auto missing = deliver_one(*destination, make_entry(3));
  REQUIRE_FALSE(missing.has_value());
  CHECK(missing.error().delivery_class == DeliveryClass::config);
  CHECK(missing.error().sqlstate == "42P01");
  // The next try makes the tables again.
  CHECK(deliver_one(*destination, make_entry(3)).has_value());
  fixture.cluster.query("DROP TABLE holdfast.inbox");
  CHECK_FALSE(deliver_one(*destination, make_entry(4)).has_value());
  CHECK(deliver_one(*destination, make_entry(4)).has_value());
}

}  // namespace holdfast::postgres
