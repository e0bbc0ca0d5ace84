#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "base/selector.hpp"
#include "holdfast/failure.hpp"
#include "holdfast/source.hpp"
#include "postgres/session.hpp"
#include "postgres/statement_values.hpp"

namespace holdfast::postgres {

/// A statement of a source, as far as it can be read without a database.
struct DeclaredStatement {
  std::string text;
  std::vector<base::Selector> selectors;  ///< One for each parameter.
  std::optional<base::Condition> when;
  /// The same for many entries: each parameter is an array with a value an entry. Empty: none.
  std::string batch_text;
  std::string table;  ///< That batch_text writes to, as written.
};

/// Reads what a source declares.
/// Errors:   refused, with the source and the number of the statement, from 1.
[[nodiscard]] std::expected<std::vector<DeclaredStatement>, Failure> read_statements(
    const SourceConfig& source);

/// What the database knows of a statement.
struct StatementDescription {
  std::vector<ParameterType> types;
  /// The object id of the table, or of the root of its partitions, where batch_text does what the
  /// statement does entry by entry.
  std::optional<std::uint32_t> batch_table;
};

/// Asks the server; runs nothing of the statement. A table gets its rows one by one if something of
/// its own may look at the rows before: triggers, rules, row level security, and defaults, checks
/// and generated columns that call somebody's function. So it does if the server refuses
/// batch_text. Not seen are functions behind casts and operators that a user has made for the
/// values.
///
/// Needs:    an open transaction.
/// Errors:   SqlError of the statement; 42P02 if the server counts other parameters than we do.
[[nodiscard]] std::expected<StatementDescription, SqlError> describe_statement(
    Session& session, const DeclaredStatement& statement, SteadyTime deadline);

}  // namespace holdfast::postgres
