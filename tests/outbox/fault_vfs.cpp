#include "fault_vfs.hpp"

#include <new>

namespace holdfast::outbox_tests {

/// What SQLite sees as the file; the file of the default VFS follows it in memory.
struct FaultVfs::File {
  sqlite3_file base;
  FaultVfs* owner;
  FileTarget target;
  bool counted;  ///< Database or WAL of the outbox; all else passes through.

  static File& of(sqlite3_file* file) { return *reinterpret_cast<File*>(file); }
  static sqlite3_file* real(sqlite3_file* file) {
    return reinterpret_cast<sqlite3_file*>(reinterpret_cast<char*>(file) + sizeof(File));
  }
};

struct FaultVfs::Methods {
  static int close(sqlite3_file* file) {
    const auto& own = File::of(file);
    if (own.counted && own.target == FileTarget::database) ++own.owner->database_closes_;
    auto* real = File::real(file);
    return real->pMethods->xClose(real);
  }
  static int read(sqlite3_file* file, void* to, int bytes, sqlite3_int64 at) {
    auto* real = File::real(file);
    return real->pMethods->xRead(real, to, bytes, at);
  }
  static int write(sqlite3_file* file, const void* from, int bytes, sqlite3_int64 at) {
    const auto& own = File::of(file);
    if (own.counted) {
      ++own.owner->writes_;
      if (const int code = own.owner->judge(FileCall::write, own.target); code != SQLITE_OK)
        return code;
    }
    auto* real = File::real(file);
    return real->pMethods->xWrite(real, from, bytes, at);
  }
  static int truncate(sqlite3_file* file, sqlite3_int64 size) {
    auto* real = File::real(file);
    return real->pMethods->xTruncate(real, size);
  }
  static int sync(sqlite3_file* file, int flags) {
    const auto& own = File::of(file);
    if (own.counted) {
      ++own.owner->syncs_;
      if (own.target == FileTarget::wal && own.owner->before_wal_sync_)
        own.owner->before_wal_sync_();
      if (const int code = own.owner->judge(FileCall::sync, own.target); code != SQLITE_OK)
        return code;
    }
    auto* real = File::real(file);
    return real->pMethods->xSync(real, flags);
  }
  static int file_size(sqlite3_file* file, sqlite3_int64* size) {
    auto* real = File::real(file);
    return real->pMethods->xFileSize(real, size);
  }
  static int lock(sqlite3_file* file, int level) {
    auto* real = File::real(file);
    return real->pMethods->xLock(real, level);
  }
  static int unlock(sqlite3_file* file, int level) {
    auto* real = File::real(file);
    return real->pMethods->xUnlock(real, level);
  }
  static int check_reserved_lock(sqlite3_file* file, int* reserved) {
    auto* real = File::real(file);
    return real->pMethods->xCheckReservedLock(real, reserved);
  }
  static int file_control(sqlite3_file* file, int op, void* argument) {
    auto* real = File::real(file);
    return real->pMethods->xFileControl(real, op, argument);
  }
  static int sector_size(sqlite3_file* file) {
    auto* real = File::real(file);
    return real->pMethods->xSectorSize(real);
  }
  static int device_characteristics(sqlite3_file* file) {
    auto* real = File::real(file);
    return real->pMethods->xDeviceCharacteristics(real);
  }
  static int shm_map(sqlite3_file* file, int page, int bytes, int extend, void volatile** memory) {
    auto* real = File::real(file);
    return real->pMethods->xShmMap(real, page, bytes, extend, memory);
  }
  static int shm_lock(sqlite3_file* file, int offset, int count, int flags) {
    auto* real = File::real(file);
    return real->pMethods->xShmLock(real, offset, count, flags);
  }
  static void shm_barrier(sqlite3_file* file) {
    auto* real = File::real(file);
    real->pMethods->xShmBarrier(real);
  }
  static int shm_unmap(sqlite3_file* file, int remove) {
    auto* real = File::real(file);
    return real->pMethods->xShmUnmap(real, remove);
  }

  static const sqlite3_io_methods* table(bool shared_memory) {
    static const sqlite3_io_methods with = make(2);
    static const sqlite3_io_methods without = make(1);
    return shared_memory ? &with : &without;
  }
  static sqlite3_io_methods make(int version) {
    return {version,
            close,
            read,
            write,
            truncate,
            sync,
            file_size,
            lock,
            unlock,
            check_reserved_lock,
            file_control,
            sector_size,
            device_characteristics,
            shm_map,
            shm_lock,
            shm_barrier,
            shm_unmap,
            nullptr,
            nullptr};
  }

  static int open(sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags,
                  int* out_flags) {
    auto* owner = static_cast<FaultVfs*>(vfs->pAppData);
    auto& own = *new (file) File{};
    own.owner = owner;
    own.counted = (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL)) != 0;
    own.target = (flags & SQLITE_OPEN_WAL) != 0 ? FileTarget::wal : FileTarget::database;
    auto* real = File::real(file);
    const int code = owner->real_->xOpen(owner->real_, path, real, flags, out_flags);
    if (real->pMethods != nullptr) own.base.pMethods = table(owner->shared_memory_);
    return code;
  }
};

FaultVfs::FaultVfs() : real_(sqlite3_vfs_find(nullptr)) {
  static std::atomic<int> number = 0;
  name_ = "fault-" + std::to_string(++number);
  vfs_ = *real_;
  vfs_.pNext = nullptr;
  vfs_.zName = name_.c_str();
  vfs_.szOsFile = static_cast<int>(sizeof(File)) + real_->szOsFile;
  vfs_.pAppData = this;
  vfs_.xOpen = Methods::open;
  // The rest works on paths and is that of the default VFS, which must be called with itself.
  vfs_.xDelete = [](sqlite3_vfs* vfs, const char* path, int sync) {
    auto* real = static_cast<FaultVfs*>(vfs->pAppData)->real_;
    return real->xDelete(real, path, sync);
  };
  vfs_.xAccess = [](sqlite3_vfs* vfs, const char* path, int flags, int* result) {
    auto* real = static_cast<FaultVfs*>(vfs->pAppData)->real_;
    return real->xAccess(real, path, flags, result);
  };
  vfs_.xFullPathname = [](sqlite3_vfs* vfs, const char* path, int size, char* out) {
    auto* real = static_cast<FaultVfs*>(vfs->pAppData)->real_;
    return real->xFullPathname(real, path, size, out);
  };
  sqlite3_vfs_register(&vfs_, 0);
}

FaultVfs::~FaultVfs() {
  sqlite3_vfs_unregister(&vfs_);
}

void FaultVfs::fail(FileCall call, FileTarget target, int code, int passes, bool for_ever) {
  call_ = call;
  target_ = target;
  passes_ = passes;
  for_ever_ = for_ever;
  code_ = code;
}

int FaultVfs::judge(FileCall call, FileTarget target) {
  if (code_ == SQLITE_OK || call != call_ || target != target_) return SQLITE_OK;
  if (passes_-- > 0) return SQLITE_OK;
  if (for_ever_) passes_ = 0;
  return for_ever_ ? code_.load() : code_.exchange(SQLITE_OK);
}

}  // namespace holdfast::outbox_tests
