#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include "outbox/group.hpp"

namespace holdfast::outbox {

/// Writes what operators did and the pauses that they want, inside the transaction that its owner
/// opened.
///
/// Threads:  the writer.
/// Errors:   throws SQLite::Exception.
class Auditor {
 public:
  explicit Auditor(SQLite::Database& database);
  /// Adds a line, and removes the oldest beyond audit_events_max.
  void write(const AuditEvent& event, WallTime now);
  /// Fills in work.changed, which counts once the transaction is committed.
  /// Returns:  the number of rows changed.
  int apply(NoteWork& work, WallTime now);

 private:
  SQLite::Statement insert_;
  SQLite::Statement trim_;
  SQLite::Statement pause_;
  SQLite::Statement resume_;
};

/// The newest lines below `before`, newest first. For the reader.
[[nodiscard]] std::vector<AuditEvent> read_audit(SQLite::Database& database, std::int64_t limit,
                                                 std::int64_t before);
[[nodiscard]] std::vector<OperatorPause> read_pauses(SQLite::Database& database);

}  // namespace holdfast::outbox
