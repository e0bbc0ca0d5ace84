#include "outbox/settler.hpp"

#include <algorithm>
#include <cstddef>
#include <span>

#include "base/check.hpp"
#include "outbox/sqlite.hpp"

namespace holdfast::outbox {
namespace {

constexpr const char* update_sql =
    "UPDATE entry SET state = ?, settled_at = ?, reason = ?, sqlstate = ?, constraint_name = ?, "
    "error = ?, duplicate_of = ? WHERE seq = ? AND state = 0 RETURNING body_bytes";

constexpr const char* measure_range_sql =
    "SELECT count(*), ifnull(sum(body_bytes), 0) FROM entry WHERE seq BETWEEN ? AND ? AND state = "
    "0";

constexpr const char* deliver_range_sql =
    "UPDATE entry SET state = 1, settled_at = ?, reason = NULL, sqlstate = NULL, constraint_name = "
    "NULL, error = NULL, duplicate_of = NULL WHERE seq BETWEEN ? AND ? AND state = 0";

constexpr const char* insert_attempt_sql =
    "INSERT INTO attempt (seq, number, at, sqlstate, class, error) "
    "SELECT seq, (SELECT 1 + ifnull(max(number), 0) FROM attempt WHERE seq = entry.seq), ?, ?, ?, "
    "? "
    "FROM entry WHERE seq = ? AND state = 0";

constexpr const char* trim_attempts_sql =
    "DELETE FROM attempt WHERE seq = ?1 AND number <= "
    "(SELECT max(number) FROM attempt WHERE seq = ?1) - ?2";

/// Nothing but delivered, as nearly all are.
bool is_plain(const Settlement& settlement) {
  return settlement.state == EntryState::delivered && !settlement.duplicate_of;
}

/// How many from the first on are plainly delivered and follow each other without a gap.
std::size_t range_length(std::span<const Settlement> settlements) {
  std::size_t length = 0;
  while (length < settlements.size() && is_plain(settlements[length]) &&
         (length == 0 || settlements[length].seq == settlements[length - 1].seq + 1))
    ++length;
  return length;
}

}  // namespace

Settler::Settler(SQLite::Database& database)
    : update_(database, update_sql),
      measure_range_(database, measure_range_sql),
      deliver_range_(database, deliver_range_sql),
      insert_attempt_(database, insert_attempt_sql),
      trim_attempts_(database, trim_attempts_sql) {}

int Settler::apply(const SettleWork& work, WallTime now, Meta& meta) {
  int changed = 0;
  // Tries first: the last one may be what settles the entry in this same call.
  for (const auto& attempt : work.attempts) changed += record(attempt);
  for (std::span<const Settlement> left(work.settlements); !left.empty();) {
    const std::size_t together = range_length(left);
    changed += together > 0 ? deliver_range(left.front().seq, left[together - 1].seq, now, meta)
                            : settle(left.front(), now, meta);
    left = left.subspan(std::max<std::size_t>(together, 1));
  }
  return changed;
}

int Settler::deliver_range(std::int64_t first_seq, std::int64_t last_seq, WallTime now,
                           Meta& meta) {
  std::uint64_t body_bytes = 0;
  {
    Use measure(measure_range_, first_seq, last_seq);
    if (!measure.step() || measure.column(0).getInt64() == 0) return 0;
    body_bytes = static_cast<std::uint64_t>(measure.column(1).getInt64());
  }
  const int changed = run(deliver_range_, now, first_seq, last_seq);
  meta.move(body_bytes, EntryState::pending, EntryState::delivered,
            static_cast<std::uint64_t>(changed));
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
