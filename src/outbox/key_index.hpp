#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "outbox/connection.hpp"
#include "outbox/key_filter.hpp"
#include "outbox/key_rows.hpp"
#include "outbox/key_runs.hpp"

namespace holdfast::outbox {

/// Finds entries by the hash of their key. Hashes are random, so that each row put into an index on
/// its own would dirty a page of its own: three times the cost of the entry. So new ones are kept
/// in memory, and go to the file in batches, as runs: a little of the batch with each group, in its
/// transaction. What is in memory is in the rows of the entries as well, where the next start reads
/// it; docs/decisions/0020. A filter in memory answers for nearly all keys that are new; it is
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
  /// Moves a few from memory to the file, and merges what is there: more than were added.
  void merge();
  /// The next merge may move as much as a moment without groups has time for.
  void merge_more() { credit_ = credit_max; }
  /// There is something to move or to merge.
  [[nodiscard]] bool has_work() const { return batch_run_.is_open() || runs_.has_work(); }

  /// Fills one part of the filter, or begins anew where many keys are gone since; false: there was
  /// nothing to do.
  ///
  /// Needs:    no open transaction.
  bool fill_filter();
  [[nodiscard]] bool filter_is_due() const {
    return filled_parts_ < KeyFilter::parts || gone_ > gone_max_;
  }

  /// The transaction in which the calls above were is committed; the next entry has `next_seq`.
  void committed(std::int64_t next_seq);
  void rolled_back() noexcept;

  /// In memory are at most twice as many and one group, after starts that follow each other up to
  /// five times as many; 16 bytes each, and as much in reserve.
  static constexpr std::size_t batch_entries = 110'592;
  /// So many removed keys that the filter still knows are worth filling it anew.
  static constexpr std::size_t gone_most = std::size_t{4} << 20U;
  /// What a pause has saved up is not moved at once; a millisecond's worth, or less.
  static constexpr std::size_t credit_max = 2 * KeyRuns::step_rows_max;
  [[nodiscard]] std::size_t in_memory() const { return fresh_.size() + closed_.size(); }

 private:
  /// The run that the closed batch becomes, and how far it is.
  struct BatchRun {
    KeyRun run;  ///< Without an id: there is no batch.
    std::size_t next_block = 0;
    [[nodiscard]] bool is_open() const { return run.id != 0; }
    [[nodiscard]] bool is_written() const { return next_block == run.blocks(); }
  };
  /// One that the open transaction took out of memory.
  struct Removed {
    KeyRows* from = nullptr;
    KeyRows::Row row;
  };

  void catch_up(Connection& connection);
  void load(KeyRows& rows, std::int64_t last_seq);
  void begin_batch(std::int64_t last_seq);
  std::size_t write_batch(std::size_t rows_max);

  const std::size_t batch_;
  const std::size_t gone_max_;
  SQLite::Statement load_;
  SQLite::Statement save_progress_;
  std::int64_t indexed_seq_ = 0;  ///< Up to this, the runs have all.
  KeyRuns runs_;
  KeyRows fresh_;   ///< Added since the batch was closed.
  KeyRows closed_;  ///< The closed batch, until its run counts.
  BatchRun batch_run_;
  std::size_t credit_ = 0;  ///< Rows that the next commits may move.
  KeyFilter filter_;
  std::size_t filled_parts_ = 0;  ///< Of these the filter knows all.
  std::size_t gone_ = 0;          ///< Keys that were removed since it was filled from its begin.
  std::vector<std::int64_t> found_;
  KeyRows::Part rows_;
  // Of the open transaction.
  std::vector<KeyRows::Row> added_;
  std::vector<Removed> removed_;
  std::size_t removals_ = 0;
  BatchRun batch_before_;
};

}  // namespace holdfast::outbox
