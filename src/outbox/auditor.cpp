#include "outbox/auditor.hpp"

#include "outbox/sqlite.hpp"

namespace holdfast::outbox {

Auditor::Auditor(SQLite::Database& database)
    : insert_(database,
              "INSERT INTO audit (at, who, action, target, detail) VALUES (?, ?, ?, ?, ?)"),
      trim_(database, "DELETE FROM audit WHERE id <= (SELECT max(id) FROM audit) - ?"),
      pause_(database,
             "INSERT OR IGNORE INTO operator_pause (source, since, who) VALUES (?, ?, ?)"),
      resume_(database, "DELETE FROM operator_pause WHERE source = ?") {}

void Auditor::write(const AuditEvent& event, WallTime now) {
  run(insert_, now, event.who, event.action, event.target, event.detail);
  run(trim_, audit_events_max);
}

int Auditor::apply(NoteWork& work, WallTime now) {
  work.changed = true;
  if (work.paused) {
    const int rows =
        *work.paused ? run(pause_, work.source, now, work.event.who) : run(resume_, work.source);
    work.changed = rows > 0;
  }
  if (!work.changed) return 0;
  write(work.event, now);
  return 1;
}

std::vector<AuditEvent> read_audit(SQLite::Database& database, std::int64_t limit,
                                   std::int64_t before) {
  SQLite::Statement select(database,
                           "SELECT id, at, who, action, target, detail FROM audit WHERE id < ? "
                           "ORDER BY id DESC LIMIT ?");
  Use row(select, before, limit);
  std::vector<AuditEvent> events;
  while (row.step())
    events.push_back({row.column(0).getInt64(), time_from(row.column(1)), row.column(2).getString(),
                      row.column(3).getString(), row.column(4).getString(),
                      row.column(5).getString()});
  return events;
}

std::vector<OperatorPause> read_pauses(SQLite::Database& database) {
  SQLite::Statement select(database,
                           "SELECT source, since, who FROM operator_pause ORDER BY source");
  Use row(select);
  std::vector<OperatorPause> pauses;
  while (row.step()) {
    OperatorPause& pause = pauses.emplace_back();
    if (auto source = row.column(0).getString(); !source.empty()) pause.source = std::move(source);
    pause.since = time_from(row.column(1));
    pause.who = row.column(2).getString();
  }
  return pauses;
}

}  // namespace holdfast::outbox
