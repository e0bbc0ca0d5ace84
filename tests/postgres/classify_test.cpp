#include "postgres/classify.hpp"

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <string>

namespace holdfast::postgres {
namespace {

using enum DeliveryClass;

struct CodeRow {
  std::string_view sqlstate;
  DeliveryClass delivery_class;
  bool drop_session = false;
  bool slow_start = false;
};

constexpr std::array rows{
    CodeRow{"08000", connection, true},
    CodeRow{"08001", connection, true},
    CodeRow{"08003", connection, true},
    CodeRow{"08004", connection, true},
    CodeRow{"08006", connection, true},
    CodeRow{"08P01", connection, true},
    CodeRow{"0A000", config},
    CodeRow{"0B000", config},
    CodeRow{"0LP01", config},
    CodeRow{"0P000", config},
    CodeRow{"20000", defect, true},
    CodeRow{"21000", defect, true},
    CodeRow{"22001", data},
    CodeRow{"22003", data},
    CodeRow{"22007", data},
    CodeRow{"22008", data},
    CodeRow{"22012", data},
    CodeRow{"22021", data},
    CodeRow{"22023", data},
    CodeRow{"22P02", data},
    CodeRow{"22P03", defect, true},
    CodeRow{"22P04", data},
    CodeRow{"22P05", data},
    CodeRow{"23000", data},
    CodeRow{"23001", data},
    CodeRow{"23502", data},
    CodeRow{"23503", foreign_key},
    CodeRow{"23505", data},
    CodeRow{"23514", data},
    CodeRow{"23P01", data},
    CodeRow{"25001", defect, true},
    CodeRow{"25006", server, true},
    CodeRow{"25P01", defect, true},
    CodeRow{"25P02", defect, true},
    CodeRow{"25P03", connection, true},
    CodeRow{"25P04", connection, true},
    CodeRow{"26000", connection, true},
    CodeRow{"28000", config},
    CodeRow{"28P01", config},
    CodeRow{"2BP01", config},
    CodeRow{"2D000", config},
    CodeRow{"2F005", config},
    CodeRow{"34000", config},
    CodeRow{"38000", config},
    CodeRow{"39000", config},
    CodeRow{"3B001", config},
    CodeRow{"3D000", config},
    CodeRow{"3F000", config},
    CodeRow{"40000", contention},
    CodeRow{"40001", contention},
    CodeRow{"40002", contention},
    CodeRow{"40P01", contention},
    CodeRow{"42501", config},
    CodeRow{"42601", config},
    CodeRow{"42703", config},
    CodeRow{"42704", config},
    CodeRow{"42804", config},
    CodeRow{"42883", config},
    CodeRow{"42P01", config},
    CodeRow{"42P05", connection, true},
    CodeRow{"42P10", config},
    CodeRow{"42P18", config},
    CodeRow{"44000", data},
    CodeRow{"53000", server, true},
    CodeRow{"53100", server, true},
    CodeRow{"53200", server, true},
    CodeRow{"53300", server, true, true},
    CodeRow{"53400", server, true, true},
    CodeRow{"54000", data},
    CodeRow{"54001", data},
    CodeRow{"54011", data},
    CodeRow{"54023", data},
    CodeRow{"55000", server, true},
    CodeRow{"55006", server, true},
    CodeRow{"55P02", server, true},
    CodeRow{"55P03", contention},
    CodeRow{"57000", server, true},
    CodeRow{"57014", timeout},
    CodeRow{"57P01", connection, true},
    CodeRow{"57P02", server, true},
    CodeRow{"57P03", server, true},
    CodeRow{"57P04", config, true},
    CodeRow{"57P05", connection, true},
    CodeRow{"58000", server, true},
    CodeRow{"58030", server, true},
    CodeRow{"58P01", server, true},
    CodeRow{"72000", server, true},
    CodeRow{"F0000", config},
    CodeRow{"HV000", server, true},
    CodeRow{"P0001", data},
    CodeRow{"P0002", data},
    CodeRow{"P0004", data},
    CodeRow{"XX000", server, true},
    CodeRow{"XX001", config},
    CodeRow{"XX002", config},
    // Never lose an entry over a code that nobody knows; a class that Postgres has not is no
    // riddle.
    CodeRow{"03000", server, true},
    CodeRow{"53999", server, true},
    CodeRow{"ZZ999", data},
    CodeRow{"SH001", data},
    CodeRow{"MY001", data},
    CodeRow{"45000", data},
};

}  // namespace

TEST_CASE("classify: each SQLSTATE has its class", "[postgres][classify]") {
  for (const auto& row : rows) {
    INFO(row.sqlstate);
    const auto verdict = classify(row.sqlstate, "some message", Phase::query);
    CHECK(to_string(verdict.delivery_class) == to_string(row.delivery_class));
    CHECK(verdict.drop_session == row.drop_session);
    CHECK(verdict.slow_start == row.slow_start);
    CHECK_FALSE(verdict.in_doubt);
    CHECK(classify(row.sqlstate, "some message", Phase::connect).drop_session);
  }
}

TEST_CASE("classify: the codes that depend on their text", "[postgres][classify]") {
  const auto plan = classify("0A000", "cached plan must not change result type", Phase::query);
  CHECK(plan.delivery_class == connection);
  CHECK(plan.drop_session);
  CHECK(classify("22023", "invalid value for parameter \"work_mem\": \"x\"", Phase::query)
            .delivery_class == config);
  CHECK(classify("22023", "invalid input for a function", Phase::query).delivery_class == data);
}

TEST_CASE("classify: what may have been committed is in doubt", "[postgres][classify]") {
  for (const auto* code :
       {"", "08006", "57P01", "57P02", "57P03", "25P03", "58030", "XX000", "ZZ999", "03000"})
    CHECK(classify(code, "any", Phase::commit).in_doubt);
  for (const auto* code : {"08007", "40003"})
    for (const Phase phase : {Phase::query, Phase::commit}) {
      CHECK(classify(code, "any", phase).in_doubt);
      CHECK(classify(code, "any", phase).drop_session);
      CHECK(classify(code, "any", phase).delivery_class == connection);
    }
  // A clear refusal at COMMIT is none: a deferred constraint, a serialization failure.
  for (const auto* code : {"23503", "23505", "23514", "40001", "40P01", "P0001", "42501", "57014"})
    CHECK_FALSE(classify(code, "any", Phase::commit).in_doubt);
  CHECK(classify("", "any", Phase::query).delivery_class == connection);
  CHECK(classify("", "out of memory", Phase::commit).in_doubt);
}

TEST_CASE("classify: of several addresses the most informative line counts",
          "[postgres][classify]") {
  const auto auth = most_informative(
      "connection to server at \"ep-x.neon.tech\" (192.0.2.1), port 5432 failed: FATAL:  28P01: "
      "password "
      "authentication failed for user \"bob\"\nLOCATION:  auth_failed, auth.c:321\n"
      "connection to server at \"ep-x.neon.tech\" (2001:db8::1), port 5432 failed: Network is "
      "unreachable\n\tIs the server running on that host and accepting TCP/IP connections?\n");
  CHECK(auth.sqlstate == "28P01");
  CHECK(auth.message == "password authentication failed for user \"…\"");

  const auto neon = most_informative(
      "connection to server at \"h\" (192.0.2.1), port 5432 failed: Network is unreachable\n"
      "connection to server at \"h\" (192.0.2.2), port 5432 failed: ERROR:  XX000: Control plane "
      "request "
      "failed: endpoint is disabled\n"
      "connection to server at \"h\" (192.0.2.3), port 5432 failed: timeout expired\n");
  CHECK(neon.sqlstate == "XX000");
  CHECK(neon.message == "Control plane request failed: endpoint is disabled");
  CHECK(classify(neon.sqlstate, neon.message, Phase::connect).delivery_class == config);

  const auto starting = most_informative(
      "connection to server at \"a\", port 1 failed: Connection refused\n\tIs the server running?\n"
      "connection to server at \"b\", port 1 failed: FATAL:  57P03: the database system is "
      "starting up\n"
      "DETAIL:  secret detail\nHINT:  password authentication failed\n");
  CHECK(starting.sqlstate == "57P03");
  CHECK(starting.message == "the database system is starting up");

  CHECK(most_informative("connection to server at \"h\", port 1 failed: No route to host\n"
                         "connection to server at \"h\", port 1 failed: something new\n")
            .message == "something new");
  CHECK(most_informative("FATAL:  database \"nodb\" does not exist\n").message ==
        "database \"…\" does not exist");
  CHECK_FALSE(most_informative("").message.empty());
}

TEST_CASE("classify: no message keeps a host, a user or a value", "[postgres][classify]") {
  CHECK(without_names("could not translate host name \"ep-x.neon.tech\" to address: unknown") ==
        "could not translate host name \"…\" to address: unknown");
  CHECK(without_names("password authentication failed for user 'bob'") ==
        "password authentication failed for user '…'");
  CHECK(without_names("certificate for \"a.example\" does not match host name \"b.example\"") ==
        "certificate for \"…\" does not match host name \"…\"");
  CHECK(without_names("role \"a\"b\" is not there") == "role \"…\" is not there");
  CHECK(without_names("This IP address 192.0.2.17 is not allowed") ==
        "This IP address … is not allowed");
  CHECK(without_names("to 2001:db8::1 failed") == "to … failed");
  CHECK(without_names("no such user: bob") == "no such user: …");
  CHECK(without_names("timeout expired: no answer") == "timeout expired: no answer");
  CHECK(without_values("22P02", "invalid input syntax for type integer: \"+49 \"x\" 1\"") ==
        "invalid input syntax for type integer: \"…\"");
  CHECK(without_values("23514", "violates check constraint \"c\"") ==
        "violates check constraint \"c\"");
  CHECK(without_values("P0001", "caf\xE9") == "café");
  const std::string long_text = without_values("P0001", std::string(499, 'x') + "üüü");
  CHECK(long_text == std::string(499, 'x') + "…");
}

TEST_CASE("classify: the failures of jsonb alone", "[postgres][classify]") {
  for (const auto* code : {"22P02", "22P05", "22003", "54000", "54001"})
    CHECK(is_jsonb_failure(code));
  for (const auto* code : {"", "22001", "22021", "23514", "54011"})
    CHECK_FALSE(is_jsonb_failure(code));
  for (const auto* code : {"42P01", "3F000", "42703", "42P10"}) CHECK(is_schema_failure(code));
  for (const auto* code : {"", "42501", "23514"}) CHECK_FALSE(is_schema_failure(code));
}

TEST_CASE("classify: a source's own statement is told from the server", "[postgres][classify]") {
  const auto own = [](std::string_view code) { return classify_own(code, "text", false); };
  for (const char* code :
       {"20000", "21000", "22P02", "22023", "22P03", "38000", "39000", "39P01", "40003", "42601",
        "42602", "42622", "45000", "57000", "03000", "MY001", "P0001", "SH001", "XX000", "ZZ999"}) {
    INFO(code);
    CHECK(own(code).delivery_class == DeliveryClass::data);
    CHECK_FALSE(own(code).drop_session);
    CHECK_FALSE(own(code).in_doubt);
  }
  for (const char* code :
       {"08006", "08P01", "0A000", "25001", "25006", "26000", "2D000", "42501", "42703", "42883",
        "42P01", "42P05", "55000", "55006", "58030", "58P01", "HV000", "XX001"}) {
    INFO(code);
    CHECK(own(code).delivery_class == DeliveryClass::config);
    CHECK_FALSE(own(code).drop_session);
  }
  CHECK(own("40001").delivery_class == DeliveryClass::contention);
  CHECK(own("55P03").delivery_class == DeliveryClass::contention);
  CHECK(own("57014").delivery_class == DeliveryClass::timeout);
  CHECK(classify_own("22023", "parameter \"x\"", false).delivery_class == DeliveryClass::data);
  CHECK(classify_own("XX000", "quota", false).delivery_class == DeliveryClass::data);
  // A session that is gone was not ended by the statement.
  for (const char* code : {"08006", "XX000", "ZZ999", "58030"})
    CHECK(classify_own(code, "text", true).drop_session);
  CHECK(classify_own("08006", "text", true).delivery_class == DeliveryClass::connection);
  CHECK(classify_own("", "server closed the connection unexpectedly", true).drop_session);
}

TEST_CASE("classify: no answer of a live session makes a source wait for the server",
          "[postgres][classify]") {
  for (const auto& row : rows) {
    if (row.sqlstate.starts_with("53") || row.sqlstate.starts_with("57P0")) continue;
    INFO(row.sqlstate);
    const auto verdict =
        classify_own(row.sqlstate, "cached plan must not change result type", false);
    CHECK(verdict.delivery_class != DeliveryClass::connection);
    CHECK(verdict.delivery_class != DeliveryClass::server);
    CHECK(verdict.delivery_class != DeliveryClass::defect);
  }
  CHECK(classify_own("53100", "text", false).delivery_class == DeliveryClass::server);
  CHECK(classify_own("57P01", "text", false).delivery_class == DeliveryClass::connection);
}

TEST_CASE("classify: of a statement's own error only names are quoted", "[postgres][classify]") {
  const std::string_view text = "INSERT INTO orders SELECT f($1)";
  const auto message = [&](std::string_view code, std::string_view primary) {
    return own_without_values(code, primary, text);
  };
  for (const char* code : {"42601", "42602", "42622", "22023", "P0001", "SH001", "XX000", "42P01",
                           "42704", "42883", "38000", "0A000"}) {
    INFO(code);
    CHECK(message(code, "odd: \"CANARY\"") == "odd: \"…\"");
    CHECK(message(code, "odd: \"orders\" CANARY \"orders\"") == "odd: \"…\"");
  }
  CHECK(message("42601", "at or near \"orders\"") == "at or near \"…\"");
  CHECK(message("42P01", "relation \"orders\" is gone") == "relation \"orders\" is gone");
  CHECK(message("23514", "relation \"t\" violates check \"c\"") ==
        "relation \"t\" violates check \"c\"");
  CHECK(message("42703", "record \"new\" has no field \"x\"") ==
        "record \"new\" has no field \"x\"");
  for (const char* code : {"P0001", "SH001", "XX000", "38000"})
    CHECK(without_values(code, "odd: \"CANARY\"") == "odd: \"…\"");
  CHECK(without_values("42601", "at or near \"VALUE\"") == "at or near \"VALUE\"");
}

}  // namespace holdfast::postgres
