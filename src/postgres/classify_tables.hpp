#pragma once

#include <array>
#include <string_view>

#include "holdfast/destination.hpp"

/// The tables behind classify(). Only classify.cpp includes this.
namespace holdfast::postgres {

enum class Note { none, drop_session, in_doubt, slow_start };

/// A code, or the class of codes that begins so; the longest match counts.
struct CodeRule {
  std::string_view prefix;
  DeliveryClass delivery_class;
  Note note = Note::none;
};

inline constexpr std::array code_rules{
    CodeRule{"08", DeliveryClass::connection},
    CodeRule{"08007", DeliveryClass::connection, Note::in_doubt},  // Outcome of COMMIT unknown.
    CodeRule{"0A", DeliveryClass::config},
    CodeRule{"0B", DeliveryClass::config},
    CodeRule{"0L", DeliveryClass::config},
    CodeRule{"0P", DeliveryClass::config},
    CodeRule{"20", DeliveryClass::defect},
    CodeRule{"21", DeliveryClass::defect},
    CodeRule{"22", DeliveryClass::data},
    CodeRule{"22P03", DeliveryClass::defect},  // Our own binary format is wrong: for every entry.
    CodeRule{"23", DeliveryClass::data},
    CodeRule{"23503", DeliveryClass::foreign_key},
    CodeRule{"25", DeliveryClass::defect, Note::drop_session},  // Transaction state: reset it.
    CodeRule{"25006", DeliveryClass::server},                   // A replica after a failover.
    CodeRule{"25P03", DeliveryClass::connection},
    CodeRule{"25P04", DeliveryClass::connection},
    CodeRule{"26", DeliveryClass::connection},
    CodeRule{"28", DeliveryClass::config},
    CodeRule{"2B", DeliveryClass::config},
    CodeRule{"2D", DeliveryClass::config},
    CodeRule{"2F", DeliveryClass::config},
    CodeRule{"34", DeliveryClass::config},
    CodeRule{"38", DeliveryClass::config},
    CodeRule{"39", DeliveryClass::config},
    CodeRule{"3B", DeliveryClass::config},
    CodeRule{"3D", DeliveryClass::config},
    CodeRule{"3F", DeliveryClass::config},
    CodeRule{"40", DeliveryClass::contention},
    CodeRule{"40003", DeliveryClass::connection, Note::in_doubt},
    CodeRule{"42", DeliveryClass::config},
    CodeRule{"42P05", DeliveryClass::connection},  // A prepared statement of another client.
    CodeRule{"44", DeliveryClass::data},
    CodeRule{"53", DeliveryClass::server},
    CodeRule{"53300", DeliveryClass::server, Note::slow_start},
    CodeRule{"53400", DeliveryClass::server, Note::slow_start},
    CodeRule{"54", DeliveryClass::data},
    CodeRule{"55", DeliveryClass::server},
    CodeRule{"55P03", DeliveryClass::contention},
    CodeRule{"57", DeliveryClass::server},
    CodeRule{"57014", DeliveryClass::timeout},
    CodeRule{"57P01", DeliveryClass::connection},  // Neon suspends, an administrator, a restart.
    CodeRule{"57P04", DeliveryClass::config, Note::drop_session},
    CodeRule{"57P05", DeliveryClass::connection},
    CodeRule{"58", DeliveryClass::server},
    CodeRule{"72", DeliveryClass::server},
    CodeRule{"F0", DeliveryClass::config},
    CodeRule{"HV", DeliveryClass::server},
    CodeRule{"P0", DeliveryClass::data},  // A trigger's RAISE.
    CodeRule{"XX", DeliveryClass::server},
    CodeRule{"XX001", DeliveryClass::config},  // Damaged data or index: nothing to repeat.
    CodeRule{"XX002", DeliveryClass::config},
};

/// A text in lower case; both parts must occur. The first match counts, so order matters.
struct TextRule {
  std::string_view text;
  DeliveryClass delivery_class;
  Note note = Note::none;
  std::string_view also = {};
};

/// Only where there is no code: what libpq says of itself.
inline constexpr std::array libpq_text_rules{
    TextRule{"number of parameters must be between", DeliveryClass::defect},
    TextRule{"out of memory", DeliveryClass::defect},
};

/// Neon's proxy (XX000), PgBouncer (08P01), libpq (no code) and, where a library lost the code, the
/// server itself.
inline constexpr std::array text_rules{
    // PgBouncer's cached login error quotes the error of the server, which may be any: first.
    TextRule{"server login has been failing", DeliveryClass::server},
    TextRule{"server_login_retry", DeliveryClass::server},
    // Neon's proxy. The limit of endpoints passes by itself, so it must come before the quotas.
    TextRule{"concurrently active endpoints", DeliveryClass::server, Note::slow_start},
    TextRule{"endpoint is temporarily unavailable", DeliveryClass::quota},
    TextRule{"quota", DeliveryClass::quota},
    TextRule{"exceeded", DeliveryClass::quota, Note::none, "written data"},
    TextRule{"exceeded", DeliveryClass::quota, Note::none, "logical size"},
    TextRule{"password authentication failed", DeliveryClass::config},
    TextRule{"endpoint id is not specified", DeliveryClass::config},
    TextRule{"inconsistent project name", DeliveryClass::config},
    TextRule{"this ip address", DeliveryClass::config, Note::none, "not allowed"},
    TextRule{"blocked network", DeliveryClass::config},
    TextRule{"vpc endpoint", DeliveryClass::config},
    TextRule{"unsupported authentication method", DeliveryClass::config},
    TextRule{"malformed password message", DeliveryClass::config},
    TextRule{"unsupported startup parameter", DeliveryClass::config},
    TextRule{"endpoint cannot be found", DeliveryClass::config},
    TextRule{"endpoint could not be found", DeliveryClass::config},
    TextRule{"endpoint is disabled", DeliveryClass::config},
    TextRule{"connection is insecure", DeliveryClass::config},
    TextRule{"control plane request failed", DeliveryClass::server},
    TextRule{"couldn't connect to compute node", DeliveryClass::server},
    TextRule{"too many connections", DeliveryClass::server, Note::slow_start},
    TextRule{"too many database connection attempts", DeliveryClass::server, Note::slow_start},
    TextRule{"failed to acquire permit", DeliveryClass::server, Note::slow_start},
    TextRule{"authentication timed out", DeliveryClass::connection},
    // PgBouncer.
    TextRule{"no such database", DeliveryClass::config},
    TextRule{"no such user", DeliveryClass::config},
    TextRule{"login rejected", DeliveryClass::config},
    TextRule{"sasl authentication failed", DeliveryClass::config},
    TextRule{"database", DeliveryClass::config, Note::none, "is disabled"},
    TextRule{"bouncer config error", DeliveryClass::config},
    TextRule{"ssl required", DeliveryClass::config},
    TextRule{"query_wait_timeout", DeliveryClass::server},
    TextRule{"query_timeout", DeliveryClass::server},
    TextRule{"query timeout", DeliveryClass::server},
    TextRule{"client_login_timeout", DeliveryClass::server},
    TextRule{"client_idle_timeout", DeliveryClass::connection},
    TextRule{"idle transaction timeout", DeliveryClass::connection},
    TextRule{"idle_transaction_timeout", DeliveryClass::connection},
    TextRule{"transaction timeout", DeliveryClass::connection},
    TextRule{"transaction_timeout", DeliveryClass::connection},
    TextRule{"idle timeout", DeliveryClass::connection},
    TextRule{"server shutting down", DeliveryClass::server},
    TextRule{"pooler is shutting down", DeliveryClass::server},
    TextRule{"pause failed", DeliveryClass::server},
    TextRule{"no more connections allowed", DeliveryClass::server, Note::slow_start},
    TextRule{"client connections exceeded", DeliveryClass::server, Note::slow_start},
    TextRule{"max_client_conn", DeliveryClass::server, Note::slow_start},
    TextRule{"max_db_client_connections", DeliveryClass::server, Note::slow_start},
    TextRule{"max_user_client_connections", DeliveryClass::server, Note::slow_start},
    TextRule{"admin forced disconnect", DeliveryClass::connection},
    TextRule{"server conn crashed", DeliveryClass::connection},
    TextRule{"out of memory", DeliveryClass::server},
    // libpq: what no retry can mend.
    TextRule{"certificate verify failed", DeliveryClass::config},
    TextRule{"does not match host name", DeliveryClass::config},
    TextRule{"root certificate file", DeliveryClass::config, Note::none, "does not exist"},
    TextRule{"invalid connection option", DeliveryClass::config},
    TextRule{"invalid port number", DeliveryClass::config},
    TextRule{"invalid", DeliveryClass::config, Note::none, " value: "},
    TextRule{"channel binding required", DeliveryClass::config},
    TextRule{"channel binding is required", DeliveryClass::config},
    TextRule{"server does not support ssl", DeliveryClass::config},
    TextRule{"could not load system root certificate", DeliveryClass::config},
    TextRule{"certificate file", DeliveryClass::config, Note::none, "could not"},
    TextRule{"private key file", DeliveryClass::config},
    TextRule{"ssl error", DeliveryClass::config, Note::none, "alert certificate"},
    TextRule{"ssl error", DeliveryClass::config, Note::none, "alert unknown ca"},
    TextRule{"may not be used with", DeliveryClass::config},
    TextRule{"host name must be specified", DeliveryClass::config},
    TextRule{"no password supplied", DeliveryClass::config},
    TextRule{"authentication method", DeliveryClass::config, Note::none, "not supported"},
    TextRule{"authentication method requirement", DeliveryClass::config},
    TextRule{"authentication mechanisms are supported", DeliveryClass::config},
    TextRule{"invalid integer value", DeliveryClass::config},
    TextRule{"could not parse network address", DeliveryClass::config},
    TextRule{"could not match", DeliveryClass::config},
    TextRule{"definition of service", DeliveryClass::config},
    TextRule{"service file", DeliveryClass::config},
    // libpq: the link.
    TextRule{"server closed the connection unexpectedly", DeliveryClass::connection},
    TextRule{"connection to server was lost", DeliveryClass::connection},
    TextRule{"ssl connection has been closed unexpectedly", DeliveryClass::connection},
    TextRule{"ssl syscall error", DeliveryClass::connection},
    TextRule{"ssl error", DeliveryClass::connection},
    TextRule{"could not receive data from server", DeliveryClass::connection},
    TextRule{"could not send data to server", DeliveryClass::connection},
    TextRule{"connection refused", DeliveryClass::connection},
    TextRule{"connection reset", DeliveryClass::connection},
    TextRule{"timeout expired", DeliveryClass::connection},
    TextRule{"could not translate host name", DeliveryClass::connection},
    TextRule{"network is unreachable", DeliveryClass::connection},
    TextRule{"no route to host", DeliveryClass::connection},
    // The server, where only its text is left.
    TextRule{"remaining connection slots are reserved", DeliveryClass::server, Note::slow_start},
    TextRule{"too many clients already", DeliveryClass::server, Note::slow_start},
    TextRule{"the database system is", DeliveryClass::server},
    TextRule{"terminating connection due to", DeliveryClass::connection},
    TextRule{"no pg_hba.conf entry", DeliveryClass::config},
    TextRule{"database \"", DeliveryClass::config, Note::none, "does not exist"},
    TextRule{"role \"", DeliveryClass::config, Note::none, "does not exist"},
    TextRule{"is not permitted to log in", DeliveryClass::config},
    TextRule{"permission denied", DeliveryClass::config},
};

}  // namespace holdfast::postgres
