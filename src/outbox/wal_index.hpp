#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>

#include "outbox/byte_source.hpp"

namespace holdfast::outbox {

/// What a -wal file holds, checked frame by frame.
struct WalIndex {
  std::uint32_t page_bytes = 0;                            ///< 0: there is nothing to use.
  std::unordered_map<std::uint32_t, std::uint64_t> pages;  ///< Offset of the newest copy of a page.
  std::uint32_t page_count = 0;  ///< Of the database after the last commit.
  /// Commits that were synced cannot be read as they were written: SQLite would silently start
  /// without them. A torn tail, as a power cut leaves it, is no damage.
  bool damaged = false;
};

/// Reads the whole WAL once. Each frame is checked by the sum in it and the one in the frame
/// before, so one bad frame does not take those behind it along. The writer starts a commit only
/// after the one before is synced; so a bad frame with two commit marks from it on was synced.
/// Source:   sqlite.org/fileformat2.html#walformat
[[nodiscard]] WalIndex index_wal(const ByteSource& wal);

}  // namespace holdfast::outbox
