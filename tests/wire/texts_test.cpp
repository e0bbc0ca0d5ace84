#include <array>
#include <catch2/catch_test_macros.hpp>
#include <span>
#include <string_view>

#include "rig.hpp"

namespace holdfast::wire {
namespace {

using enum DeliveryClass;

struct Row {
  std::string_view text;
  DeliveryClass delivery_class;
  bool slow_start = false;
};

/// Neon's proxy: always ERROR and XX000, and only while a session is opened.
/// Source:   neon: proxy/src/auth/mod.rs, control_plane/errors.rs, control_plane/messages.rs.
constexpr std::array neon{
    Row{"password authentication failed for user 'neondb_owner'", config},
    Row{"Endpoint ID is not specified. Either please upgrade the postgres client library (libpq) "
        "for SNI support or pass the endpoint ID (first part of the domain name) as a parameter: "
        "'?options=endpoint%3D<endpoint-id>'.",
        config},
    Row{"Inconsistent project name inferred from SNI ('ep-a-1') and project option ('ep-b-2').",
        config},
    Row{"This IP address 192.0.2.1 is not allowed to connect to this endpoint.", config},
    Row{"Connections from a blocked network are refused.", config},
    Row{"This endpoint accepts connections from its VPC endpoint only.", config},
    Row{"Unsupported authentication method", config},
    Row{"Malformed password message: bytes", config},
    Row{"unsupported startup parameter: statement_timeout", config},
    Row{"connection is insecure (try using `sslmode=require`)", config},
    Row{"Control plane request failed: endpoint cannot be found", config},
    Row{"Control plane request failed: endpoint is disabled", config},
    Row{"Control plane request failed: endpoint is temporarily unavailable. Check your quotas "
        "and/or contact our support.",
        quota},
    Row{"Your account or project has exceeded the compute time quota. Upgrade your plan to "
        "increase limits.",
        quota},
    Row{"Your project has exceeded the data transfer quota. Upgrade your plan.", quota},
    Row{"Your project has exceeded the written data limit.", quota},
    Row{"Your project has exceeded the logical size limit.", quota},
    Row{"You have exceeded the limit of concurrently active endpoints.", server, true},
    Row{"Control plane request failed", server},
    Row{"Control plane request failed: a text of next year", server},
    Row{"Couldn't connect to compute node", server},
    Row{"Too many connections to this endpoint. Please try again later.", server, true},
    Row{"Too many connections attempts. Please try again later.", server, true},
    Row{"Failed to acquire permit to connect to the database. Too many database connection "
        "attempts are currently ongoing.",
        server, true},
    Row{"Authentication timed out", connection},
    Row{"something that the proxy says from next year on", server},
};

/// PgBouncer: always FATAL and 08P01, when a session is opened or in the middle of one.
/// Source:   pgbouncer: src/objects.c, src/janitor.c, src/client.c.
constexpr std::array pgbouncer{
    Row{"query_wait_timeout", server},
    Row{"query_timeout", server},
    Row{"client_login_timeout (server down)", server},
    Row{"client_idle_timeout", connection},
    Row{"idle transaction timeout", connection},
    Row{"transaction timeout", connection},
    Row{"server shutting down", server},
    Row{"the database system is shutting down", server},
    Row{"pooler is shutting down", server},
    Row{"pause failed", server},
    Row{"no more connections allowed (max_client_conn)", server, true},
    Row{"client connections exceeded (max_db_client_connections)", server, true},
    Row{"client connections exceeded (max_user_client_connections)", server, true},
    Row{"server login has been failing, cached error: connect failed (server_login_retry)", server},
    Row{"server login has been failing, cached error: password authentication failed for user "
        "\"u\" (server_login_retry)",
        server},
    Row{"admin forced disconnect", connection},
    Row{"server conn crashed?", connection},
    Row{"out of memory", server},
    Row{"no such database: shop", config},
    Row{"no such user: shop", config},
    Row{"login rejected", config},
    Row{"SASL authentication failed", config},
    Row{"password authentication failed", config},
    Row{"database \"shop\" is disabled", config},
    Row{"unsupported startup parameter: options", config},
    Row{"unsupported startup parameter in options: statement_timeout", config},
    Row{"bouncer config error", config},
    Row{"SSL required", config},
    Row{"something that a pooler says from next year on", connection},
};

void check(Rig& rig, Place place, const Fault& fault, const Row& row) {
  CAPTURE(row.text, fault.error.severity, static_cast<int>(place));
  const auto failure = failure_at(rig, place, fault);
  CHECK(to_string(failure.delivery_class) == to_string(row.delivery_class));
  CHECK(failure.slow_start == row.slow_start);
  // Only a clear refusal inside COMMIT leaves no doubt.
  const bool doubt = place == Place::commit && row.delivery_class != config;
  CHECK(failure.in_doubt == doubt);
  CHECK(failure.session_lost == (place != Place::login));
  for (const std::string_view name : {"neondb_owner", "shop", "ep-a-1", "192.0.2.1"})
    CHECK_FALSE(failure.message.contains(name));
}

}  // namespace

TEST_CASE("wire: each text of Neon's proxy comes to its class", "[wire][texts][neon]") {
  Rig rig;
  for (const auto& row : neon)
    check(rig, Place::login, support::answers("XX000", std::string(row.text)), row);
}

TEST_CASE("wire: each text of PgBouncer comes to its class at every place", "[wire][texts]") {
  Rig rig;
  for (const auto& row : pgbouncer)
    for (const Place place :
         {Place::login, Place::begin, Place::inbox, Place::statement, Place::commit})
      check(rig, place, support::ends_with("08P01", std::string(row.text)), row);
}

}  // namespace holdfast::wire
