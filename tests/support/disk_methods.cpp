#include "support/disk_impl.hpp"

/// The table of functions that SQLite calls on a file. A file whose process is dead answers all of
/// them as a full disk does, but lets go of what it holds.
namespace holdfast::support {

class DiskVfs::Methods {
 public:
  using File = DiskVfs::Impl::File;
  static constexpr int dead_code = DiskVfs::Impl::dead_code;

  static const sqlite3_io_methods* table(bool shared_memory) {
    static const sqlite3_io_methods with = make(2);
    static const sqlite3_io_methods without = make(1);
    return shared_memory ? &with : &without;
  }

 private:
  static File& of(sqlite3_file* file) { return *reinterpret_cast<File*>(file); }
  static bool is_dead(sqlite3_file* file) { return of(file).owner->is_dead(of(file)); }
  /// Calls the method of the default VFS, unless the process is dead.
  template <class Method, class... Arguments>
  static int pass(Method method, sqlite3_file* file, Arguments... arguments) {
    if (is_dead(file)) return dead_code;
    return pass_always(method, file, arguments...);
  }
  template <class Method, class... Arguments>
  static int pass_always(Method method, sqlite3_file* file, Arguments... arguments) {
    auto* real = real_file(file);
    return (real->pMethods->*method)(real, arguments...);
  }

  static int close(sqlite3_file* file) {
    of(file).owner->note_close(of(file));
    return pass_always(&sqlite3_io_methods::xClose, file);
  }
  static int read(sqlite3_file* file, void* to, int bytes, sqlite3_int64 at) {
    return of(file).owner->read(of(file), to, bytes, at);
  }
  static int write(sqlite3_file* file, const void* from, int bytes, sqlite3_int64 at) {
    return of(file).owner->write(of(file), from, bytes, at);
  }
  static int truncate(sqlite3_file* file, sqlite3_int64 size) {
    return of(file).owner->truncate(of(file), size);
  }
  static int sync(sqlite3_file* file, int flags) { return of(file).owner->sync(of(file), flags); }
  static int file_size(sqlite3_file* file, sqlite3_int64* size) {
    return pass(&sqlite3_io_methods::xFileSize, file, size);
  }
  static int lock(sqlite3_file* file, int level) {
    return pass(&sqlite3_io_methods::xLock, file, level);
  }
  static int unlock(sqlite3_file* file, int level) {
    return pass_always(&sqlite3_io_methods::xUnlock, file, level);
  }
  static int check_reserved_lock(sqlite3_file* file, int* reserved) {
    return pass(&sqlite3_io_methods::xCheckReservedLock, file, reserved);
  }
  static int file_control(sqlite3_file* file, int op, void* argument) {
    const auto* owner = of(file).owner;
    if (op == SQLITE_FCNTL_PRAGMA && owner->pretends_full)
      return pretend_full(static_cast<char**>(argument));
    return pass_always(&sqlite3_io_methods::xFileControl, file, op, argument);
  }
  /// SQLite does what it finds in its own copy of the value after this call.
  static int pretend_full(char** pragma) {
    if (sqlite3_stricmp(pragma[1], "synchronous") != 0) return SQLITE_NOTFOUND;
    if (pragma[2] != nullptr) {
      pragma[2][0] = '1';
      pragma[2][1] = '\0';
      return SQLITE_NOTFOUND;
    }
    pragma[0] = sqlite3_mprintf("2");
    return SQLITE_OK;
  }
  static int sector_size(sqlite3_file* file) {
    return pass_always(&sqlite3_io_methods::xSectorSize, file);
  }
  static int device_characteristics(sqlite3_file* file) {
    return pass_always(&sqlite3_io_methods::xDeviceCharacteristics, file);
  }
  static int shm_map(sqlite3_file* file, int page, int bytes, int extend, void volatile** memory) {
    return pass(&sqlite3_io_methods::xShmMap, file, page, bytes, extend, memory);
  }
  static int shm_lock(sqlite3_file* file, int offset, int count, int flags) {
    if ((flags & SQLITE_SHM_UNLOCK) != 0)
      return pass_always(&sqlite3_io_methods::xShmLock, file, offset, count, flags);
    return pass(&sqlite3_io_methods::xShmLock, file, offset, count, flags);
  }
  static void shm_barrier(sqlite3_file* file) {
    auto* real = real_file(file);
    real->pMethods->xShmBarrier(real);
  }
  static int shm_unmap(sqlite3_file* file, int remove) {
    // Removed by its name, which is another process's by now.
    if (is_dead(file)) remove = 0;
    return pass_always(&sqlite3_io_methods::xShmUnmap, file, remove);
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
};

const sqlite3_io_methods* DiskVfs::Impl::methods(bool shared_memory) {
  return Methods::table(shared_memory);
}

}  // namespace holdfast::support
