#include "outbox/changer.hpp"

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

/// Which states a change is for.
bool applies(EntryState from, EntryState to) {
  if (from == EntryState::dead) return true;
  return from == EntryState::pending && to == EntryState::discarded;
}

}  // namespace

Changer::Changer(SQLite::Database& database)
    : find_(database, find_sql), reopen_(database, reopen_sql), discard_(database, discard_sql) {}

int Changer::apply(ChangeWork& work, WallTime now, Meta& meta) {
  work.change = {};
  Use found(find_, work.id);
  if (!found.step()) return 0;
  const auto seq = found.column(0).getInt64();
  const auto from = static_cast<EntryState>(found.column(1).getInt());
  const auto body_bytes = static_cast<std::uint64_t>(found.column(2).getInt64());
  const bool payload_kept = found.column(3).getInt() != 0;
  work.change.found = from;
  if (!applies(from, work.to)) return 0;
  if (work.to == EntryState::pending && !payload_kept) return 0;  // Nothing to deliver any more.
  work.change.changed = true;
  meta.move(body_bytes, from, work.to);
  if (work.to == EntryState::pending) return run(reopen_, seq);
  static const std::string reason = discarded_by_operator;
  return run(discard_, now, reason, seq);
}

}  // namespace holdfast::outbox
