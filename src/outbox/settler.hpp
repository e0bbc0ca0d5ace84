#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include "outbox/group.hpp"
#include "outbox/meta.hpp"

namespace holdfast::outbox {

/// Writes outcomes, inside the transaction that its owner opened.
///
/// Threads:  the writer.
/// Errors:   throws SQLite::Exception.
class Settler {
 public:
  explicit Settler(SQLite::Database& database);
  /// Settles the entries that are still pending, and records failed tries of those.
  /// Returns:  the number of rows changed.
  int apply(const SettleWork& work, WallTime now, Meta& meta);

 private:
  int settle(const Settlement& settlement, WallTime now, Meta& meta);
  /// What is pending from the first to the last was delivered, and nothing more is to be said.
  int deliver_range(std::int64_t first_seq, std::int64_t last_seq, WallTime now, Meta& meta);
  int record(const AttemptRecord& record);

  SQLite::Statement update_;
  SQLite::Statement measure_range_;
  SQLite::Statement deliver_range_;
  SQLite::Statement insert_attempt_;
  SQLite::Statement trim_attempts_;
};

/// Of each entry at most this many tries are kept, the newest: an entry held for weeks stays small.
inline constexpr std::int64_t attempts_kept_max = 50;

}  // namespace holdfast::outbox
