#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include "outbox/group.hpp"
#include "outbox/meta.hpp"

namespace holdfast::outbox {

/// Writes what operators change, inside the transaction that its owner opened.
///
/// Threads:  the writer.
/// Errors:   throws SQLite::Exception.
class Changer {
 public:
  explicit Changer(SQLite::Database& database);
  /// Fills in work.change, which counts once the transaction is committed.
  /// Returns:  the number of rows changed.
  int apply(ChangeWork& work, WallTime now, Meta& meta);

 private:
  SQLite::Statement find_;
  SQLite::Statement reopen_;
  SQLite::Statement discard_;
};

/// The reason of an entry that an operator has discarded.
inline constexpr const char* discarded_by_operator = "discarded";

}  // namespace holdfast::outbox
