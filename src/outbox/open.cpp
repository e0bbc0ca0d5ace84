#include "outbox/open.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <format>

#include "holdfast/failure.hpp"
#include "outbox/schema.hpp"
#include "outbox/sqlite.hpp"

namespace holdfast::outbox {
namespace {

/// A reader of another process should have ended its snapshot by then.
constexpr int open_busy_timeout_ms = 3000;
constexpr int write_busy_timeout_ms = 100;

/// After a crash the WAL may hold commits whose pages were written but never synced: after a power
/// cut they would be gone, though a retry of their senders has just been answered as a duplicate.
/// So all of it is synced into the database file before anybody is answered; docs/decisions/0002.
void checkpoint_recovered(Connection& connection, const OutboxFiles& files, bool left_open,
                          const LogSink& log) {
  connection.set_busy_timeout(open_busy_timeout_ms);
  const auto recovered = connection.checkpoint(CheckpointMode::passive);
  const auto emptied = connection.checkpoint(CheckpointMode::truncate);
  connection.set_busy_timeout(write_busy_timeout_ms);
  if (!emptied.complete)
    throw Error(
        {FailureKind::refused,
         std::format("opening outbox {}: another program reads it and keeps the WAL from being "
                     "emptied; end that program and start again",
                     files.database)});
  if (left_open)
    log({LogLevel::info,
         "outbox_recovered",
         "The outbox was not closed the last time; what its WAL held was synced.",
         {{"frames", std::to_string(recovered.wal_frames)}}});
}

/// A new file is made beside its place, and gets its name when it is whole and synced: a power cut
/// in between leaves nothing that the next start could take for a damaged outbox.
void make_new(const OutboxFiles& files, const std::string& vfs) {
  const std::string unfinished = files.database + ".new";
  for (const auto* suffix : {"", "-wal", "-shm", "-journal"})
    std::remove((unfinished + suffix).c_str());
  make_private_file(unfinished);
  {
    Connection connection(unfinished, vfs);
    migrate(connection.database());
    static_cast<void>(connection.checkpoint(CheckpointMode::truncate));
    connection.remove_wal_on_close();
  }
  sync_file(unfinished);
  // One of an older file would be rolled back into the new one.
  if (std::remove((files.database + "-journal").c_str()) == 0) sync_folder(files.folder);
  if (std::rename(unfinished.c_str(), files.database.c_str()) != 0)
    throw Error({FailureKind::refused,
                 std::format("making outbox {}: {}; let this user write to the folder of "
                             "outbox.path",
                             files.database, std::strerror(errno))});
  sync_folder(files.folder);
}

}  // namespace

std::unique_ptr<Connection> open_writer(const OutboxFiles& files, const std::string& vfs,
                                        bool checkpoint, const LogSink& log) {
  static_cast<void>(inspect_file(files.database, vfs));
  const bool left_open = file_size(files.wal) > 0;
  // SQLite would take a WAL without its database for rubbish, and empty it.
  if (left_open && file_size(files.database) == 0)
    throw Error({FailureKind::refused,
                 std::format("opening outbox {}: it is missing or empty, but {} holds entries; put "
                             "the file back, or move the -wal file aside and keep it",
                             files.database, files.wal)});
  if (file_size(files.database) == 0) make_new(files, vfs);
  narrow_modes(files);
  auto connection = std::make_unique<Connection>(files.database, vfs);
  // Another program may have kept the WAL-index alive that a process has left after a failed sync.
  if (left_open) connection->move_all_again();
  migrate(connection->database());
  if (checkpoint) checkpoint_recovered(*connection, files, left_open, log);
  connection->open_ahead();
  return connection;
}

Reader open_reader(const std::string& path, const std::string& vfs) {
  if (!file_exists(path))
    throw Error(
        {FailureKind::refused,
         std::format("reading outbox {}: there is no such file; check outbox.path, or start the "
                     "daemon once",
                     path)});
  auto database = open_read_only(read_only_uri(path), vfs);
  if (check_ours(database, path) == FileKind::fresh)
    throw Error({FailureKind::refused,
                 std::format("reading outbox {}: it is empty, no daemon has used it yet", path)});
  if (query_number(database, "PRAGMA user_version") < latest_version())
    throw Error(
        {FailureKind::refused,
         std::format("reading outbox {}: an older version wrote it; start the daemon of this "
                     "version once, which migrates it",
                     path)});
  return Reader(std::move(database));
}

}  // namespace holdfast::outbox
