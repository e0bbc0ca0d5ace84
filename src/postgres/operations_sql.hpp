#pragma once

#include <string>
#include <vector>

#include "postgres/binary_array.hpp"
#include "postgres/operations_rows.hpp"

/// How rows of the built-in operations get into their tables: the one place of that SQL, for the
/// relay and for programs alike, so that the rows of both merge by the same rules. Who sends it,
/// and through which client, is the caller's affair.
namespace holdfast::postgres {

/// A statement and its parameters: an array for each column, in binary format.
struct OperationStatement {
  const std::string* sql = nullptr;  ///< Of the OperationStatements that made this.
  std::vector<BinaryArray> columns;

  [[nodiscard]] bool is_empty() const { return columns.front().size() == 0; }
};

/// The statements for the tables of one schema.
///
/// Needs:    rows as merged() leaves them: no key twice in one statement, sorted by key.
/// Threads:  any. What it makes must not outlive it.
class OperationStatements {
 public:
  explicit OperationStatements(const std::string& schema);

  /// A user's name and number are those of the newest sighting that has one.
  [[nodiscard]] OperationStatement users(const std::vector<UserRow>& rows) const;
  /// The first row of a message stays; what was inserted is what the server counts.
  [[nodiscard]] OperationStatement messages(const std::vector<MessageRow>& rows) const;
  /// The first row of a status stays.
  [[nodiscard]] OperationStatement statuses(const std::vector<StatusRow>& rows) const;

 private:
  // Constant after construction.
  std::string users_sql_;
  std::string messages_sql_;
  std::string statuses_sql_;
};

}  // namespace holdfast::postgres
