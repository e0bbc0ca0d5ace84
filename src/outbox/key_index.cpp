#include "outbox/key_index.hpp"

#include <algorithm>
#include <utility>

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

/// First and last hash of a part.
std::pair<std::int64_t, std::int64_t> range_of(std::size_t part) {
  constexpr std::uint64_t width = (std::uint64_t{1} << 63U) / (key_parts / 2);
  const auto to_hash = [](std::uint64_t bits) {
    return static_cast<std::int64_t>(bits ^ (std::uint64_t{1} << 63U));
  };
  return {to_hash(part * width), to_hash(part * width + (width - 1))};
}

}  // namespace

KeyIndex::KeyIndex(Connection& connection, std::size_t batch, std::size_t gone_max)
    : batch_(batch),
      gone_max_(gone_max),
      find_(connection.database(), "SELECT seq FROM key_index WHERE hash = ? ORDER BY seq"),
      insert_(connection.database(), "INSERT OR IGNORE INTO key_index VALUES (?, ?)"),
      delete_(connection.database(), "DELETE FROM key_index WHERE hash = ? AND seq = ?"),
      load_(connection.database(),
            "SELECT key_hash, seq FROM entry WHERE seq > ? AND key_hash IS NOT NULL"),
      load_progress_(connection.database(), "SELECT indexed_seq FROM key_progress"),
      save_progress_(connection.database(), "INSERT OR REPLACE INTO key_progress VALUES (1, ?)"),
      find_range_(connection.database(), "SELECT hash FROM key_index WHERE hash BETWEEN ? AND ?") {
  catch_up(connection);
  load();
  const bool empty =
      query_number(connection.database(), "SELECT NOT EXISTS (SELECT 1 FROM key_index)") == 1;
  if (empty) filled_parts_ = key_parts;
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
  while (rows.step()) {
    const auto hash = rows.column(0).getInt64();
    fresh_.add({hash, rows.column(1).getInt64()});
    filter_.add(hash);
  }
  stale_ = false;
}

const std::vector<std::int64_t>& KeyIndex::find(std::int64_t hash) {
  refresh();
  found_.clear();
  if (key_part(hash) < filled_parts_ && !filter_.may_hold(hash)) return found_;
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
  filter_.add(hash);
}

void KeyIndex::remove(std::int64_t hash, std::int64_t seq) {
  refresh();
  run(delete_, hash, seq);
  const bool fresh = fresh_.remove({hash, seq});
  const bool merging = merging_.remove({hash, seq});
  removed_ = removed_ || fresh || merging;
  ++gone_;
}

bool KeyIndex::fill_filter() {
  refresh();
  if (!filter_is_due()) return false;
  if (gone_ > gone_max_) gone_ = filled_parts_ = 0;
  filter_.clear_part(filled_parts_);
  for (auto* rows : {&fresh_, &merging_})
    for (const auto& [hash, seq] : rows->part(filled_parts_)) filter_.add(hash);
  const auto [first, last] = range_of(filled_parts_);
  Use in_file(find_range_, first, last);
  while (in_file.step()) filter_.add(in_file.column(0).getInt64());
  ++filled_parts_;
  return true;
}

void KeyIndex::merge() {
  refresh();
  if (merging_to_ == 0) return;
  credit_ = std::min(credit_ + merged_per_added * added_.size() + merged_least, credit_max);
  for (; moved_parts_ < key_parts; ++moved_parts_) {
    auto& part = merging_.part(moved_parts_);
    if (part.size() > credit_ && credit_ < credit_max) break;
    std::ranges::sort(part);
    for (const auto& [hash, seq] : part) run(insert_, hash, seq);
    credit_ -= std::min(part.size(), credit_);
  }
  if (moved_parts_ == key_parts) run(save_progress_, merging_to_);
}

void KeyIndex::committed(std::int64_t next_seq) {
  added_.clear();
  removed_ = false;
  for (; merged_parts_ < moved_parts_; ++merged_parts_) merging_.clear_part(merged_parts_);
  if (merged_parts_ == key_parts) {
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
