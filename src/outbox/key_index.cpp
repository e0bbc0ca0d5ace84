#include "outbox/key_index.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "outbox/sqlite.hpp"

namespace holdfast::outbox {
namespace {

/// Rows moved for each entry that is added or removed, besides one for each level of runs: each row
/// is moved once a level, and a batch must be in the file before the next is full.
constexpr std::size_t moved_per_entry = 2;
/// With each commit besides: commits of settlements add nothing.
constexpr std::size_t moved_least = 2;
constexpr auto all_rows = std::numeric_limits<std::size_t>::max();

}  // namespace

KeyIndex::KeyIndex(Connection& connection, std::size_t batch, std::size_t gone_max)
    : batch_(batch),
      gone_max_(gone_max),
      load_(connection.database(),
            "SELECT key_hash, seq FROM entry WHERE seq > ? AND seq <= ? AND key_hash IS NOT NULL"),
      save_progress_(connection.database(), "INSERT OR REPLACE INTO key_progress VALUES (1, ?)"),
      indexed_seq_(query_number(connection.database(),
                                "SELECT ifnull(max(indexed_seq), 0) FROM key_progress")),
      runs_(connection.database()) {
  catch_up(connection);
  load(fresh_, std::numeric_limits<std::int64_t>::max());
  if (runs_.all().empty()) filled_parts_ = KeyFilter::parts;
}

/// An older file, or a salvaged one: batches larger than those to come, so that few runs are made.
void KeyIndex::catch_up(Connection& connection) {
  const auto last = query_number(connection.database(), "SELECT ifnull(max(seq), 0) FROM entry");
  // A batch that is full, one that is being moved, and a group.
  const auto memory_max = static_cast<std::int64_t>(3 * batch_);
  const auto step = static_cast<std::int64_t>(KeyRuns::merged_at_once * batch_);
  SQLite::Statement next(connection.database(), "SELECT min(seq) FROM entry WHERE seq > ?");
  while (last - indexed_seq_ > memory_max) {
    // What retention has emptied is no step.
    if (Use first(next, indexed_seq_); first.step()) indexed_seq_ = first.column(0).getInt64() - 1;
    const auto to = std::min(last, indexed_seq_ + step);
    load(closed_, to);
    begin_batch(to);
    connection.begin();
    write_batch(all_rows);
    connection.commit();
    committed(to + 1);
    static_cast<void>(connection.checkpoint(CheckpointMode::passive));
  }
}

/// The keys of entries after those in the index.
void KeyIndex::load(KeyRows& rows, std::int64_t last_seq) {
  Use row(load_, indexed_seq_, last_seq);
  while (row.step()) {
    const auto hash = row.column(0).getInt64();
    rows.add({hash, row.column(1).getInt64()});
    filter_.add(hash);
  }
}

/// What is in closed_ is to be written, as the keys of all entries up to this one.
void KeyIndex::begin_batch(std::int64_t last_seq) {
  std::int64_t level = 0;
  for (auto most = 2 * batch_; closed_.size() > most; most *= KeyRuns::merged_at_once) ++level;
  // Never above what is older: neighbours of one level must have no other between them.
  if (!runs_.all().empty()) level = std::min(level, runs_.all().back().level);
  batch_run_ = {.run = {.id = runs_.new_id(),
                        .level = level,
                        .first_seq = indexed_seq_ + 1,
                        .last_seq = last_seq,
                        // A block is made of whole parts.
                        .block_bits = std::min(block_bits_for(closed_.size()), key_part_bits)}};
  batch_before_ = batch_run_;
}

/// So many rows, or one block more; how many.
std::size_t KeyIndex::write_batch(std::size_t rows_max) {
  std::size_t written = 0;
  auto& [run, next_block] = batch_run_;
  for (; batch_run_.is_open() && !batch_run_.is_written() && written < rows_max; ++next_block) {
    rows_.clear();
    closed_.append(run.block_bits, next_block, rows_);
    runs_.write_block(run.id, next_block, rows_);
    run.keys += static_cast<std::int64_t>(rows_.size());
    written += std::max<std::size_t>(rows_.size(), 1);
    if (next_block + 1 < run.blocks()) continue;
    runs_.add(run);
    outbox::run(save_progress_, run.last_seq);
  }
  return written;
}

const std::vector<std::int64_t>& KeyIndex::find(std::int64_t hash) {
  found_.clear();
  const bool is_filled = key_prefix(hash, KeyFilter::part_bits) < filled_parts_;
  if (is_filled && !filter_.may_hold(hash)) return found_;
  runs_.find(hash, found_);
  closed_.append_found(hash, found_);
  fresh_.append_found(hash, found_);
  if (found_.size() < 2) return found_;
  // Those of a batch that the open transaction has finished are in both.
  std::ranges::sort(found_);
  const auto repeats = std::ranges::unique(found_);
  found_.erase(repeats.begin(), repeats.end());
  return found_;
}

void KeyIndex::add(std::int64_t hash, std::int64_t seq) {
  added_.emplace_back(hash, seq);
  fresh_.add({hash, seq});
  filter_.add(hash);
}

void KeyIndex::remove(std::int64_t hash, std::int64_t seq) {
  const KeyRows::Row row{hash, seq};
  removed_.reserve(removed_.size() + 1);
  ++removals_;
  ++gone_;
  if (fresh_.remove(row)) {
    removed_.push_back({&fresh_, row});
  } else if (closed_.remove(row)) {
    removed_.push_back({&closed_, row});
    if (batch_run_.run.block_of(hash) < batch_run_.next_block) ++batch_run_.run.gone;
  } else {
    runs_.removed(hash, seq);
  }
}

bool KeyIndex::fill_filter() {
  if (!filter_is_due()) return false;
  if (gone_ > gone_max_) gone_ = filled_parts_ = 0;
  rows_.clear();
  fresh_.append(KeyFilter::part_bits, filled_parts_, rows_);
  closed_.append(KeyFilter::part_bits, filled_parts_, rows_);
  runs_.read(KeyFilter::part_bits, filled_parts_, rows_);
  filter_.clear_part(filled_parts_);
  for (const auto& [hash, seq] : rows_) filter_.add(hash);
  ++filled_parts_;
  return true;
}

void KeyIndex::merge() {
  std::int64_t levels = 0;
  for (const auto& run : runs_.all()) levels = std::max(levels, run.level + 1);
  const auto pace = moved_per_entry + static_cast<std::size_t>(levels);
  credit_ = std::min(credit_ + pace * (added_.size() + removals_) + moved_least, credit_max);
  const auto block_rows = closed_.size() / batch_run_.run.blocks() + 1;
  if (credit_ >= block_rows) credit_ -= std::min(write_batch(credit_), credit_);
  credit_ -= runs_.work(credit_);
}

void KeyIndex::committed(std::int64_t next_seq) {
  added_.clear();
  removed_.clear();
  removals_ = 0;
  runs_.committed();
  if (batch_run_.is_open() && batch_run_.is_written()) {
    indexed_seq_ = batch_run_.run.last_seq;
    closed_.clear();
    batch_run_ = {};
  }
  batch_before_ = batch_run_;
  // Many entries without a key are a batch, too, or a start would read them all.
  const bool many = next_seq - 1 - indexed_seq_ >= static_cast<std::int64_t>(2 * batch_);
  if (batch_run_.is_open() || (fresh_.size() < batch_ && !many)) return;
  std::swap(closed_, fresh_);
  begin_batch(next_seq - 1);
}

void KeyIndex::rolled_back() noexcept {
  for (const auto& row : added_) static_cast<void>(fresh_.remove(row));
  // They have room: there they were.
  for (const auto& [from, row] : removed_) from->add(row);
  added_.clear();
  removed_.clear();
  removals_ = 0;
  batch_run_ = batch_before_;
  // Where merging is what failed, the next commits must be without it for a while.
  credit_ = 0;
  runs_.rolled_back();
}

}  // namespace holdfast::outbox
