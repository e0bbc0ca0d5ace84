#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "outbox/page_file.hpp"

namespace holdfast::outbox {

/// The rows that a salvage can use, each told by the types of its columns alone.
enum class RowKind : std::uint8_t {
  schema,       ///< type, name, table, root page, SQL.
  meta,         ///< As declared.
  source,       ///< As declared.
  entry,        ///< As declared; the last two columns may be missing.
  payload,      ///< As declared.
  attempt,      ///< As declared.
  source_name,  ///< Of the index on source: name, id.
  entry_id,     ///< Of the index on entry: id, seq.
  pause,        ///< As declared.
  audit,        ///< As declared.
};

struct Bytes {
  std::string bytes;
  bool operator==(const Bytes&) const = default;
};
/// NULL, a number, a text or a blob.
using Value = std::variant<std::monostate, std::int64_t, std::string, Bytes>;

struct FoundRow {
  RowKind kind = RowKind::entry;
  std::int64_t key = 0;  ///< The rowid; 0 in an index.
  std::vector<Value> values;
  /// Reached from the root of its table by way of sound pages; else merely found lying about.
  bool trusted = false;
};

/// Which kinds a scan is to give; others are not read in whole, so their bodies cost nothing.
using KindFilter = std::function<bool(RowKind)>;
using RowSink = std::function<void(FoundRow&&)>;

/// Finds rows of an outbox in pages that may be damaged: from the roots of its tables first, and,
/// then in all pages that are neither reached nor known to be free.
/// No webhook can smuggle rows in: a page with a part of a body begins with the number of the next
/// one, which would have to be 0x0A000000 or more to look like a page of rows.
///
/// Threads:  one at a time.
class RowScan {
 public:
  /// Needs:    a file that outlives this.
  explicit RowScan(const PageFile& file) : file_(file) {}
  /// Gives each row once or, where old copies of pages are left, several times; trusted ones first.
  void run(const KindFilter& wanted, const RowSink& sink);
  /// True after a run that had to look beyond the trees.
  [[nodiscard]] bool broken() const { return broken_; }

 private:
  struct Range {
    std::optional<std::int64_t> above;  ///< Keys are larger than this,
    std::optional<std::int64_t> up_to;  ///< and at most this.
  };
  struct Step {
    std::uint32_t page = 0;
    Range range;
    int depth = 0;
  };
  [[nodiscard]] std::vector<std::uint32_t> find_roots();
  void walk(std::uint32_t root, const KindFilter& wanted, const RowSink& sink);
  void visit(const Step& step, bool table, std::vector<Step>& steps, const KindFilter& wanted,
             const RowSink& sink);
  [[nodiscard]] bool keys_fit(const TreePage& page, const Range& range) const;
  /// False if the list of them cannot be read to its end.
  bool mark_free_pages();
  void give_rows(const TreePage& page, bool trusted, const KindFilter& wanted, const RowSink& sink);

  const PageFile& file_;
  std::vector<bool> seen_;
  bool broken_ = false;
  std::uint64_t pages_left_ = 0;
};

/// All rows in these bytes: pure, total, and bounded by their size. For fuzzing and tests.
[[nodiscard]] std::vector<FoundRow> read_rows(std::string_view database, std::string_view wal);

/// The declaration of one of our tables, as it is in the schema of every outbox.
[[nodiscard]] bool is_our_schema(const FoundRow& row);

}  // namespace holdfast::outbox
