#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <array>
#include <cstdint>

#include "holdfast/entry.hpp"

namespace holdfast::outbox {

/// The one row of `meta`: what a start must know without counting or searching.
struct Meta {
  Uuid node;
  std::int64_t next_seq = 1;
  Uuid last_id;  ///< The largest id ever made here; retention empties `entry`.
  std::array<std::uint64_t, 4> entries{};  ///< By EntryState.
  std::uint64_t pending_bytes = 0;         ///< Of the bodies of pending entries.

  [[nodiscard]] std::uint64_t& count(EntryState state) {
    return entries[static_cast<std::size_t>(state)];
  }
  [[nodiscard]] std::uint64_t count(EntryState state) const {
    return entries[static_cast<std::size_t>(state)];
  }
  /// An entry with a body of so many bytes is pending from now on.
  void add_pending(std::uint64_t body_bytes);
  /// Entries with so many bytes in their bodies, all together, go from one state to another.
  void move(std::uint64_t body_bytes, EntryState from, EntryState to, std::uint64_t moved = 1);
  bool operator==(const Meta&) const = default;
};

/// Reads the row, or makes it with a new node in a file without entries.
/// Errors:   throws Error (broken) if it contradicts the entries; SQLite::Exception.
[[nodiscard]] Meta load_meta(SQLite::Database& database);

/// Writes the row as part of the open transaction.
class MetaWriter {
 public:
  explicit MetaWriter(SQLite::Database& database);
  void save(const Meta& meta);

 private:
  SQLite::Statement update_;
};

}  // namespace holdfast::outbox
