#include "outbox/open_ledger.hpp"

#include <sqlite3.h>

#include <format>
#include <optional>

#include "outbox/damage.hpp"
#include "outbox/open.hpp"
#include "outbox/salvage.hpp"
#include "outbox/schema.hpp"
#include "outbox/sqlite.hpp"

namespace holdfast::outbox {
namespace {

/// An outbox has no journal of its own, but a program that somebody used on it may have been cut
/// short. SQLite takes back what that had half done when it may write, and reads nothing before.
void roll_back_journal(const LedgerSetup& setup) {
  const auto& path = setup.files.database;
  if (file_size(path + "-journal") == 0 || !has_our_mark(FileSource(path))) return;
  SQLite::Database database(path, SQLite::OPEN_READWRITE | SQLite::OPEN_NOMUTEX, 0, setup.vfs);
  static_cast<void>(query_number(database, "SELECT count(*) FROM sqlite_schema"));
}

/// Looks for damage before anything is written, so that what is put aside is what was found.
void look(const LedgerSetup& setup, bool whole) {
  const auto& files = setup.files;
  if (file_size(files.database) == 0) return;
  roll_back_journal(setup);
  const auto found = [](const std::string& what) { return Error({FailureKind::broken, what}); };
  if (const auto what = find_silent_damage(files)) throw found(*what);
  if (inspect_file(files.database, setup.vfs) == FileKind::fresh) return;
  const auto immutable = file_size(files.wal) == 0 ? Immutable::yes : Immutable::no;
  auto database = open_read_only(read_only_uri(files.database, immutable), setup.vfs);
  if (query_number(database, "PRAGMA user_version") < latest_version()) return;
  probe_trees(database);
  if (!whole) return;
  if (const auto what = find_damage(database)) throw found(*what);
  setup.log({LogLevel::info,
             "outbox_checked",
             "The last use of the outbox ended with an error; all of it was read, and it is sound.",
             {}});
}

std::unique_ptr<Ledger> try_open(const LedgerSetup& setup, bool whole) {
  look(setup, whole);
  auto connection = open_writer(setup.files, setup.vfs, setup.checkpoint, setup.log);
  auto ledger =
      std::make_unique<Ledger>(std::move(connection), setup.files, setup.config, setup.clock);
  static_cast<void>(ledger->retention_due());
  return ledger;
}

void report(const LedgerSetup& setup, const SalvageReport& done, const std::string& cause) {
  const auto& counts = done.counts;
  setup.log({LogLevel::error,
             "outbox_salvaged",
             "The outbox was damaged. What can be read of it was taken into a new one, which is in "
             "use; the damaged file is kept: see \"The outbox is damaged\" in docs/operations.md.",
             {{"cause", cause},
              {"damaged_file", done.damaged_file},
              {"entries", std::to_string(counts.entries)},
              {"pending", std::to_string(counts.pending)},
              {"damaged", std::to_string(counts.damaged)},
              {"missing", counts.missing ? std::to_string(*counts.missing) : "unknown"},
              {"node_kept", counts.node_kept ? "true" : "false"}}});
}

/// Nothing can bring a WAL back, but nobody shall believe that nothing is missing.
void warn_of_lost_wal(const LedgerSetup& setup, LastUse last) {
  const auto& files = setup.files;
  if (last != LastUse::open && last != LastUse::suspect) return;
  if (file_exists(files.wal) && file_exists(files.database)) return;
  setup.log(
      {LogLevel::error,
       "outbox_file_missing",
       "The outbox was not closed the last time, and one of its files is gone since: what only "
       "that file held is missing. Put it back if it was moved.",
       {{"file", file_exists(files.database) ? files.wal : files.database}}});
}

void remind(const LedgerSetup& setup) {
  const auto kept = damaged_files(setup.files);
  if (kept.empty()) return;
  setup.log({LogLevel::warn,
             "outbox_damaged_file_kept",
             "A damaged outbox lies beside the one in use; move it away once it is looked into.",
             {{"files", std::to_string(kept.size())}, {"newest", kept.back()}}});
}

}  // namespace

std::unique_ptr<Ledger> open_ledger(const LedgerSetup& setup) {
  if (finish_salvage(setup.files))
    setup.log({LogLevel::error,
               "outbox_salvaged",
               "The outbox was damaged, and the start that salvaged it was cut short; this one has "
               "finished it.",
               {}});
  const LastUse last = setup.state.read();
  warn_of_lost_wal(setup, last);
  std::string cause;
  try {
    auto ledger = try_open(setup, last == LastUse::suspect);
    remind(setup);
    return ledger;
  } catch (const SQLite::Exception& error) {
    // No statement of ours is wrong by itself: the schema is.
    if (!is_damage(error) && error.getErrorCode() != SQLITE_ERROR) throw;
    cause = error.getErrorStr();
  } catch (const Error& error) {
    if (error.failure().kind != FailureKind::broken) throw;
    cause = error.failure().message;
  }
  const auto done = salvage(setup.files, setup.clock.wall_now());
  report(setup, done, cause);
  return try_open(setup, false);
}

}  // namespace holdfast::outbox
