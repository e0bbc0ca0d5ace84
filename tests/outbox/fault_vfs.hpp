#pragma once

#include <sqlite3.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>

namespace holdfast::outbox_tests {

/// Which call of SQLite to its file system a fault is about.
enum class FileCall { write, sync };
enum class FileTarget { database, wal };

/// The default VFS with faults: the seam for what a disk does wrong.
class FaultVfs {
 public:
  FaultVfs();
  ~FaultVfs();
  FaultVfs(const FaultVfs&) = delete;
  FaultVfs& operator=(const FaultVfs&) = delete;
  [[nodiscard]] const std::string& name() const { return name_; }

  /// From now on the calls of this kind after the next `passes` ones give `code`; for ever, or
  /// once.
  void fail(FileCall call, FileTarget target, int code, int passes = 0, bool for_ever = true);
  void heal() { code_ = SQLITE_OK; }
  /// Called before each sync of the WAL.
  void before_wal_sync(std::function<void()> callback) { before_wal_sync_ = std::move(callback); }
  /// Files opened from now on have no shared memory, so that WAL cannot be had.
  void without_shared_memory() { shared_memory_ = false; }

  [[nodiscard]] int syncs() const { return syncs_; }
  [[nodiscard]] int writes() const { return writes_; }
  [[nodiscard]] int database_closes() const { return database_closes_; }

 private:
  struct File;
  struct Methods;
  [[nodiscard]] int judge(FileCall call, FileTarget target);

  std::string name_;
  sqlite3_vfs* real_;
  sqlite3_vfs vfs_{};
  FileCall call_ = FileCall::write;
  FileTarget target_ = FileTarget::database;
  std::atomic<int> code_ = SQLITE_OK;
  std::atomic<int> passes_ = 0;
  bool for_ever_ = true;
  bool shared_memory_ = true;
  std::function<void()> before_wal_sync_;
  std::atomic<int> syncs_ = 0;
  std::atomic<int> writes_ = 0;
  std::atomic<int> database_closes_ = 0;
};

}  // namespace holdfast::outbox_tests
