#include "outbox/appender.hpp"

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>

#include "base/check.hpp"
#include "outbox/sqlite.hpp"

namespace holdfast::outbox {
namespace {

constexpr const char* find_entry_sql =
    "SELECT id, ifnull(compare_sha256, body_sha256), conflicts_with FROM entry "
    "WHERE seq = ? AND source_id = ? AND dedupe_key = ?";

constexpr const char* insert_entries_sql =
    "INSERT OR ROLLBACK INTO entry (seq, id, source_id, state, received_at, settled_at, "
    "body_bytes, payload_kept, key_hash, dedupe_key, body_sha256, reason, conflicts_with, "
    "replay_of, order_hash, compare_sha256)";
constexpr const char* entry_row = "(?, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?)";
/// One that came from its sender and waits: what such rows never have costs a bind and a step each.
constexpr const char* new_entry_row =
    "(?, ?, ?, 0, ?, NULL, ?, 1, ?, ?, ?, NULL, NULL, NULL, ?, ?)";

constexpr const char* insert_payloads_sql =
    "INSERT OR ROLLBACK INTO payload (seq, method, target, remote_address, content_type, "
    "traceparent, headers, body)";
constexpr const char* payload_row = "(?, ?, ?, ?, ?, ?, ?, ?)";

bool same_digest(const SQLite::Column& column, const std::array<std::uint8_t, 32>& digest) {
  return column.getBytes() == static_cast<int>(digest.size()) &&
         std::memcmp(column.getBlob(), digest.data(), digest.size()) == 0;
}

}  // namespace

/// What an entry has besides that of its sender.
struct Appender::Row {
  const AppendTicket::Shared* append = nullptr;
  EntryState state = EntryState::pending;
  std::optional<std::int64_t> key_hash = {};
  std::optional<WallTime> settled_at = {};
  std::optional<std::string> reason = {};
  std::optional<Uuid> conflicts_with = {};
  std::int64_t seq = 0;
  Uuid id = {};
  std::int64_t source_id = 0;
  std::optional<std::string> replay_key = {};  ///< In place of the entry's own key.

