#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace holdfast::support {

/// The seam for everything that a disk does: the default VFS with faults, with a record of every
/// write, and with power cuts made from that record.
///
/// Files stay real files in a real folder, because the outbox also looks at them by stat. Beside
/// them the record knows, of the database, its WAL and its journal, what was synced and what was
/// only written since: after a power cut any part of the latter may be on disk, each 512-byte
/// sector of a write by itself, and so may a change of a file's size, its making and its removal.
/// What others do to the files, outside of this VFS, counts as synced when they are next opened.
///
/// Threads:  any; the record has a lock of its own.
class DiskVfs {
 public:
  enum class Call { open, read, write, truncate, sync, remove };
  enum class Target { database, wal };

  DiskVfs();
  ~DiskVfs();
  DiskVfs(const DiskVfs&) = delete;
  DiskVfs& operator=(const DiskVfs&) = delete;
  /// The name to give to Outbox::Dependencies::vfs.
  [[nodiscard]] const std::string& name() const;

  // ---- faults

  /// From now on the calls of this kind after the next `passes` ones give `code` (SQLITE_IOERR_…,
  /// SQLITE_FULL, …) and do nothing; for ever, or once. Several may be armed.
  void fail(Call call, Target target, int code, int passes = 0, bool for_ever = true);
  /// Writes that would make the files together larger than this give SQLITE_FULL; nullopt: any
  /// size.
  void set_room(std::optional<std::uint64_t> bytes);
  /// No fault any more.
  void heal();
  /// Called before each sync of the WAL.
  void before_wal_sync(std::function<void()> callback);
  /// Files opened from now on have no shared memory, so that WAL cannot be had.
  void without_shared_memory();
  /// From now on `PRAGMA synchronous` reads back as FULL, and is NORMAL: commits are not synced.
  void pretend_full_synchronous();

  // ---- what happened

  [[nodiscard]] int syncs() const;
  [[nodiscard]] int writes() const;
  [[nodiscard]] int database_closes() const;

  // ---- crashes

  /// Number of recorded operations so far. A crash can be at each of them, and between two.
  [[nodiscard]] std::uint64_t position() const;
  /// Images can be had from here on: after 64 MiB the oldest half of the record is merged, and all
  /// of it at a cut.
  [[nodiscard]] std::uint64_t first_position() const;
  /// The positions right after a sync.
  [[nodiscard]] std::vector<std::uint64_t> sync_positions() const;

  /// What may be found after the power went at `position`: the synced state, with a subset chosen
  /// by `seed` of what was unsynced. Seed 0: nothing of it; seed 1: all of it (the page cache was
  /// written out just in time); others: each sector of each write by the toss of a coin.
  /// A file that is not there is left out.
  /// Names are the database's, and "-wal" or "-journal" after it, without the folder.
  [[nodiscard]] std::map<std::string, std::string> image(std::uint64_t position,
                                                         std::uint64_t seed) const;

  /// The process is dead from now on: nothing that open handles still do reaches a file, and all of
  /// it gives SQLITE_FULL, after which an outbox closes its connection when it is destroyed (after
  /// an I/O error it would give it up, with its descriptors). What was written stays in the page
  /// cache, synced or not. The next process may live beside handles that are still open.
  void kill_process();
  /// The power is gone, too: the files in the folder become image(position(), seed), and all of it
  /// counts as synced. Implies kill_process.
  void cut_power(std::uint64_t seed);
  /// Another process may open the files.
  void start_process();

  class Impl;

 private:
  friend class Impl;
  class Methods;
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::support
