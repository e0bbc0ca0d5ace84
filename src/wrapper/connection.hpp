#pragma once

#include <libpq-fe.h>

#include <pqxx/connection>
#include <string>

#include "holdfast/clock.hpp"

namespace holdfast::wrapper {

/// One connection of a pool: pqxx's for the work, and libpq's view of the same for the questions
/// that pqxx has no call for.
///
/// Threads:  one at a time.
class Connection {
 public:
  /// Takes over an open connection. Its notices go nowhere unless the work sets a handler.
  explicit Connection(PGconn* raw);

  [[nodiscard]] pqxx::connection& link() { return link_; }
  /// False if the server has hung up, or said anything although nothing was asked. No round trip.
  [[nodiscard]] bool is_quiet() const;
  /// False if the server has hung up, as far as the socket knows. No round trip.
  [[nodiscard]] bool looks_alive() const;
  /// True if the session answered whatever was last asked: its end is no reason for an error.
  [[nodiscard]] bool has_answered() const;
  /// True if the session can serve the next caller.
  [[nodiscard]] bool is_reusable() const;
  /// True if a statement of the open transaction has failed, so that COMMIT would roll back.
  [[nodiscard]] bool has_failed_statement() const;
  /// True if no transaction is open.
  [[nodiscard]] bool is_between_transactions() const;
  /// Ends the notice handler that a work has set, which may refer to what ends with the call.
  void forget_handler();
  /// What libpq says of the last failure.
  [[nodiscard]] std::string error_text() const { return PQerrorMessage(raw_); }
  /// Gives libpq's connection back; this one must not be used any more.
  [[nodiscard]] PGconn* release() && { return std::move(link_).release_raw_connection(); }

  SteadyTime idle_since{};

 private:
  PGconn* raw_;  ///< Owned by `link_`.
  pqxx::connection link_;
};

}  // namespace holdfast::wrapper
