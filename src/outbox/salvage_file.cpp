#include "outbox/salvage_file.hpp"

#include <sqlite3.h>

#include <algorithm>

#include "base/encoding.hpp"
#include "base/uuid.hpp"
#include "outbox/damage.hpp"
#include "outbox/found_values.hpp"
#include "outbox/schema.hpp"

namespace holdfast::outbox {
namespace {

/// No outbox gets there; damage does.
constexpr std::int64_t seq_max = std::int64_t{1} << 48;
constexpr std::int64_t source_id_max = 1'000'000'000;
/// An id whose time is beyond this is damage: it would pull all later ones along, to where no
/// number is left. Not measured by our clock, which may have been set back by years since.
constexpr WallTime id_time_max =
    std::chrono::sys_days(std::chrono::year(2500) / std::chrono::January / 1);
/// Entries with the seq of another one are few, or else the file is beyond them.
constexpr std::size_t rivals_max = 100'000;

SQLite::Database make_file(const std::string& path) {
  SQLite::Database database(path, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
  // It counts only once it is whole and synced by its owner, so nothing has to be taken back.
  database.exec(
      "PRAGMA page_size = 4096; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; "
      "PRAGMA cache_size = -32768; PRAGMA temp_store = MEMORY");
  migrate(database);
  database.exec("BEGIN");
  return database;
}

}  // namespace

SalvageFile::SalvageFile(const std::string& path, WallTime now)
    : database_(make_file(path)),
      now_(now),
      insert_entry_(database_,
                    "INSERT INTO entry VALUES "
                    "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"),
      find_entry_(database_,
                  "SELECT id, state, payload_kept, body_sha256 FROM entry WHERE seq = ?"),
      insert_payload_(database_, "INSERT OR REPLACE INTO payload VALUES (?, ?, ?, ?, ?, ?, ?, ?)"),
      find_payload_(database_, "SELECT 1 FROM payload WHERE seq = ?") {}

SalvageCounts SalvageFile::fill(const PageFile& old) {
  RowScan scan(old);
  scan.run([](RowKind kind) { return kind != RowKind::payload && kind != RowKind::entry_id; },
           [&](FoundRow&& row) { take(std::move(row)); });
  scan.run([](RowKind kind) { return kind == RowKind::payload; },
           [&](FoundRow&& row) { take_payload(row); });
  const auto old_damaged = static_cast<std::uint64_t>(
      query_number(database_,
                   "SELECT count(*) FROM entry WHERE state = 2 AND reason = 'damaged' "
                   "AND settled_at IS NOT NULL"));
  write_meta();
  adopt_orphans(old);
  set_aside_rivals();
  settle_states();
  name_sources();
  write_meta();
  insert_entry_.tryReset();
  insert_payload_.tryReset();
  database_.exec("COMMIT");
  // Left to the first use, the change to WAL would be a transaction of its own, with a journal that
  // a power cut leaves behind.
  database_.exec("PRAGMA journal_mode = WAL");
  counts_.damaged -= std::min(counts_.damaged, old_damaged);
  return counts_;
}

void SalvageFile::take(FoundRow&& row) {
  switch (row.kind) {
    case RowKind::meta: return take_meta(row);
    case RowKind::source: return take_source(row.key, row.values[1]);
    case RowKind::source_name: return take_source(number(row.values[1]), row.values[0]);
    case RowKind::entry: return take_entry(std::move(row));
    case RowKind::attempt:
      return copy(row, "INSERT OR IGNORE INTO attempt VALUES (?, ?, ?, ?, ?, ?)");
    // Merely found, it may be one that was ended.
    case RowKind::pause:
      if (row.trusted) copy(row, "INSERT OR IGNORE INTO operator_pause VALUES (?, ?, ?)");
      return;
    case RowKind::audit:
      row.values[0] = row.key;
      return copy(row, "INSERT OR IGNORE INTO audit VALUES (?, ?, ?, ?, ?, ?)");
    default: return;
  }
}

void SalvageFile::take_meta(const FoundRow& row) {
  if (!meta_ || (row.trusted && !meta_->trusted)) meta_ = row;
}

void SalvageFile::take_source(std::int64_t id, const Value& name) {
  if (id <= 0 || !is_source_name(bytes_of(name))) return;
  SQLite::Statement insert(database_, "INSERT OR IGNORE INTO source (id, name) VALUES (?, ?)");
  run(insert, id, bytes_of(name));
}

void SalvageFile::copy(const FoundRow& row, const char* sql) {
  SQLite::Statement insert(database_, sql);
  for (std::size_t i = 0; i < row.values.size(); ++i)
    bind_value(insert, static_cast<int>(i + 1), row.values[i]);
  insert.exec();
}

/// Makes of a row with impossible values one that may stay: no such entry is delivered.
void SalvageFile::mend_entry(FoundRow& row) {
  auto& values = row.values;
  values.resize(entry_columns);
  const auto state = number(values[state_at]);
  bool possible = state >= 0 && state <= 3 && is_v7(uuid_of(values[id_at])) &&
                  number(values[body_bytes_at]) >= 0;
  const auto kept = number(values[payload_kept_at]);
  possible = possible && (kept == 0 || kept == 1);
  auto& source = values[source_at];
  if (number(source) <= 0 || number(source) > source_id_max) {
    source = std::int64_t{0};
    possible = false;
  }
  for (auto& value : values) {
    const auto* text = std::get_if<std::string>(&value);
    if (text == nullptr || (base::is_utf8(*text) && !text->contains('\0'))) continue;
    value = {};
    possible = false;
  }
  if (std::holds_alternative<std::monostate>(values[dedupe_key_at])) values[key_hash_at] = {};
  if (possible) return;
  values[payload_kept_at] = std::int64_t{1};
  values[body_bytes_at] = std::max<std::int64_t>(number(values[body_bytes_at]), 0);
  if (state < 1 || state > 3) {
    values[state_at] = std::int64_t{2};
    values[reason_at] = std::string(damaged_reason);
    values[settled_at_at] = {};
  }
}

bool SalvageFile::insert_entry(const FoundRow& row) {
  bind_row(insert_entry_, row);
  const int code = insert_entry_.tryExecuteStep();
  insert_entry_.tryReset();
  if (code == SQLITE_DONE) return true;
  if (code == SQLITE_CONSTRAINT) return false;  // The id is there with another seq.
  throw SQLite::Exception(database_.getHandle(), code);
}

void SalvageFile::take_entry(FoundRow&& row) {
  mend_entry(row);
  if (row.key <= 0 || row.key > seq_max) {
    if (rivals_.size() < rivals_max) rivals_.push_back(std::move(row));
    return;
  }
  bool replaces = false;
  {
    Use known(find_entry_, row.key);
    if (known.step()) {
      if (uuid_from(known.column(0)) != uuid_of(row.values[id_at])) {
        if (rivals_.size() < rivals_max) rivals_.push_back(std::move(row));
        return;
      }
      const bool settles = known.column(1).getInt64() == 0 && number(row.values[state_at]) != 0;
      if (!untrusted_.contains(row.key) || !(row.trusted || settles)) return;
      replaces = true;
    }
  }
  if (replaces) {
    SQLite::Statement remove(database_, "DELETE FROM entry WHERE seq = ?");
    run(remove, row.key);
  }
  if (!insert_entry(row)) return;
  if (row.trusted) {
    untrusted_.erase(row.key);
  } else {
    untrusted_.insert(row.key);
  }
}

void SalvageFile::take_payload(const FoundRow& row) {
  if (row.key <= 0 || row.key > seq_max) return;
  std::optional<bool> fits;
  bool kept = false;
  {
    Use entry(find_entry_, row.key);
    if (entry.step()) {
      const auto digest = entry.column(3);
      fits = body_fits(row, {static_cast<const char*>(digest.getBlob()),
                             static_cast<std::size_t>(digest.getBytes())});
      kept = entry.column(2).getInt64() != 0;
    }
  }
  bool present = false;
  {
    Use payload(find_payload_, row.key);
    present = payload.step();
  }
  if (fits && !*fits && swap_in_rival(row)) fits = true;
  if (fits && !kept && !row.trusted) return;  // Retention has removed it; this is an old page.
  if (present && !(fits.value_or(false) && misfits_.contains(row.key))) return;
  bind_row(insert_payload_, row);
  insert_payload_.exec();
  if (!fits) orphans_.insert(row.key);
  if (fits && *fits) misfits_.erase(row.key);
  if (fits && !*fits) misfits_.insert(row.key);
}

/// Of two entries with one seq that one has it whose body this is.
bool SalvageFile::swap_in_rival(const FoundRow& payload) {
  for (auto& rival : rivals_) {
    if (rival.key != payload.key || !body_fits(payload, bytes_of(rival.values[sha_at]))) continue;
    FoundRow loser{RowKind::entry, payload.key, {}, false};
    {
      SQLite::Statement select(database_, "SELECT * FROM entry WHERE seq = ?");
      Use old(select, payload.key);
      if (!old.step()) return false;
      for (int i = 0; i < static_cast<int>(entry_columns); ++i) {
        const auto column = old.column(i);
        Value value;
        if (column.isInteger()) value = column.getInt64();
        if (column.isText()) value = column.getString();
        if (column.isBlob()) value = Bytes{column.getString()};
        loser.values.push_back(std::move(value));
      }
    }
    SQLite::Statement remove(database_, "DELETE FROM entry WHERE seq = ?");
    run(remove, payload.key);
    const bool taken = insert_entry(rival);
    if (taken) std::swap(rival, loser);
    if (!taken) insert_entry(loser);
    return taken;
  }
  return false;
}

/// Entries whose seq another one has: what is known of them stays, behind all others.
void SalvageFile::set_aside_rivals() {
  for (auto& rival : rivals_) {
    rival.key = 1 + query_number(database_, "SELECT ifnull(max(seq), 0) FROM entry");
    rival.values[payload_kept_at] = std::int64_t{1};  // Without a payload, which settles it.
    insert_entry(rival);
  }
}

void SalvageFile::adopt_orphans(const PageFile& old) {
  if (orphans_.empty()) return;
  RowScan(old).run([](RowKind kind) { return kind == RowKind::entry_id; },
                   [&](FoundRow&& row) {
                     const auto seq = number(row.values[1]);
                     const Uuid id = uuid_of(row.values[0]);
                     if (is_v7(id) && orphans_.erase(seq) > 0) adopt(seq, id);
                   });
  for (const auto seq : orphans_) adopt(seq, std::nullopt);
}

/// A payload whose entry is lost: its bytes are kept, but it is for a person to say what they are.
void SalvageFile::adopt(std::int64_t seq, const std::optional<Uuid>& known_id) {
  SQLite::Statement select(database_, "SELECT body, headers FROM payload WHERE seq = ?");
  FoundRow row{RowKind::entry, seq, std::vector<Value>(entry_columns), false};
  {
    Use payload(select, seq);
    if (!payload.step()) return;
    const auto body = payload.column(0);
    const std::string_view bytes(static_cast<const char*>(body.getBlob()),
                                 static_cast<std::size_t>(body.getBytes()));
    const auto digest = base::sha256(bytes);
    row.values[sha_at] = Bytes{std::string(digest.begin(), digest.end())};
    row.values[body_bytes_at] = static_cast<std::int64_t>(bytes.size());
  }
  Uuid id = known_id.value_or(Uuid{});
  if (!known_id) {
    base::UuidV7Generator ids(last_id_);
    last_id_ = id = ids.next(now_);
  }
  row.values[id_at] = Bytes{std::string(id.bytes.begin(), id.bytes.end())};
  row.values[source_at] =
      std::int64_t{0};  // No source is known; it gets a name like other lost ones.
  row.values[state_at] = std::int64_t{2};
  row.values[received_at_at] =
      static_cast<std::int64_t>(base::time_of(id).time_since_epoch().count());
  row.values[payload_kept_at] = std::int64_t{1};
  row.values[reason_at] = std::string(damaged_reason);
  if (!insert_entry(row) && known_id) adopt(seq, std::nullopt);
}

void SalvageFile::settle_states() {
  database_.exec("CREATE TEMP TABLE misfit (seq INTEGER PRIMARY KEY)");
  {
    SQLite::Statement insert(database_, "INSERT INTO misfit VALUES (?)");
    for (const auto seq : misfits_) run(insert, seq);
  }
  database_.exec(
      "DELETE FROM payload WHERE seq NOT IN (SELECT seq FROM entry);"
      "DELETE FROM attempt WHERE seq NOT IN (SELECT seq FROM entry);"
      "UPDATE entry SET state = 2, reason = 'damaged' WHERE state = 0 AND"
      " (seq IN (SELECT seq FROM misfit) OR seq NOT IN (SELECT seq FROM payload));"
      "UPDATE entry SET payload_kept = seq IN (SELECT seq FROM payload)"
      " WHERE payload_kept <> (seq IN (SELECT seq FROM payload));"
      "UPDATE entry SET settled_at = NULL WHERE state = 0 AND settled_at IS NOT NULL;"
      "UPDATE entry SET body_bytes = (SELECT length(body) FROM payload"
      " WHERE payload.seq = entry.seq) WHERE state = 0 AND body_bytes <>"
      " (SELECT length(body) FROM payload WHERE payload.seq = entry.seq)");
  SQLite::Statement settle(
      database_, "UPDATE entry SET settled_at = ? WHERE state > 0 AND settled_at IS NULL");
  run(settle, now_);
}

/// Names that are lost are made up; whose entries they are shows in `outbox list` as held.
void SalvageFile::name_sources() {
  database_.exec(
      "UPDATE entry SET source_id = (SELECT ifnull(max(id), 0) + 1 FROM (SELECT id FROM source "
      "UNION ALL SELECT max(source_id) FROM entry)) WHERE source_id <= 0;"
      "INSERT OR IGNORE INTO source (id, name) SELECT DISTINCT source_id, 'salvaged_' || source_id "
      "FROM entry WHERE source_id NOT IN (SELECT id FROM source)");
}

void SalvageFile::write_meta() {
  Uuid bound;
  const auto limit = static_cast<std::uint64_t>(id_time_max.time_since_epoch().count());
  for (std::size_t i = 0; i < 6; ++i)
    bound.bytes[i] = static_cast<std::uint8_t>(limit >> (8 * (5 - i)));
  Uuid node = base::random_uuid();
  std::int64_t next_seq = 1 + query_number(database_, "SELECT ifnull(max(seq), 0) FROM entry");
  next_seq =
      std::max(next_seq, 1 + query_number(database_, "SELECT ifnull(max(seq), 0) FROM payload"));
  SQLite::Statement ids(database_, "SELECT max(id) FROM entry WHERE id < ?");
  {
    Use largest(ids, bound);
    if (largest.step() && !largest.is_null(0))
      last_id_ = std::max(last_id_, uuid_from(largest.column(0)));
  }
  counts_.entries =
      static_cast<std::uint64_t>(query_number(database_, "SELECT count(*) FROM entry"));
  if (meta_) {
    node = uuid_of(meta_->values[1]);
    counts_.node_kept = true;
    const auto stored_seq = number(meta_->values[2]);
    if (stored_seq > 0 && stored_seq <= seq_max) next_seq = std::max(next_seq, stored_seq);
    const Uuid stored_id = uuid_of(meta_->values[3]);
    if (stored_id < bound) last_id_ = std::max(last_id_, stored_id);
    std::uint64_t before = 0;
    for (std::size_t i = 4; i < 8; ++i)
      before += static_cast<std::uint64_t>(number(meta_->values[i]));
    counts_.missing = before - std::min(before, counts_.entries);
    if (before > static_cast<std::uint64_t>(next_seq)) counts_.missing.reset();
  }
  counts_.pending = static_cast<std::uint64_t>(
      query_number(database_, "SELECT count(*) FROM entry WHERE state = 0"));
  counts_.damaged = static_cast<std::uint64_t>(
      query_number(database_, "SELECT count(*) FROM entry WHERE state = 2 AND reason = 'damaged'"));
  SQLite::Statement insert(
      database_,
      "INSERT OR REPLACE INTO meta SELECT 1, ?, ?, ?, ifnull(sum(state = 0), 0), "
      "ifnull(sum(state = 1), 0), ifnull(sum(state = 2), 0), ifnull(sum(state = 3), 0), "
      "ifnull(sum(iif(state = 0, body_bytes, 0)), 0) FROM entry");
  run(insert, node, next_seq, last_id_);
}

}  // namespace holdfast::outbox
