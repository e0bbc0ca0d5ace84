#pragma once

#include <sqlite3.h>

#include <string>

namespace holdfast::outbox {

/// What SQLite writes into the WAL goes to the file in one piece, at the sync. SQLite writes the 24
/// bytes before each page by themselves, and the page: with 20 pages a commit that is 40 calls.
///
/// A sync of what its last sync has brought to the disk already does nothing: with that each
/// checkpoint begins, behind a commit.
///
/// Only of the WAL: of the database SQLite publishes what a checkpoint has moved without a sync
/// where a reader has cut it short.
///
/// Nobody can tell the difference: readers look at frames only after the commit that ends with the
/// sync, and who reads, measures or cuts the file meanwhile through this VFS finds it written. A
/// write that fails is told by the sync instead, with its own code: then the commit mark, the last
/// of what is written, is not in the file. Other files than the WAL are the underlying VFS's own.
///
/// Threads:  as its connection, which must be closed before this goes.
class WalVfs {
 public:
  /// \param base  Name of the underlying VFS; empty: SQLite's default.
  ///
  /// Errors:   throws Error (refused) if there is no such VFS.
  explicit WalVfs(const std::string& base);
  ~WalVfs();
  WalVfs(const WalVfs&) = delete;
  WalVfs& operator=(const WalVfs&) = delete;

  /// What to open the connection with.
  [[nodiscard]] const std::string& name() const { return name_; }

  /// What is put together at most; more is written before. SQLite's own VFS for Unix takes no more
  /// than 128 KiB - 1 at once: of 128 KiB it would write nothing, and report a full disk.
  static constexpr int buffer_bytes_max = 120 * 1024;

 private:
  std::string name_;
  sqlite3_vfs vfs_{};
};

}  // namespace holdfast::outbox
