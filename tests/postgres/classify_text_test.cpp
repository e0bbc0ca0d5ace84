#include <array>
#include <catch2/catch_test_macros.hpp>
#include <span>
#include <string_view>

#include "postgres/classify.hpp"

namespace holdfast::postgres {
namespace {

using enum DeliveryClass;

struct TextRow {
  std::string_view text;
  DeliveryClass delivery_class;
  bool slow_start = false;
};

void check_texts(std::string_view sqlstate, std::span<const TextRow> rows) {
  for (const auto& row : rows)
    for (const Phase phase : {Phase::connect, Phase::query}) {
      INFO(row.text);
      const auto verdict = classify(sqlstate, row.text, phase);
      CHECK(to_string(verdict.delivery_class) == to_string(row.delivery_class));
      CHECK(verdict.slow_start == row.slow_start);
      CHECK_FALSE(verdict.in_doubt);
      // What names hide must not be what it is told by.
      const auto shown = classify(sqlstate, without_names(row.text), phase);
      CHECK(to_string(shown.delivery_class) == to_string(row.delivery_class));
    }
}

}  // namespace

TEST_CASE("classify: the texts of Neon's proxy", "[postgres][classify]") {
  static constexpr std::array rows{
      TextRow{"password authentication failed for user 'neondb_owner'", config},
      TextRow{
          "Endpoint ID is not specified. Either please upgrade the postgres client library (libpq) "
          "for SNI support or pass the endpoint ID (first part of the domain name) as a parameter",
          config},
      TextRow{"Inconsistent project name inferred from SNI ('a') and project option ('b').",
              config},
      TextRow{"This IP address 192.0.2.1 is not allowed to connect to this endpoint.", config},
      TextRow{"Connections from a blocked network are refused", config},
      TextRow{"This project does not accept connections from this VPC endpoint", config},
      TextRow{"Unsupported authentication method", config},
      TextRow{"Malformed password message", config},
      TextRow{"unsupported startup parameter: options", config},
      TextRow{"Control plane request failed: endpoint cannot be found", config},
      TextRow{"Control plane request failed: endpoint is disabled", config},
      TextRow{
          "Control plane request failed: endpoint is temporarily unavailable. Check your quotas "
          "and/or contact our support.",
          quota},
      TextRow{"Your account or project has exceeded the compute time quota. Upgrade your plan to "
              "increase limits.",
              quota},
      TextRow{"Your project has exceeded the data transfer quota.", quota},
      TextRow{"Your project has exceeded the written data limit.", quota},
      TextRow{"Your project has exceeded the logical size limit.", quota},
      TextRow{
          "You have exceeded the limit of concurrently active endpoints. Please suspend some, or "
          "contact us about your quota.",
          server, true},
      TextRow{"Control plane request failed", server},
      TextRow{"Control plane request failed: something new", server},
      TextRow{"Couldn't connect to compute node", server},
      TextRow{"Too many connections to this endpoint. Please try again later.", server, true},
      TextRow{"Too many connections attempts. Please try again later.", server, true},
      TextRow{"Failed to acquire permit to connect to the database. Too many database connection "
              "attempts are currently ongoing.",
              server, true},
      TextRow{"Authentication timed out", connection},
      TextRow{"connection is insecure (try using `sslmode=require`)", config},
  };
  check_texts("XX000", rows);
  check_texts("", rows);
  CHECK(classify("XX000", "a new text", Phase::connect).delivery_class == server);
}

TEST_CASE("classify: the texts of PgBouncer", "[postgres][classify]") {
  static constexpr std::array rows{
      TextRow{"query_wait_timeout", server},
      TextRow{"query_timeout", server},
      TextRow{"client_idle_timeout", connection},
      TextRow{"client_login_timeout (server down)", server},
      TextRow{"client_login_timeout", server},
      TextRow{"idle transaction timeout", connection},
      TextRow{"transaction timeout", connection},
      TextRow{"server shutting down", server},
      TextRow{"pooler is shutting down", server},
      TextRow{"pause failed", server},
      TextRow{"no more connections allowed (max_client_conn)", server, true},
      TextRow{"client connections exceeded (max_db_client_connections)", server, true},
      TextRow{"client connections exceeded (max_user_client_connections)", server, true},
      TextRow{"server login has been failing, cached error: connect failed (server_login_retry)",
              server},
      TextRow{"admin forced disconnect", connection},
      TextRow{"server conn crashed?", connection},
      TextRow{"no such database: nowhere", config},
      TextRow{"no such user: nobody", config},
      TextRow{"login rejected", config},
      TextRow{"SASL authentication failed", config},
      TextRow{"password authentication failed", config},
      TextRow{"database \"x\" is disabled", config},
      TextRow{"unsupported startup parameter: search_path", config},
      TextRow{"bouncer config error", config},
      TextRow{"SSL required", config},
  };
  check_texts("08P01", rows);
  CHECK(classify("08P01", "out of memory", Phase::query).delivery_class == server);
  CHECK(classify("08P01", "a new text", Phase::query).delivery_class == connection);
}

TEST_CASE("classify: the texts of libpq itself", "[postgres][classify]") {
  static constexpr std::array rows{
      TextRow{"server closed the connection unexpectedly", connection},
      TextRow{"connection to server was lost", connection},
      TextRow{"SSL connection has been closed unexpectedly", connection},
      TextRow{"SSL SYSCALL error: EOF detected", connection},
      TextRow{"SSL error: unexpected eof while reading", connection},
      TextRow{"could not receive data from server: Connection reset by peer", connection},
      TextRow{"could not receive data from server: Connection timed out", connection},
      TextRow{"could not send data to server: Broken pipe", connection},
      TextRow{"Connection refused", connection},
      TextRow{"timeout expired", connection},
      TextRow{"could not translate host name \"h\" to address: Name or service not known",
              connection},
      TextRow{
          "could not translate host name \"h\" to address: Temporary failure in name resolution",
          connection},
      TextRow{"Network is unreachable", connection},
      TextRow{"No route to host", connection},
      TextRow{"a text of a later libpq", connection},
      TextRow{"SSL error: certificate verify failed", config},
      TextRow{"server certificate for \"a\" does not match host name \"b\"", config},
      TextRow{"root certificate file \"/x/root.crt\" does not exist", config},
      TextRow{"invalid connection option \"x\"", config},
      TextRow{"invalid port number: \"x\"", config},
      TextRow{"invalid sslmode value: \"x\"", config},
      TextRow{"channel binding required, but server authenticated client without channel binding",
              config},
      TextRow{"server does not support SSL, but SSL was required", config},
      TextRow{"fe_sendauth: no password supplied", config},
      TextRow{"authentication method 99 not supported", config},
      TextRow{"authentication method requirement \"scram-sha-256\" failed: server requested a "
              "cleartext password",
              config},
      TextRow{"none of the server's SASL authentication mechanisms are supported", config},
      TextRow{"weak sslmode \"require\" may not be used with sslrootcert=system (use "
              "\"verify-full\")",
              config},
      TextRow{"host name must be specified for a verified SSL connection", config},
      TextRow{"could not read root certificate file \"/x\": no certificate found", config},
      TextRow{"private key file \"/x\" has group or world access", config},
      TextRow{"SSL error: tlsv13 alert certificate required", config},
      TextRow{"SSL error: tlsv1 alert unknown ca", config},
      TextRow{"invalid integer value \"x\" for connection option \"keepalives\"", config},
      TextRow{"could not parse network address \"x\": Name or service not known", config},
      TextRow{"could not match 1 host names to 2 hostaddr values", config},
      TextRow{"definition of service \"x\" not found", config},
      TextRow{"server sent an error response during SSL exchange", connection},
      TextRow{"number of parameters must be between 0 and 65535", defect},
      TextRow{"out of memory", defect},
      // The server's own words, where the code was lost.
      TextRow{"database \"nodb\" does not exist", config},
      TextRow{"role \"x\" does not exist", config},
      TextRow{"password authentication failed for user \"x\"", config},
      TextRow{"no pg_hba.conf entry for host \"h\", user \"u\", database \"d\", no encryption",
              config},
      TextRow{"role \"x\" is not permitted to log in", config},
      TextRow{"permission denied for database \"x\"", config},
      TextRow{"remaining connection slots are reserved for roles with the SUPERUSER attribute",
              server, true},
      TextRow{"sorry, too many clients already", server, true},
      TextRow{"too many connections for role \"x\"", server, true},
      TextRow{"the database system is starting up", server},
      TextRow{"the database system is shutting down", server},
      TextRow{"the database system is in recovery mode", server},
      TextRow{"terminating connection due to administrator command", connection},
  };
  check_texts("", rows);
}

}  // namespace holdfast::postgres
