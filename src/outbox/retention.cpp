#include "outbox/retention.hpp"

#include <algorithm>
#include <chrono>
#include <limits>

#include "base/check.hpp"
#include "outbox/sqlite.hpp"

namespace holdfast::outbox {
namespace {

enum class Removal { payload, entry };

}  // namespace

/// Settled rows of one state, with or without payload, and what becomes of them.
struct Retention::Category {
  EntryState state;
  bool payload_kept;
  Removal removal;
  std::chrono::milliseconds OutboxConfig::* kept_for;
};

/// Payloads of delivered entries come first and receipts second: the order of early removal.
const std::array<Retention::Category, 4> Retention::categories_{{
    {EntryState::delivered, true, Removal::payload, &OutboxConfig::keep_delivered},
    {EntryState::delivered, false, Removal::entry, &OutboxConfig::dedupe_window},
    {EntryState::discarded, true, Removal::entry, &OutboxConfig::keep_discarded},
    {EntryState::discarded, false, Removal::entry, &OutboxConfig::keep_discarded},
}};

Retention::Retention(SQLite::Database& database, const OutboxConfig& config, KeyIndex& keys)
    : config_(config),
      keys_(keys),
      select_(
          database,
          "SELECT seq, body_bytes FROM entry INDEXED BY entry_settled "
          "WHERE state = ? AND payload_kept = ? AND settled_at <= ? ORDER BY settled_at LIMIT ?"),
      oldest_(database,
              "SELECT settled_at FROM entry INDEXED BY entry_settled WHERE state = ? AND "
              "payload_kept = ? AND settled_at IS NOT NULL ORDER BY settled_at LIMIT 1"),
      delete_payload_(database, "DELETE FROM payload WHERE seq = ?"),
      mark_stripped_(database, "UPDATE entry SET payload_kept = 0 WHERE seq = ?"),
      delete_attempts_(database, "DELETE FROM attempt WHERE seq = ?"),
      delete_entry_(database, "DELETE FROM entry WHERE seq = ? RETURNING key_hash") {}

int Retention::remove_due(WallTime now, const RetentionStep& limits, Meta& meta) {
  for (const auto& category : categories_) {
    const int removed = remove(category, now - config_.*category.kept_for, limits, meta);
    if (removed > 0) return removed;
  }
  return 0;
}

int Retention::remove_early(const RetentionStep& limits, Meta& meta) {
  for (const auto& category : categories_) {
    if (category.state != EntryState::delivered) continue;
    const int removed = remove(category, std::nullopt, limits, meta);
    if (removed > 0) return removed;
  }
  return 0;
}

std::optional<WallTime> Retention::next_due() {
  std::optional<WallTime> next;
  for (const auto& category : categories_) {
    Use oldest(oldest_, static_cast<std::int64_t>(category.state),
               static_cast<std::int64_t>(category.payload_kept));
    if (!oldest.step()) continue;
    const auto due = time_from(oldest.column(0)) + config_.*category.kept_for;
    next = next ? std::min(*next, due) : due;
  }
  return next;
}

int Retention::remove(const Category& category, std::optional<WallTime> settled_by,
                      const RetentionStep& limits, Meta& meta) {
  std::vector<std::int64_t> seqs;
  {
    constexpr auto any_time = std::numeric_limits<std::int64_t>::max();
    Use select(select_, static_cast<std::int64_t>(category.state),
               static_cast<std::int64_t>(category.payload_kept),
               settled_by ? std::int64_t{settled_by->time_since_epoch().count()} : any_time,
               std::int64_t{limits.rows_max});
    std::uint64_t bytes = 0;
    while (select.step()) {
      // A receipt has no body to read; its body_bytes tell of what was.
      if (category.payload_kept) bytes += static_cast<std::uint64_t>(select.column(1).getInt64());
      if (!seqs.empty() && bytes > limits.bytes_max) break;
      seqs.push_back(select.column(0).getInt64());
    }
  }
  for (const auto seq : seqs) {
    if (category.payload_kept) run(delete_payload_, seq);
    if (category.removal == Removal::payload) {
      run(mark_stripped_, seq);
    } else {
      run(delete_attempts_, seq);
      delete_entry(seq);
      HOLDFAST_CHECK(meta.count(category.state) > 0, "more entries were removed than there were");
      --meta.count(category.state);
    }
  }
  return static_cast<int>(seqs.size());
}

void Retention::delete_entry(std::int64_t seq) {
  std::optional<std::int64_t> key_hash;
  {
    Use entry(delete_entry_, seq);
    // To the end: only a statement that is done has surely changed the table.
    while (entry.step())
      if (!entry.is_null(0)) key_hash = entry.column(0).getInt64();
  }
  if (key_hash) keys_.remove(*key_hash, seq);
}

}  // namespace holdfast::outbox
