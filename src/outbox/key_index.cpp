#include "outbox/key_index.hpp"

#include <algorithm>
#include <bit>

#include "outbox/sqlite.hpp"

namespace holdfast::outbox {
namespace {

/// Of a batch, for each entry that is added, so that a batch is in the file before the next is
/// full.
constexpr std::size_t merged_per_added = 2;
/// With each commit besides: commits of settlements add nothing.
constexpr std::size_t merged_least = 2;
/// What a pause of merging has saved up is not moved at once.
constexpr std::size_t credit_max = 1024;
/// An older file, or a salvaged one, is indexed in steps of so many entries: what is sorted in
/// memory at once.
constexpr std::int64_t catch_up_entries = 250'000;

}  // namespace

std::size_t KeyRows::part_of(std::int64_t hash) {
  // Negative hashes come first, as in the index.
  constexpr std::uint64_t sign = std::uint64_t{1} << 63U;
  constexpr unsigned part_bits = std::bit_width(parts - 1);
  return static_cast<std::size_t>((static_cast<std::uint64_t>(hash) ^ sign) >> (64U - part_bits));
}

void KeyRows::add(const Row& row) {
  parts_[part_of(row.first)].push_back(row);
  ++size_;
}

bool KeyRows::remove(const Row& row) {
  const auto removed = std::erase(parts_[part_of(row.first)], row);
  size_ -= removed;
  return removed > 0;
}

void KeyRows::append_found(std::int64_t hash, std::vector<std::int64_t>& seqs) const {
  for (const auto& row : parts_[part_of(hash)])
    if (row.first == hash) seqs.push_back(row.second);
}

void KeyRows::clear_part(std::size_t index) {
  size_ -= parts_[index].size();
  parts_[index].clear();
}

void KeyRows::clear() {
  for (auto& part : parts_) part.clear();
  size_ = 0;
}

KeyIndex::KeyIndex(Connection& connection, std::size_t batch)
    : batch_(batch),
      find_(connection.database(), "SELECT seq FROM key_index WHERE hash = ? ORDER BY seq"),
      insert_(connection.database(), "INSERT OR IGNORE INTO key_index VALUES (?, ?)"),
      delete_(connection.database(), "DELETE FROM key_index WHERE hash = ? AND seq = ?"),
      load_(connection.database(),
            "SELECT key_hash, seq FROM entry WHERE seq > ? AND key_hash IS NOT NULL"),
      load_progress_(connection.database(), "SELECT indexed_seq FROM key_progress"),
      save_progress_(connection.database(), "INSERT OR REPLACE INTO key_progress VALUES (1, ?)") {
  catch_up(connection);
  load();
}

/// Also where the row of the progress was lost: what is put in twice is there once.
void KeyIndex::catch_up(Connection& connection) {
  auto& database = connection.database();
  const auto last = query_number(database, "SELECT ifnull(max(seq), 0) FROM entry");
  // A batch that is full, one that is being moved, and a group.
  const auto memory_max = static_cast<std::int64_t>(3 * batch_);
  auto indexed = query_number(database, "SELECT ifnull(max(indexed_seq), 0) FROM key_progress");
  SQLite::Statement insert(database,
                           "INSERT OR IGNORE INTO key_index SELECT key_hash, seq FROM entry "
                           "WHERE seq > ? AND seq <= ? AND key_hash IS NOT NULL ORDER BY key_hash");
  while (last - indexed > memory_max) {
    const auto to = std::min(last, indexed + catch_up_entries);
    connection.begin();
    run(insert, indexed, to);
    run(save_progress_, to);
    connection.commit();
    static_cast<void>(connection.checkpoint(CheckpointMode::passive));
    indexed = to;
  }
}

void KeyIndex::load() {
  stale_ = true;
  fresh_.clear();
  merging_.clear();
  merging_to_ = 0;
  merged_parts_ = moved_parts_ = 0;
  std::int64_t indexed = 0;
  {
    Use progress(load_progress_);
    if (progress.step()) indexed = progress.column(0).getInt64();
  }
  Use rows(load_, indexed);
  while (rows.step()) fresh_.add({rows.column(0).getInt64(), rows.column(1).getInt64()});
  stale_ = false;
}

const std::vector<std::int64_t>& KeyIndex::find(std::int64_t hash) {
  refresh();
  found_.clear();
  {
    Use in_file(find_, hash);
    while (in_file.step()) found_.push_back(in_file.column(0).getInt64());
  }
  merging_.append_found(hash, found_);
  fresh_.append_found(hash, found_);
  if (found_.size() < 2) return found_;
  // A row that the open transaction has moved is in both.
  std::ranges::sort(found_);
  const auto repeats = std::ranges::unique(found_);
  found_.erase(repeats.begin(), repeats.end());
  return found_;
}

void KeyIndex::add(std::int64_t hash, std::int64_t seq) {
  refresh();
  added_.emplace_back(hash, seq);
  fresh_.add({hash, seq});
}

void KeyIndex::remove(std::int64_t hash, std::int64_t seq) {
  refresh();
  run(delete_, hash, seq);
  const bool fresh = fresh_.remove({hash, seq});
  const bool merging = merging_.remove({hash, seq});
  removed_ = removed_ || fresh || merging;
}

void KeyIndex::merge() {
  refresh();
  if (merging_to_ == 0) return;
  credit_ = std::min(credit_ + merged_per_added * added_.size() + merged_least, credit_max);
  for (; moved_parts_ < KeyRows::parts; ++moved_parts_) {
    auto& part = merging_.part(moved_parts_);
    if (part.size() > credit_ && credit_ < credit_max) break;
    std::ranges::sort(part);
    for (const auto& [hash, seq] : part) run(insert_, hash, seq);
    credit_ -= std::min(part.size(), credit_);
  }
  if (moved_parts_ == KeyRows::parts) run(save_progress_, merging_to_);
}

void KeyIndex::committed(std::int64_t next_seq) {
  added_.clear();
  removed_ = false;
  for (; merged_parts_ < moved_parts_; ++merged_parts_) merging_.clear_part(merged_parts_);
  if (merged_parts_ == KeyRows::parts) {
    merging_to_ = 0;
    merged_parts_ = moved_parts_ = 0;
  }
  if (merging_to_ != 0 || fresh_.size() < batch_) return;
  std::swap(merging_, fresh_);
  merging_to_ = next_seq - 1;
}

void KeyIndex::rolled_back() noexcept {
  stale_ = stale_ || removed_;
  for (const auto& row : added_) static_cast<void>(fresh_.remove(row));
  added_.clear();
  removed_ = false;
  moved_parts_ = merged_parts_;
}

}  // namespace holdfast::outbox
