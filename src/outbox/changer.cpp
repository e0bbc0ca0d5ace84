#include "outbox/changer.hpp"

#include <algorithm>
#include <cstdint>
#include <string>

#include "outbox/sqlite.hpp"

namespace holdfast::outbox {
namespace {

constexpr const char* find_sql =
    "SELECT seq, state, body_bytes, payload_kept FROM entry WHERE id = ?";
// Its attempts stay: they say what was tried before.
constexpr const char* reopen_sql =
    "UPDATE entry SET state = 0, settled_at = NULL, reason = NULL, sqlstate = NULL, "
    "constraint_name = NULL, error = NULL WHERE seq = ?";
// Of a dead one SQLSTATE and error stay: they say why it was given up.
constexpr const char* discard_sql =
    "UPDATE entry SET state = 3, settled_at = ?, reason = ? WHERE seq = ?";
// An error message may quote a value. What was delivered stays so, at its own time.
constexpr const char* erase_sql =
    "UPDATE entry SET state = ?, settled_at = ifnull(settled_at, ?), payload_kept = 0, "
    "reason = ?, error = NULL WHERE seq = ?";

/// Free pages that an erasure overwrites at most: all of them go through the WAL, while appends
/// wait.
constexpr std::int64_t scrubbed_bytes_max = 64 * 1024 * 1024;

/// While it lives, what is deleted is overwritten in the file, whatever that costs.
class SecureDelete {
 public:
  explicit SecureDelete(SQLite::Database& database) : database_(database) {
    database_.exec("PRAGMA secure_delete = ON");
  }
  ~SecureDelete() { database_.tryExec("PRAGMA secure_delete = FAST"); }
  SecureDelete(const SecureDelete&) = delete;
  SecureDelete& operator=(const SecureDelete&) = delete;

 private:
  SQLite::Database& database_;
};

}  // namespace

struct Changer::Found {
  std::int64_t seq = 0;
  EntryState state = EntryState::pending;
  std::uint64_t body_bytes = 0;
  bool payload_kept = false;
};

namespace {

/// Which states a change is for.
bool applies(EntryAction action, EntryState state, bool payload_kept) {
  switch (action) {
    case EntryAction::retry: return state == EntryState::dead && payload_kept;
    case EntryAction::discard: return state == EntryState::pending || state == EntryState::dead;
    case EntryAction::erase: return payload_kept;
  }
  return false;
}

}  // namespace

Changer::Changer(SQLite::Database& database)
    : database_(database),
      find_(database, find_sql),
      reopen_(database, reopen_sql),
      discard_(database, discard_sql),
      erase_(database, erase_sql),
      fill_payload_(database,
                    "INSERT INTO payload (seq, method, target, remote_address, content_type, "
                    "headers, body) VALUES (?, '', '', '', '', ?, zeroblob(?))"),
      erase_payload_(database, "DELETE FROM payload WHERE seq = ?"),
      erase_attempts_(database, "DELETE FROM attempt WHERE seq = ?") {}

int Changer::apply(ChangeWork& work, WallTime now, Meta& meta) {
  work.changes.clear();
  int changed = 0;
  for (const Uuid& id : work.ids) {
    work.changes.push_back(change(work.action, id, now, meta));
    if (work.changes.back().changed) ++changed;
  }
  return changed;
}

EntryChange Changer::change(EntryAction action, const Uuid& id, WallTime now, Meta& meta) {
  Found found;
  {
    Use row(find_, id);
    if (!row.step()) return {};
    found = {row.column(0).getInt64(), static_cast<EntryState>(row.column(1).getInt()),
             static_cast<std::uint64_t>(row.column(2).getInt64()), row.column(3).getInt() != 0};
  }
  EntryChange change{found.state, applies(action, found.state, found.payload_kept),
                     found.payload_kept};
  if (!change.changed) return change;
  static const std::string discarded = discarded_by_operator;
  switch (action) {
    case EntryAction::retry:
      meta.move(found.body_bytes, found.state, EntryState::pending);
      run(reopen_, found.seq);
      break;
    case EntryAction::discard:
      meta.move(found.body_bytes, found.state, EntryState::discarded);
      run(discard_, now, discarded, found.seq);
      break;
    case EntryAction::erase: erase(found, now, meta); break;
  }
  return change;
}

void Changer::erase(const Found& found, WallTime now, Meta& meta) {
  const SecureDelete secure(database_);
  const bool delivered = found.state == EntryState::delivered;
  const auto to = delivered ? EntryState::delivered : EntryState::discarded;
  if (to != found.state) meta.move(found.body_bytes, found.state, to);
  run(erase_payload_, found.seq);
  run(erase_attempts_, found.seq);
  static const std::string erased = erased_by_operator;
  run(erase_, static_cast<std::int64_t>(to), now, erased, found.seq);
  scrub_free_pages();
}

/// A row moves to other pages as its neighbours come and go, and the pages that it left are free
/// but still hold it. So an overflow chain of zeros takes all that are free, and gives them back.
void Changer::scrub_free_pages() {
  const auto page_bytes = query_number(database_, "PRAGMA page_size");
  const auto free_bytes = query_number(database_, "PRAGMA freelist_count") * page_bytes;
  if (free_bytes == 0) return;
  static const std::string nothing;
  constexpr std::int64_t no_seq = 0;
  run(fill_payload_, no_seq, Blob{nothing}, std::min(free_bytes, scrubbed_bytes_max));
  run(erase_payload_, no_seq);
}

}  // namespace holdfast::outbox
