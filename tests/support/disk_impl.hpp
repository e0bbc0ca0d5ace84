#pragma once

#include <sqlite3.h>
#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "support/disk_record.hpp"
#include "support/disk_vfs.hpp"

namespace holdfast::support {

/// What DiskVfs and its table of file methods share.
class DiskVfs::Impl {
 public:
  /// What a dead process gets. After a full disk, unlike after an I/O error, an outbox closes its
  /// connection when it is destroyed, so that a thousand dead ones leave no descriptors behind.
  static constexpr int dead_code = SQLITE_FULL;

  enum class Kind { database, wal, journal, other };
  /// What SQLite sees as the file; the file of the default VFS follows it in memory.
  struct File {
    sqlite3_file base;
    Impl* owner;
    Kind kind;
    bool syncs_folder;         ///< The first sync of a new WAL or journal syncs its folder, too.
    std::uint64_t generation;  ///< Of the process that opened it.
    DiskRecord::FileId id;
  };

  Impl();
  ~Impl();
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  // ---- called by the methods of a file

  [[nodiscard]] int open(const char* path, sqlite3_file* file, int flags, int* out_flags);
  [[nodiscard]] int read(File& file, void* to, int bytes, sqlite3_int64 at);
  [[nodiscard]] int write(File& file, const void* from, int bytes, sqlite3_int64 at);
  [[nodiscard]] int truncate(File& file, sqlite3_int64 size);
  [[nodiscard]] int sync(File& file, int flags);
  [[nodiscard]] int remove(const char* path, int sync_folder);
  void note_close(const File& file);
  [[nodiscard]] bool is_dead(const File& file) const;

  // ---- called by DiskVfs

  void kill_process();
  void cut_power(std::uint64_t seed);

  mutable std::mutex mutex;
  // Guarded: any thread.
  struct Fault {
    Call call;
    Target target;
    int code;
    int passes;
    bool for_ever;
  };
  std::vector<Fault> faults;
  std::optional<std::uint64_t> room;
  std::function<void()> before_wal_sync;
  DiskRecord record;
  bool alive = true;
  std::map<std::string, ino_t> inodes;
  // Atomic: any thread.
  std::atomic<bool> shared_memory = true;
  std::atomic<bool> pretends_full = false;
  std::atomic<std::uint64_t> generation = 1;
  std::atomic<int> syncs = 0;
  std::atomic<int> writes = 0;
  std::atomic<int> database_closes = 0;
  // Constant after construction.
  std::string name;
  sqlite3_vfs* real;

 private:
  /// The methods that SQLite calls on a file, for one with or without shared memory.
  [[nodiscard]] static const sqlite3_io_methods* methods(bool shared_memory);
  [[nodiscard]] int judge(Call call, Kind kind);
  [[nodiscard]] DiskRecord::FileId adopt(const std::string& path, ino_t before);
  void kill_locked();

  sqlite3_vfs vfs_{};
};

/// The file of the default VFS behind one of ours.
inline sqlite3_file* real_file(sqlite3_file* file) {
  return reinterpret_cast<sqlite3_file*>(reinterpret_cast<char*>(file) +
                                         sizeof(DiskVfs::Impl::File));
}

}  // namespace holdfast::support
