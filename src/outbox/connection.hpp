#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstdint>
#include <memory>
#include <string>

#include "outbox/early_sync.hpp"
#include "outbox/read_mark.hpp"
#include "outbox/wal_vfs.hpp"

namespace holdfast::outbox {

/// What a checkpoint came to.
struct CheckpointResult {
  bool complete = false;        ///< All of the WAL is in the database file, which is synced.
  std::int64_t wal_frames = 0;  ///< Frames that were in the WAL.
};
enum class CheckpointMode {
  partial,   ///< Moves what was committed before the mark, and syncs nothing.
  passive,   ///< Moves what it can without waiting for readers.
  truncate,  ///< Waits for readers up to the busy timeout, then empties the WAL file.
};

/// The one connection that writes and checkpoints. SQLite up to 3.51.2 can lose commits when one
/// connection checkpoints while another commits (sqlite.org/wal.html#walresetbug), so there is no
/// second writer, no automatic checkpoint and no mmap; docs/decisions/0002.
///
/// Threads:  one at a time: who opens, then the writer, then who closes.
/// Errors:   throws SQLite::Exception, but for what is said below.
class Connection {
 public:
  /// Opens for writing and sets the pragmas that the promises rest on.
  /// Errors:   throws Error (refused) if one of them is not in force when read back.
  Connection(const std::string& path, const std::string& vfs);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  [[nodiscard]] SQLite::Database& database() { return database_; }

  /// Starts a transaction that becomes a writing one with its first change.
  void begin();
  /// Promise:  what changed is on disk when this returns.
  void commit();
  /// What is committed from here on stays out of the next partial checkpoint. Does nothing while
  /// there is a mark; without memory or descriptors there is none.
  void mark() noexcept { mark_.set(); }
  [[nodiscard]] bool is_marked() const { return mark_.is_set(); }
  /// Takes back what SQLite has not taken back itself; touches no file.
  void rollback() noexcept;

  /// Each takes the mark away.
  [[nodiscard]] CheckpointResult checkpoint(CheckpointMode mode);
  /// Opens what marks and early syncs need, so that they do without descriptors later.
  /// Errors:   none: what cannot be opened is done without.
  void open_ahead() noexcept;
  /// From here on a thread of its own syncs what partial checkpoints have moved. If that fails, the
  /// next commit or checkpoint throws.
  /// Errors:   none: without a thread nothing is synced early.
  void sync_early() noexcept;
  /// Nothing more is synced early, since something has failed.
  void give_up() noexcept;
  /// The next checkpoint moves all of the WAL, also what is said to have been moved: that it was
  /// synced is known to whoever moved it, who may have ended by that sync.
  void move_all_again();
  /// Lets the destructor remove the emptied WAL. Until then it closes without a checkpoint, since
  /// after a failed sync nothing may be synced again, whatever way an error takes.
  void remove_wal_on_close();
  /// How long a checkpoint waits for readers, and a commit for a foreign writer.
  void set_busy_timeout(int milliseconds) { database_.setBusyTimeout(milliseconds); }

  /// Pages in use, inside the open transaction if there is one.
  [[nodiscard]] std::uint64_t used_bytes();
  /// Pages on the free list, likewise.
  [[nodiscard]] std::uint64_t free_page_bytes();
  /// Bytes in the WAL that no checkpoint has moved to the database file yet.
  [[nodiscard]] std::uint64_t unmoved_wal_bytes() const;
  /// Bytes of all frames since the WAL last began anew, moved or not.
  [[nodiscard]] std::uint64_t wal_frame_bytes() const;

 private:
  /// How far the WAL is; fed by the hook that SQLite calls after each commit.
  struct WalProgress {
    std::int64_t frames = 0;
    std::int64_t moved_frames = 0;
  };
  void require_early_syncs() const;
  static int remember(void* progress, sqlite3*, const char*, int frames);

  const std::string path_;
  const std::string base_vfs_;
  WalVfs vfs_;
  SQLite::Database database_;
  std::unique_ptr<WalProgress> wal_;  ///< Apart: SQLite keeps its address.
  SQLite::Statement begin_;
  SQLite::Statement commit_;
  SQLite::Statement page_count_;
  SQLite::Statement free_count_;
  std::int64_t page_bytes_;
  ReadMark mark_;
  std::unique_ptr<EarlySync> early_sync_;  ///< Empty: none.
};

}  // namespace holdfast::outbox
