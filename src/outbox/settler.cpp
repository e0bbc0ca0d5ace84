#include "outbox/settler.hpp"

#include "base/check.hpp"
#include "outbox/sqlite.hpp"

namespace holdfast::outbox {
namespace {

constexpr const char* update_sql =
    "UPDATE entry SET state = ?, settled_at = ?, reason = ?, sqlstate = ?, constraint_name = ?, "
    "error = ?, duplicate_of = ? WHERE seq = ? AND state = 0 RETURNING body_bytes";

constexpr const char* insert_attempt_sql =
    "INSERT INTO attempt (seq, number, at, sqlstate, class, error) "
    "SELECT seq, (SELECT 1 + ifnull(max(number), 0) FROM attempt WHERE seq = entry.seq), ?, ?, ?, "
    "? "
    "FROM entry WHERE seq = ? AND state = 0";

constexpr const char* trim_attempts_sql =
    "DELETE FROM attempt WHERE seq = ?1 AND number <= "
    "(SELECT max(number) FROM attempt WHERE seq = ?1) - ?2";

}  // namespace

Settler::Settler(SQLite::Database& database)
    : update_(database, update_sql),
      insert_attempt_(database, insert_attempt_sql),
      trim_attempts_(database, trim_attempts_sql) {}

int Settler::apply(const SettleWork& work, WallTime now, Meta& meta) {
  int changed = 0;
  // Tries first: the last one may be what settles the entry in this same call.
  for (const auto& attempt : work.attempts) changed += record(attempt);
  for (const auto& settlement : work.settlements) changed += settle(settlement, now, meta);
  return changed;
}

int Settler::settle(const Settlement& settlement, WallTime now, Meta& meta) {
  HOLDFAST_CHECK(settlement.state != EntryState::pending, "settling an entry as pending");
  // What went wrong belongs to entries set aside; a delivered one may have failed before.
  static constexpr std::optional<std::string> none;
  const bool aside = settlement.state != EntryState::delivered;
  Use update(update_, static_cast<std::int64_t>(settlement.state), now,
             aside ? settlement.reason : none, aside ? settlement.sqlstate : none,
             aside ? settlement.constraint : none, aside ? settlement.error : none,
             settlement.duplicate_of, settlement.seq);
  if (!update.step()) return 0;
  const auto body_bytes = update.column(0).getInt64();
  // To the end: only a statement that is done has surely changed the table.
  while (update.step()) {
  }
  meta.move(static_cast<std::uint64_t>(body_bytes), EntryState::pending, settlement.state);
  return 1;
}

int Settler::record(const AttemptRecord& record) {
  const auto& attempt = record.attempt;
  const int inserted = run(insert_attempt_, attempt.at, attempt.sqlstate, attempt.error_class,
                           attempt.error, record.seq);
  if (inserted > 0) run(trim_attempts_, record.seq, attempts_kept_max);
  return inserted;
}

}  // namespace holdfast::outbox
