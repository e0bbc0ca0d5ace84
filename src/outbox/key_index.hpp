#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "outbox/connection.hpp"
#include "outbox/key_filter.hpp"
#include "outbox/key_rows.hpp"

namespace holdfast::outbox {

/// Finds entries by the hash of their key. Hashes are random, so that each row put into an index on
/// its own would dirty a page of its own: three times the cost of the entry. So new ones are kept
/// in memory, and go to the file in batches, sorted: a little of the batch with each group, in its
/// transaction. What is in memory is in the rows of the entries as well, where the next start reads
/// it; docs/decisions/0018. A filter in memory answers for nearly all keys that are new; it is
/// filled from the file a part at a time, and keys of the other parts are looked up meanwhile.
///
/// Threads:  the writer.
/// Errors:   throws SQLite::Exception, std::bad_alloc.
class KeyIndex {
 public:
  /// Reads what is not in the file's index yet; an older file's is filled first.
  ///
  /// Needs:    no open transaction.
  explicit KeyIndex(Connection& connection, std::size_t batch = batch_entries,
                    std::size_t gone_max = gone_most);

  /// The entries with this hash, the oldest first; another key may have it too, and some may be
  /// gone.
  [[nodiscard]] const std::vector<std::int64_t>& find(std::int64_t hash);
  void add(std::int64_t hash, std::int64_t seq);
  void remove(std::int64_t hash, std::int64_t seq);
  /// Moves a few from memory to the file: more than were added.
  void merge();

  /// Fills one part of the filter, or begins anew where many keys are gone since; false: there was
  /// nothing to do.
  ///
  /// Needs:    no open transaction.
  bool fill_filter();
  [[nodiscard]] bool filter_is_due() const {
    return filled_parts_ < key_parts || gone_ > gone_max_;
  }

  /// The transaction in which the calls above were is committed; the next entry has `next_seq`.
  void committed(std::int64_t next_seq);
  void rolled_back() noexcept;

  /// In memory are at most twice as many and one group; 16 bytes each, and as much in reserve.
  static constexpr std::size_t batch_entries = 131'072;
  /// So many removed keys that the filter still knows are worth filling it anew.
  static constexpr std::size_t gone_most = std::size_t{4} << 20U;
  [[nodiscard]] std::size_t in_memory() const { return fresh_.size() + merging_.size(); }

 private:
  void catch_up(Connection& connection);
  void load();
  void refresh() {
    if (stale_) load();
  }

  const std::size_t batch_;
  const std::size_t gone_max_;
  SQLite::Statement find_;
  SQLite::Statement insert_;
  SQLite::Statement delete_;
  SQLite::Statement load_;
  SQLite::Statement load_progress_;
  SQLite::Statement save_progress_;
  SQLite::Statement find_range_;
  KeyRows fresh_;                 ///< Added since the batch was closed.
  KeyRows merging_;               ///< The closed batch.
  std::int64_t merging_to_ = 0;   ///< Its last seq; 0: there is none.
  std::size_t merged_parts_ = 0;  ///< Of merging_, those that are in the file for good.
  std::size_t credit_ = 0;        ///< Rows that the next commits may move.
  KeyFilter filter_;
  std::size_t filled_parts_ = 0;  ///< Of these the filter knows all.
  std::size_t gone_ = 0;          ///< Keys that were removed since it was filled from its begin.
  std::vector<std::int64_t> found_;
  // Of the open transaction.
  std::vector<KeyRows::Row> added_;
  std::size_t moved_parts_ = 0;  ///< With those that it has moved.
  bool removed_ = false;         ///< It took some out of memory.
  bool stale_ = false;  ///< It was rolled back since; what it took out is to be read again.
};

}  // namespace holdfast::outbox
