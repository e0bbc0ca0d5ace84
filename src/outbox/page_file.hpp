#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "outbox/byte_source.hpp"
#include "outbox/wal_index.hpp"

namespace holdfast::outbox {

/// The pages of a SQLite database that may be damaged, with what is whole of its WAL laid over it.
///
/// Threads:  one at a time.
class PageFile {
 public:
  /// Needs:    sources that outlive this.
  PageFile(const ByteSource& database, const ByteSource& wal);

  [[nodiscard]] std::uint32_t page_bytes() const { return page_bytes_; }
  /// Pages are numbered from 1.
  [[nodiscard]] std::uint32_t page_count() const { return page_count_; }
  /// nullopt if the page is beyond the end or cannot be read.
  [[nodiscard]] std::optional<std::vector<std::uint8_t>> read(std::uint32_t number) const;
  [[nodiscard]] bool wal_damaged() const { return wal_index_.damaged; }
  /// True if the database is shorter than its header says and no WAL makes up for it.
  [[nodiscard]] bool cut_short() const;

 private:
  const ByteSource& database_;
  const ByteSource& wal_;
  WalIndex wal_index_;
  std::uint32_t page_bytes_;
  std::uint32_t page_count_;
};

enum class PageKind : std::uint8_t {
  index_interior = 2,
  table_interior = 5,
  index_leaf = 10,
  table_leaf = 13,
};

/// One cell of a b-tree page.
struct Cell {
  std::uint32_t child = 0;      ///< Of an interior page: the page with smaller keys.
  std::int64_t key = 0;         ///< Of a table: the rowid.
  std::uint64_t bytes = 0;      ///< Of the whole record; 0 in a table's interior page.
  std::size_t local_at = 0;     ///< Where its first bytes are in the page.
  std::size_t local_bytes = 0;  ///< How many of them.
  std::uint32_t overflow = 0;   ///< The page where the rest begins.
};

struct TreePage {
  PageKind kind = PageKind::table_leaf;
  std::vector<std::uint8_t> bytes;
  std::vector<Cell> cells;
  std::uint32_t last_child = 0;  ///< Of an interior page: the page with the largest keys.
  bool whole = true;             ///< False if a cell could not be read.

  [[nodiscard]] bool is_table() const {
    return kind == PageKind::table_leaf || kind == PageKind::table_interior;
  }
  [[nodiscard]] bool is_leaf() const {
    return kind == PageKind::table_leaf || kind == PageKind::index_leaf;
  }
};

/// nullopt if this is no page of a b-tree.
[[nodiscard]] std::optional<TreePage> parse_page(std::vector<std::uint8_t> bytes,
                                                 std::uint32_t number);

/// The whole record of a cell; `pages_left` limits what chains that damage has made long or round
/// may cost together.
[[nodiscard]] std::optional<std::vector<std::uint8_t>> read_record(const PageFile& file,
                                                                   const TreePage& page,
                                                                   const Cell& cell,
                                                                   std::uint64_t& pages_left);

}  // namespace holdfast::outbox
