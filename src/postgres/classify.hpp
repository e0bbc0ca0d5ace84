#pragma once

#include <string>
#include <string_view>

#include "holdfast/destination.hpp"

/// What an error of Postgres, of a pooler or of libpq means for the relay. Pure functions.
/// Source:   PostgreSQL 17, appendix A (error codes); the texts of Neon's proxy, PgBouncer and
///           libpq.
namespace holdfast::postgres {

/// Where the error came: its meaning for the batch depends on it.
enum class Phase { connect, query, commit };

/// What the relay and the session should do.
struct Verdict {
  DeliveryClass delivery_class = DeliveryClass::server;
  bool drop_session = true;  ///< The session is dead, or nothing is known of its state.
  bool in_doubt = false;     ///< The batch may be stored nevertheless.
  bool slow_start = false;   ///< Too many connections or a rate limit: wait longer.
};

/// The class of an error. The text counts only where the code says nothing: no code at all (libpq
/// itself), XX000 (all of Neon's proxy) and 08P01 (all of PgBouncer); each in one language only.
/// A code of no class of Postgres is a trigger's, which refused the row.
///
/// Needs:    `sqlstate` empty or five characters; `message` the primary message, one line.
[[nodiscard]] Verdict classify(std::string_view sqlstate, std::string_view message, Phase phase);

/// The same for an error of a source's own statement that the server had parsed. A session that
/// lives has answered: only what it lacks (53, 57P0x) counts as the server's, and a code that
/// nobody knows as the entry's. What killed the session is no fault of the statement.
[[nodiscard]] Verdict classify_own(std::string_view sqlstate, std::string_view message,
                                   bool session_dead);

/// True for a code of no class that Postgres has: a function's author made it up.
[[nodiscard]] bool is_raised_by_function(std::string_view sqlstate);
/// True for the errors by which jsonb refuses a text that is fit for bytea.
[[nodiscard]] bool is_jsonb_failure(std::string_view sqlstate);
/// True if a table, column, schema or index is not there: the schema must be looked at again.
[[nodiscard]] bool is_schema_failure(std::string_view sqlstate);

/// One failed attempt to connect, as libpq reports it.
struct ConnectError {
  std::string sqlstate;  ///< Empty where libpq itself failed.
  std::string message;   ///< Without the address, user and database.
};
/// Picks the line that says most out of the text of all addresses that libpq has tried: the reason
/// of one server counts more than "Network is unreachable" of another address.
///
/// Needs:    the text as libpq builds it with PQERRORS_VERBOSE or without.
[[nodiscard]] ConnectError most_informative(std::string_view libpq_text);

/// The primary message without row values: where errors quote one (class 22, and what functions
/// raise), only "…" is left of it.
[[nodiscard]] std::string without_values(std::string_view sqlstate, std::string_view message);
/// The same for what a source's own statement met while it ran: a name is kept only where it stands
/// in the statement, or where Postgres quotes names alone (class 23, 42703), because a value can
/// become a name: `$1::regclass`.
[[nodiscard]] std::string own_without_values(std::string_view sqlstate, std::string_view message,
                                             std::string_view statement);
/// The message without quoted names and without addresses, in UTF-8, of a bounded length.
[[nodiscard]] std::string without_names(std::string_view message);

}  // namespace holdfast::postgres
