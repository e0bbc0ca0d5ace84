#pragma once

#include <exception>
#include <optional>
#include <string>

#include "holdfast/destination.hpp"
#include "postgres/session.hpp"

/// Which exceptions mean that the connection was lost. Pure functions.
namespace holdfast::wrapper {

/// A failed attempt, as far as with_db must know of it.
struct Fault {
  DeliveryClass delivery_class = DeliveryClass::connection;
  std::string sqlstate;
  std::string message;  ///< Without addresses, users and passwords.
  bool in_doubt = false;
  bool retryable = false;  ///< A new connection can mend it.
};

/// What was seen of the session when the attempt failed.
struct Evidence {
  bool session_lost = false;
  std::string libpq_text;
  bool in_commit = false;
};

/// What an exception means; nullopt: it is no affair of the connection, so nobody's but the
/// caller's. Only pqxx's own exceptions can be: what the work itself throws is its word.
[[nodiscard]] std::optional<Fault> judge(const std::exception_ptr& thrown,
                                         const Evidence& evidence);
/// The same of a connection that could not be opened.
[[nodiscard]] Fault judge_connect(const postgres::SqlError& error);

/// True if the server cannot write: a replica, or a primary until a failover. Its session lives on,
/// and would fail every caller who is given it.
[[nodiscard]] bool is_of_read_only_server(const std::exception_ptr& thrown);

}  // namespace holdfast::wrapper
