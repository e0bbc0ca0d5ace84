#include "outbox/wal_vfs.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <format>
#include <memory>
#include <new>
#include <utility>

#include "holdfast/failure.hpp"

namespace holdfast::outbox {
namespace {

sqlite3_vfs* base_of(sqlite3_vfs* vfs) {
  return static_cast<sqlite3_vfs*>(vfs->pAppData);
}

/// The WAL, with what is not in the file yet. Behind it in memory is the underlying file.
struct WalFile : sqlite3_file {
  std::unique_ptr<char[]> buffer;
  std::int64_t begin = 0;  ///< Where in the file the buffer belongs.
  int used = 0;
  bool synced = false;  ///< Nothing was written since the last sync of ours.

  [[nodiscard]] sqlite3_file* base();
  [[nodiscard]] int flush();
  [[nodiscard]] int write(const char* bytes, int count, std::int64_t offset);
  [[nodiscard]] int write_through(const char* bytes, int count, std::int64_t offset);
  [[nodiscard]] int sync(int flags);
};

/// The underlying file begins here, aligned for whatever it is.
constexpr std::size_t base_offset = (sizeof(WalFile) + alignof(std::max_align_t) - 1) /
                                    alignof(std::max_align_t) * alignof(std::max_align_t);

sqlite3_file* WalFile::base() {
  return std::launder(reinterpret_cast<sqlite3_file*>(reinterpret_cast<char*>(this) + base_offset));
}

int WalFile::flush() {
  if (used == 0) return SQLITE_OK;
  // What could not be written is given up, as SQLite does with the transaction.
  const int count = std::exchange(used, 0);
  return write_through(buffer.get(), count, begin);
}

int WalFile::write_through(const char* bytes, int count, std::int64_t offset) {
  synced = false;
  return base()->pMethods->xWrite(base(), bytes, count, offset);
}

/// A checkpoint begins with a sync of the WAL, which its last commit has done already.
int WalFile::sync(int flags) {
  if (const int code = flush(); code != SQLITE_OK) return code;
  if (synced) return SQLITE_OK;
  const int code = base()->pMethods->xSync(base(), flags);
  synced = code == SQLITE_OK;
  return code;
}

int WalFile::write(const char* bytes, int count, std::int64_t offset) {
  const bool follows = used > 0 && offset == begin + used;
  if (!follows || used + count > WalVfs::buffer_bytes_max)
    if (const int code = flush(); code != SQLITE_OK) return code;
  if (count > WalVfs::buffer_bytes_max) return write_through(bytes, count, offset);
  if (used == 0) begin = offset;
  std::memcpy(buffer.get() + used, bytes, static_cast<std::size_t>(count));
  used += count;
  return SQLITE_OK;
}

WalFile& wal(sqlite3_file* file) {
  return *static_cast<WalFile*>(file);
}

/// Calls a method of the underlying file, which must have all that was written.
template <class Method, class... Args>
int flushed(sqlite3_file* file, Method sqlite3_io_methods::* method, Args... args) {
  if (const int code = wal(file).flush(); code != SQLITE_OK) return code;
  auto* base = wal(file).base();
  return (base->pMethods->*method)(base, args...);
}

template <class Method, class... Args>
int passed_on(sqlite3_file* file, Method sqlite3_io_methods::* method, Args... args) {
  auto* base = wal(file).base();
  return (base->pMethods->*method)(base, args...);
}

/// What a transaction that was given up has left behind is no use to anybody.
int close_wal(sqlite3_file* file) {
  const int code = passed_on(file, &sqlite3_io_methods::xClose);
  wal(file).~WalFile();
  file->pMethods = nullptr;
  return code;
}

const sqlite3_io_methods wal_methods{
    .iVersion = 1,
    .xClose = close_wal,
    .xRead =
        [](sqlite3_file* file, void* into, int count, sqlite3_int64 offset) {
          return flushed(file, &sqlite3_io_methods::xRead, into, count, offset);
        },
    .xWrite =
        [](sqlite3_file* file, const void* bytes, int count, sqlite3_int64 offset) {
          return wal(file).write(static_cast<const char*>(bytes), count, offset);
        },
    .xTruncate =
        [](sqlite3_file* file, sqlite3_int64 size) {
          wal(file).synced = false;
          return flushed(file, &sqlite3_io_methods::xTruncate, size);
        },
    .xSync = [](sqlite3_file* file, int flags) { return wal(file).sync(flags); },
    .xFileSize =
        [](sqlite3_file* file, sqlite3_int64* size) {
          return flushed(file, &sqlite3_io_methods::xFileSize, size);
        },
    .xLock = [](sqlite3_file* file,
                int level) { return passed_on(file, &sqlite3_io_methods::xLock, level); },
    .xUnlock = [](sqlite3_file* file,
                  int level) { return passed_on(file, &sqlite3_io_methods::xUnlock, level); },
    .xCheckReservedLock =
        [](sqlite3_file* file, int* reserved) {
          return passed_on(file, &sqlite3_io_methods::xCheckReservedLock, reserved);
        },
    .xFileControl =
        [](sqlite3_file* file, int what, void* argument) {
          return passed_on(file, &sqlite3_io_methods::xFileControl, what, argument);
        },
    .xSectorSize =
        [](sqlite3_file* file) { return passed_on(file, &sqlite3_io_methods::xSectorSize); },
    .xDeviceCharacteristics =
        [](sqlite3_file* file) {
          return passed_on(file, &sqlite3_io_methods::xDeviceCharacteristics);
        },
    // For the database file alone.
    .xShmMap = nullptr,
    .xShmLock = nullptr,
    .xShmBarrier = nullptr,
    .xShmUnmap = nullptr,
    .xFetch = nullptr,
    .xUnfetch = nullptr,
};

int open_file(sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags, int* out_flags) {
  auto* const base = base_of(vfs);
  if ((flags & SQLITE_OPEN_WAL) == 0) return base->xOpen(base, path, file, flags, out_flags);
  file->pMethods = nullptr;
  auto buffer = std::unique_ptr<char[]>(new (std::nothrow) char[WalVfs::buffer_bytes_max]);
  if (!buffer) return SQLITE_NOMEM;
  auto* const opened = new (file) WalFile{};
  auto* const under = opened->base();
  under->pMethods = nullptr;
  const int code = base->xOpen(base, path, under, flags, out_flags);
  if (code != SQLITE_OK) {
    // SQLite closes what has methods, and nothing else.
    if (under->pMethods != nullptr) under->pMethods->xClose(under);
    opened->~WalFile();
    file->pMethods = nullptr;
    return code;
  }
  opened->buffer = std::move(buffer);
  opened->pMethods = &wal_methods;
  return SQLITE_OK;
}

}  // namespace

WalVfs::WalVfs(const std::string& base) {
  static std::atomic<std::uint64_t> made{0};
  auto* const under = sqlite3_vfs_find(base.empty() ? nullptr : base.c_str());
  if (under == nullptr)
    throw Error({FailureKind::refused, std::format("opening outbox: SQLite has no VFS {}", base)});
  name_ = std::format("holdfast-wal-{}", ++made);
  vfs_.iVersion = std::min(under->iVersion, 2);
  vfs_.szOsFile = static_cast<int>(base_offset) + under->szOsFile;
  vfs_.mxPathname = under->mxPathname;
  vfs_.zName = name_.c_str();
  vfs_.pAppData = under;
  vfs_.xOpen = open_file;
  vfs_.xDelete = [](sqlite3_vfs* vfs, const char* path, int sync) {
    return base_of(vfs)->xDelete(base_of(vfs), path, sync);
  };
  vfs_.xAccess = [](sqlite3_vfs* vfs, const char* path, int flags, int* result) {
    return base_of(vfs)->xAccess(base_of(vfs), path, flags, result);
  };
  vfs_.xFullPathname = [](sqlite3_vfs* vfs, const char* path, int count, char* full) {
    return base_of(vfs)->xFullPathname(base_of(vfs), path, count, full);
  };
  vfs_.xRandomness = [](sqlite3_vfs* vfs, int count, char* bytes) {
    return base_of(vfs)->xRandomness(base_of(vfs), count, bytes);
  };
  vfs_.xSleep = [](sqlite3_vfs* vfs, int microseconds) {
    return base_of(vfs)->xSleep(base_of(vfs), microseconds);
  };
  vfs_.xCurrentTime = [](sqlite3_vfs* vfs, double* now) {
    return base_of(vfs)->xCurrentTime(base_of(vfs), now);
  };
  vfs_.xGetLastError = [](sqlite3_vfs* vfs, int count, char* text) {
    return base_of(vfs)->xGetLastError(base_of(vfs), count, text);
  };
  if (vfs_.iVersion >= 2)
    vfs_.xCurrentTimeInt64 = [](sqlite3_vfs* vfs, sqlite3_int64* now) {
      return base_of(vfs)->xCurrentTimeInt64(base_of(vfs), now);
    };
  if (sqlite3_vfs_register(&vfs_, 0) != SQLITE_OK) throw std::bad_alloc();
}

WalVfs::~WalVfs() {
  sqlite3_vfs_unregister(&vfs_);
}

}  // namespace holdfast::outbox