  [[nodiscard]] bool is_new() const {
    return state == EntryState::pending && !settled_at && !reason && !conflicts_with &&
           !append->entry.replay_of;
  }
  [[nodiscard]] const std::optional<std::string>& key() const {
    return replay_key ? replay_key : append->entry.dedupe_key;
  }
};

Appender::Appender(SQLite::Database& database, const Uuid& last_id, KeyIndex& keys)
    : keys_(keys),
      ids_(last_id),
      find_source_(database, "SELECT id FROM source WHERE name = ?"),
      insert_source_(database, "INSERT INTO source (name) VALUES (?) RETURNING id"),
      find_entry_(database, find_entry_sql),
      insert_entries_(database, insert_entries_sql, entry_row),
      insert_new_entries_(database, insert_entries_sql, new_entry_row),
      insert_payloads_(database, insert_payloads_sql, payload_row),
      rows_(std::make_unique<std::vector<Row>>()) {}

Appender::~Appender() = default;

void Appender::forget() {
  rows_->clear();
  source_ids_.clear();
}

std::optional<std::int64_t> Appender::find_source_id(const std::string& name) {
  if (const auto known = source_ids_.find(name); known != source_ids_.end()) return known->second;
  Use find(find_source_, name);
  if (!find.step()) return std::nullopt;
  return source_ids_.emplace(name, find.column(0).getInt64()).first->second;
}

std::int64_t Appender::source_id(const std::string& name) {
  if (const auto known = find_source_id(name)) return *known;
  Use insert(insert_source_, name);
  HOLDFAST_CHECK(insert.step(), "INSERT … RETURNING gave no row");
  const std::int64_t id = insert.column(0).getInt64();
  // To the end: only a statement that is done has surely changed the table.
  while (insert.step()) {
  }
  source_ids_.emplace(name, id);
  return id;
}

std::optional<KnownKey> Appender::find_known(const AppendTicket::Shared& append) {
  if (!append.key_hash) return std::nullopt;
  const auto source = find_source_id(append.entry.source);
  if (!source) return std::nullopt;
  std::optional<KnownKey> known;
  const auto& seqs = keys_.find(*append.key_hash);
  if (!seqs.empty()) flush();
  for (const auto seq : seqs) {
    Use find(find_entry_, seq, *source, *append.entry.dedupe_key);
    // A conflict row whose own hash happens to be equal is no first copy.
    if (!find.step() || !find.is_null(2)) continue;
    known = KnownKey{uuid_from(find.column(0)), seq,
                     same_digest(find.column(1), append.compared_by()), false};
    break;
  }
  if (!known || known->same_body) return known;
  if (const auto seq = find_conflict(append, known->first_id, *source)) {
    known->body_kept = true;
    known->seq = std::max(known->seq, *seq);
  }
  return known;
}

std::optional<std::int64_t> Appender::find_conflict(const AppendTicket::Shared& append,
                                                    const Uuid& first_id, std::int64_t source) {
  const auto& entry = append.entry;
  const auto hash = conflict_hash(entry.source, *entry.dedupe_key, append.compared_by());
  for (const auto seq : keys_.find(hash)) {
    Use find(find_entry_, seq, source, *entry.dedupe_key);
    if (find.step() && !find.is_null(2) && uuid_from(find.column(2)) == first_id &&
        same_digest(find.column(1), append.compared_by()))
      return seq;
  }
  return std::nullopt;
}

Uuid Appender::insert(const AppendTicket::Shared& append, WallTime now, Meta& meta) {
  return insert_row({.append = &append, .key_hash = append.key_hash}, now, meta);
}

void Appender::insert_conflict(const AppendTicket::Shared& append, const Uuid& first_id,
                               WallTime now, Meta& meta) {
  const auto& entry = append.entry;
  insert_row(
      {.append = &append,
       .state = EntryState::discarded,
       .key_hash = conflict_hash(entry.source, entry.dedupe_key.value(), append.compared_by()),
       .settled_at = now,
       .reason = "key_conflict",
       .conflicts_with = first_id},
      now, meta);
}

Uuid Appender::insert_row(Row row, WallTime now, Meta& meta) {
  const auto& entry = row.append->entry;
  row.seq = meta.next_seq;
  row.id = ids_.next(now);
  row.source_id = source_id(entry.source);
  if (row.append->replay_event) {
    row.replay_key = "replay:" + row.id.to_string();
    row.key_hash = first_copy_hash(entry.source, *row.replay_key);
  }
  if (row.key_hash) keys_.add(*row.key_hash, row.seq);
  ++meta.next_seq;
  meta.last_id = row.id;
  if (row.state == EntryState::pending) {
    meta.add_pending(entry.body.size());
  } else {
    ++meta.count(row.state);
  }
  const Uuid id = row.id;
  rows_->push_back(std::move(row));
  if (rows_->size() == MultiInsert::rows_max) flush();
  return id;
}

void Appender::flush() {
  if (rows_->empty()) return;
  const std::span<const Row> rows(*rows_);
  if (std::ranges::all_of(rows, &Row::is_new)) {
    insert_new_entries_.insert(rows, [](SQLite::Statement& statement, int& index, const Row& row) {
      const auto& append = *row.append;
      const auto& entry = append.entry;
      bind_after(index, statement, row.seq, row.id, row.source_id, entry.received_at,
                 static_cast<std::int64_t>(entry.body.size()), row.key_hash, row.key(),
                 append.body_sha256, append.order_hash, entry.compare_sha256);
    });
  } else {
    insert_entries_.insert(rows, [](SQLite::Statement& statement, int& index, const Row& row) {
      const auto& append = *row.append;
      const auto& entry = append.entry;
      bind_after(index, statement, row.seq, row.id, row.source_id,
                 static_cast<std::int64_t>(row.state), entry.received_at, row.settled_at,
                 static_cast<std::int64_t>(entry.body.size()), row.key_hash, row.key(),
                 append.body_sha256, row.reason, row.conflicts_with, entry.replay_of,
                 append.order_hash, entry.compare_sha256);
    });
  }
  insert_payloads_.insert(rows, [](SQLite::Statement& statement, int& index, const Row& row) {
    const auto& entry = row.append->entry;
    bind_after(index, statement, row.seq, entry.method, entry.target, entry.remote_address,
               entry.content_type, entry.traceparent, Blob{row.append->encoded_headers},
               Blob{entry.body});
  });
  rows_->clear();
}

}  // namespace holdfast::outbox
