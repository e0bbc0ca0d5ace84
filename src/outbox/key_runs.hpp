#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "outbox/key_run.hpp"

namespace holdfast::outbox {

/// The runs of the index of keys, and how they become fewer: four neighbours of one level are
/// merged into one of the next, and one of which half is gone is written anew without that. Both
/// are done a little at a time, within the transactions of others; a run counts when all of it is
/// written, and what it was made from is then deleted, a little at a time too.
///
/// Threads:  the writer.
/// Errors:   throws SQLite::Exception, std::bad_alloc.
class KeyRuns {
 public:
  /// Needs:    `database` outlives it.
  explicit KeyRuns(SQLite::Database& database);

  /// Adds the seqs of a hash; their entries may be gone.
  void find(std::int64_t hash, std::vector<std::int64_t>& seqs);
  /// Adds the rows of all hashes whose first `bits` are `prefix`.
  void read(unsigned bits, std::size_t prefix, KeyRows::Part& rows);
  [[nodiscard]] const std::vector<KeyRun>& all() const { return state_.runs; }

  /// The id of a new run, whose blocks are written next.
  [[nodiscard]] std::int64_t new_id() { return next_id_++; }
  void write_block(std::int64_t run, std::size_t block, std::span<const KeyRows::Row> rows);
  /// All of its blocks are written: it counts from now on. Nothing is kept of one without keys.
  void add(const KeyRun& run);
  /// The entry of this key is gone.
  void removed(std::int64_t hash, std::int64_t seq);
  /// Merges and deletes so many rows, or some fewer; how many.
  std::size_t work(std::size_t rows_max);

  [[nodiscard]] bool has_work() const {
    return !state_.jobs.empty() || !state_.waste.empty() || (plan_due_ && next_inputs().count > 0);
  }

  /// The transaction in which the calls above were is committed.
  void committed() { changed_ = false; }
  void rolled_back() noexcept;

  /// So many runs of a level become one of the next.
  static constexpr std::size_t merged_at_once = 4;
  /// No step counts as more rows.
  static constexpr std::size_t step_rows_max = 4096;

 private:
  /// A run that is being written.
  struct Job {
    std::vector<std::int64_t> inputs;
    KeyRun output;  ///< Its `gone`: those that went after they were written.
    unsigned step_bits = 0;
    std::size_t next_step = 0;
    bool drops_gone = false;
    [[nodiscard]] std::size_t steps() const { return std::size_t{1} << step_bits; }
  };
  /// What to merge next: neighbours, or one alone. No memory is needed to find that out.
  struct Inputs {
    std::array<KeyRun, merged_at_once> runs;
    std::size_t count = 0;
    [[nodiscard]] std::span<const KeyRun> all() const { return std::span(runs).first(count); }
  };
  /// Blocks that no run has any more.
  struct Waste {
    std::int64_t run = 0;
    std::size_t next_block = 0;
    std::size_t blocks = 0;
  };
  /// What a rollback takes back.
  struct State {
    std::vector<KeyRun> runs;
    std::vector<Job> jobs;
    std::vector<Waste> waste;
  };

  void find_waste();
  State& change();
  [[nodiscard]] bool is_free(const KeyRun& run) const;
  [[nodiscard]] Inputs next_inputs() const;
  void plan();
  void begin_job(const Inputs& inputs);
  [[nodiscard]] KeyRun& run_with(std::int64_t id);
  [[nodiscard]] std::vector<Job>::iterator next_job();
  [[nodiscard]] std::size_t cost_of_next();
  void do_next();
  void step(Job& job);
  void drop_gone(KeyRows::Part& rows);
  void write(Job& job);
  void finish(std::vector<Job>::iterator done);
  void delete_waste();

  KeyRunReader reader_;
  SQLite::Statement write_block_;
  SQLite::Statement delete_blocks_;
  SQLite::Statement add_run_;
  SQLite::Statement delete_run_;
  SQLite::Statement count_gone_;
  SQLite::Statement next_block_;
  SQLite::Statement first_entry_;
  SQLite::Statement find_entry_;
  std::int64_t next_id_ = 1;
  State state_;
  State before_;  ///< Of the open transaction, if it changed anything.
  bool changed_ = false;
  bool plan_due_ = true;
  KeyRows::Part rows_;                ///< Of the step that is being done.
  std::vector<KeyRows::Part> parts_;  ///< By block of the output.
};

}  // namespace holdfast::outbox
