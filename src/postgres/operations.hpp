#pragma once

#include <expected>
#include <span>
#include <string>

#include "holdfast/entry.hpp"
#include "holdfast/source.hpp"
#include "postgres/operations_sql.hpp"
#include "postgres/session.hpp"

namespace holdfast::postgres {

/// The built-in operations on the tables users, messages and message_statuses.
///
/// Threads:  one at a time.
class OperationsWriter {
 public:
  explicit OperationsWriter(const std::string& schema) : statements_(schema) {}

  /// Writes what these entries mean, inside an open transaction, with at most one statement a
  /// table. What an operation does not understand it leaves alone: the entry is in the inbox.
  ///
  /// Promise:  however often and in whatever order entries come, the tables end up the same, with
  ///           two limits. Of two entries with one message or status the first to arrive stays. A
  ///           user's name is the newest one if every sighting carries a name; if some carry none
  ///           and they arrive out of order, it may be an older one, for last_seen_at is all that
  ///           the row knows of its age. Only an error of the session, of the schema or of a
  ///           constraint that somebody added is an error here, never the content of an entry.
  /// Needs:    entries of sources with these operations, in commit order, that are new in the
  ///           inbox. Rows are locked table by table in the order of their keys: who calls more
  ///           than once in a transaction does so in the order of the operations.
  [[nodiscard]] std::expected<void, SqlError> write(Session& session, Operations operations,
                                                    std::span<const Entry* const> entries,
                                                    SteadyTime deadline) const;

 private:
  // Constant after construction.
  OperationStatements statements_;
};

}  // namespace holdfast::postgres
