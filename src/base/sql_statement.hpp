#pragma once

#include <cstddef>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

/// What can be known of a user's SQL statement without a database. Pure.
namespace holdfast::base {

/// A statement `INSERT INTO table … VALUES (…) …` of one row: a SELECT over many entries can
/// take the place of VALUES, as all that differs between two entries stands inside of it, and
/// nothing in the text reads a table. That holds no query and no call but those of a named list of
/// Postgres's own functions; what the table itself computes, only the server knows.
struct BatchShape {
  std::size_t values_at = 0;   ///< Of the word VALUES in the text.
  std::size_t values_end = 0;  ///< Behind the parenthesis that closes them.
  std::string table;           ///< As written, lower case outside quotes; for comparing.
};

struct SqlStatement {
  std::size_t parameters = 0;  ///< The largest n of $n.
  std::optional<BatchShape> batch;
};

/// Reads one statement: INSERT, UPDATE, DELETE, MERGE, SELECT, WITH or CALL; closed quotes and
/// parentheses; no second statement; no gap between $1 and the last $n; no SELECT … INTO and none
/// of the calls of Postgres that change the session. The error is a sentence that says what to
/// change. Only the server knows whether the rest is right. Source: PostgreSQL 17, section 4.1
/// (lexical structure).
[[nodiscard]] std::expected<SqlStatement, std::string> read_sql_statement(std::string_view text);

/// What stands between the parentheses of VALUES, each $n replaced by `alias.pn`; casts and all
/// else as written.
///
/// Needs:    shape of this text.
[[nodiscard]] std::string values_with_columns(std::string_view text, const BatchShape& shape,
                                              std::string_view alias);

}  // namespace holdfast::base
