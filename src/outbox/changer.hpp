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
  /// Fills in work.changes, which count once the transaction is committed.
  /// Returns:  the number of entries changed.
  int apply(ChangeWork& work, WallTime now, Meta& meta);

 private:
  struct Found;
  [[nodiscard]] EntryChange change(EntryAction action, const Uuid& id, WallTime now, Meta& meta);
  void erase(const Found& found, WallTime now, Meta& meta);
  void scrub_free_pages();

  SQLite::Database& database_;
  SQLite::Statement find_;
  SQLite::Statement reopen_;
  SQLite::Statement discard_;
  SQLite::Statement erase_;
  SQLite::Statement fill_payload_;
  SQLite::Statement erase_payload_;
  SQLite::Statement erase_attempts_;
};

/// The reasons of entries that an operator has discarded or erased.
inline constexpr const char* discarded_by_operator = "discarded";
inline constexpr const char* erased_by_operator = "erased";

}  // namespace holdfast::outbox
