#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "holdfast/config.hpp"
#include "outbox/key_index.hpp"
#include "outbox/meta.hpp"

namespace holdfast::outbox {

/// How much one step of retention removes at most: a group must not wait long behind it.
struct RetentionStep {
  int rows_max = 200;
  std::uint64_t bytes_max = 8 * mib;  ///< Of bodies; at least one row is taken.
};

/// Removes what has been kept long enough: payloads of delivered entries, then their receipts, and
/// discarded entries. Pending and dead entries are never touched.
///
/// Threads:  the writer, inside the transaction that it opened.
/// Errors:   throws SQLite::Exception.
class Retention {
 public:
  /// Needs:    `config` and `keys` outlive it.
  Retention(SQLite::Database& database, const OutboxConfig& config, KeyIndex& keys);

  /// One step of what is due at `now`; the number of rows removed or stripped.
  int remove_due(WallTime now, const RetentionStep& limits, Meta& meta);
  /// One step to make room, due or not: payloads of delivered entries, then receipts, oldest first.
  int remove_early(const RetentionStep& limits, Meta& meta);
  /// When the next row will be due; nullopt if none ever will.
  [[nodiscard]] std::optional<WallTime> next_due();

 private:
  struct Category;
  static const std::array<Category, 4> categories_;
  int remove(const Category& category, std::optional<WallTime> settled_by,
             const RetentionStep& limits, Meta& meta);
  void delete_entry(std::int64_t seq);

  const OutboxConfig& config_;
  KeyIndex& keys_;
  SQLite::Statement select_;
  SQLite::Statement oldest_;
  SQLite::Statement delete_payload_;
  SQLite::Statement mark_stripped_;
  SQLite::Statement delete_attempts_;
  SQLite::Statement delete_entry_;
};

}  // namespace holdfast::outbox
