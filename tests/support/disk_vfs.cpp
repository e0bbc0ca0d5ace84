#include "support/disk_vfs.hpp"

#include <sys/stat.h>

#include <filesystem>
#include <new>
#include <utility>

#include "support/disk_impl.hpp"
#include "support/scratch_folder.hpp"

namespace holdfast::support {
namespace {

ino_t inode_of(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 ? status.st_ino : 0;
}

}  // namespace

DiskVfs::Impl::Impl() : real(sqlite3_vfs_find(nullptr)) {
  static std::atomic<int> number = 0;
  name = "disk-" + std::to_string(++number);
  vfs_ = *real;
  vfs_.pNext = nullptr;
  vfs_.zName = name.c_str();
  vfs_.szOsFile = static_cast<int>(sizeof(File)) + real->szOsFile;
  vfs_.pAppData = this;
  vfs_.xOpen = [](sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags, int* out) {
    return static_cast<Impl*>(vfs->pAppData)->open(path, file, flags, out);
  };
  vfs_.xDelete = [](sqlite3_vfs* vfs, const char* path, int sync_folder) {
    return static_cast<Impl*>(vfs->pAppData)->remove(path, sync_folder);
  };
  // The rest works on paths and is that of the default VFS, which must be called with itself.
  vfs_.xAccess = [](sqlite3_vfs* vfs, const char* path, int flags, int* result) {
    auto* below = static_cast<Impl*>(vfs->pAppData)->real;
    return below->xAccess(below, path, flags, result);
  };
  vfs_.xFullPathname = [](sqlite3_vfs* vfs, const char* path, int size, char* out) {
    auto* below = static_cast<Impl*>(vfs->pAppData)->real;
    return below->xFullPathname(below, path, size, out);
  };
  sqlite3_vfs_register(&vfs_, 0);
}

DiskVfs::Impl::~Impl() {
  sqlite3_vfs_unregister(&vfs_);
}

bool DiskVfs::Impl::is_dead(const File& file) const {
  return file.kind != Kind::other && file.generation != generation;
}

int DiskVfs::Impl::judge(Call call, Kind kind) {
  if (kind != Kind::database && kind != Kind::wal) return SQLITE_OK;
  const auto target = kind == Kind::wal ? Target::wal : Target::database;
  for (auto fault = faults.begin(); fault != faults.end(); ++fault) {
    if (fault->call != call || fault->target != target) continue;
    if (fault->passes > 0) {
      --fault->passes;
      continue;
    }
    const int code = fault->code;
    if (!fault->for_ever) faults.erase(fault);
    return code;
  }
  return SQLITE_OK;
}

int DiskVfs::Impl::open(const char* path, sqlite3_file* file, int flags, int* out_flags) {
  auto& own = *new (file) File{};
  own.owner = this;
  own.kind = (flags & SQLITE_OPEN_MAIN_DB) != 0        ? Kind::database
             : (flags & SQLITE_OPEN_WAL) != 0          ? Kind::wal
             : (flags & SQLITE_OPEN_MAIN_JOURNAL) != 0 ? Kind::journal
                                                       : Kind::other;
  const std::scoped_lock lock(mutex);
  own.generation = generation;
  const bool recorded = own.kind != Kind::other && path != nullptr;
  if (recorded && !alive) return dead_code;
  if (const int code = judge(Call::open, own.kind); code != SQLITE_OK) return code;
  const auto before = recorded ? inode_of(path) : 0;
  auto* below = real_file(file);
  const int code = real->xOpen(real, path, below, flags, out_flags);
  if (below->pMethods != nullptr) own.base.pMethods = methods(shared_memory);
  if (code != SQLITE_OK || !recorded) return code;
  own.id = adopt(path, before);
  own.syncs_folder = own.kind != Kind::database && (flags & SQLITE_OPEN_CREATE) != 0;
  return code;
}

/// Notices what others did to the file since it was last opened; they are taken to have synced it.
DiskRecord::FileId DiskVfs::Impl::adopt(const std::string& path, ino_t before) {
  const auto known = record.find(path);
  const auto now = inode_of(path);
  const bool same = known && before != 0 && inodes[path] == before;
  inodes[path] = now;
  if (same) return *known;
  // What they took away went before what they put there, and they have synced the folder.
  if (before != 0) record.sync_folder();
  for (const auto& other : record.names())
    if (other != path ? inode_of(other) == 0 : before == 0) record.lose(other);
  if (before == 0) return record.create(path);
  return record.import(path, read_file(path));
}

int DiskVfs::Impl::read(File& file, void* to, int bytes, sqlite3_int64 at) {
  {
    const std::scoped_lock lock(mutex);
    if (is_dead(file)) return dead_code;
    if (const int code = judge(Call::read, file.kind); code != SQLITE_OK) return code;
  }
  auto* below = real_file(&file.base);
  return below->pMethods->xRead(below, to, bytes, at);
}

int DiskVfs::Impl::write(File& file, const void* from, int bytes, sqlite3_int64 at) {
  const std::scoped_lock lock(mutex);
  if (is_dead(file)) return dead_code;
  if (file.kind == Kind::database || file.kind == Kind::wal) ++writes;
  if (const int code = judge(Call::write, file.kind); code != SQLITE_OK) return code;
  const auto start = static_cast<std::uint64_t>(at);
  const auto end = start + static_cast<std::uint64_t>(bytes);
  const bool recorded = file.kind != Kind::other;
  if (recorded && room && end > record.size(file.id) &&
      record.bytes() - record.size(file.id) + end > *room)
    return SQLITE_FULL;
  auto* below = real_file(&file.base);
  const int code = below->pMethods->xWrite(below, from, bytes, at);
  if (code == SQLITE_OK && recorded)
    record.write(file.id, start, {static_cast<const char*>(from), static_cast<std::size_t>(bytes)});
  return code;
}

int DiskVfs::Impl::truncate(File& file, sqlite3_int64 size) {
  const std::scoped_lock lock(mutex);
  if (is_dead(file)) return dead_code;
  if (const int code = judge(Call::truncate, file.kind); code != SQLITE_OK) return code;
  auto* below = real_file(&file.base);
  const int code = below->pMethods->xTruncate(below, size);
  if (code == SQLITE_OK && file.kind != Kind::other)
    record.truncate(file.id, static_cast<std::uint64_t>(size));
  return code;
}

int DiskVfs::Impl::sync(File& file, int flags) {
  if (file.kind == Kind::database || file.kind == Kind::wal) ++syncs;
  if (file.kind == Kind::wal && !is_dead(file)) {
    std::unique_lock lock(mutex);
    const auto callback = before_wal_sync;
    lock.unlock();
    if (callback) callback();
  }
  const std::scoped_lock lock(mutex);
  if (is_dead(file)) return dead_code;
  if (const int code = judge(Call::sync, file.kind); code != SQLITE_OK) return code;
  auto* below = real_file(&file.base);
  const int code = below->pMethods->xSync(below, flags);
  if (code != SQLITE_OK || file.kind == Kind::other) return code;
  record.sync(file.id);
  if (std::exchange(file.syncs_folder, false)) record.sync_folder();
  return code;
}

int DiskVfs::Impl::remove(const char* path, int sync_folder) {
  const std::scoped_lock lock(mutex);
  if (!alive) return dead_code;
  const auto kind = std::string_view(path).ends_with("-wal") ? Kind::wal : Kind::other;
  if (const int code = judge(Call::remove, kind); code != SQLITE_OK) return code;
  const int code = real->xDelete(real, path, sync_folder);
  if (code == SQLITE_OK && record.find(path)) {
    record.remove(path);
    if (sync_folder != 0) record.sync_folder();
  }
  return code;
}

void DiskVfs::Impl::note_close(const File& file) {
  if (file.kind == Kind::database) ++database_closes;
}

void DiskVfs::Impl::kill_process() {
  const std::scoped_lock lock(mutex);
  kill_locked();
}

/// The dead process's handles keep the old files, with all their locks and shared memory; the next
/// process finds copies under the old names. SQLite tells files by inode, so that both can live in
/// this one real process.
void DiskVfs::Impl::kill_locked() {
  if (!alive) return;
  alive = false;
  ++generation;
  namespace fs = std::filesystem;
  for (const auto& path : record.names()) {
    std::error_code missing;
    fs::remove(path + "-shm", missing);
    if (!fs::exists(path)) {
      record.lose(path);
      continue;
    }
    const auto copy = path + ".copy";
    fs::copy_file(path, copy, fs::copy_options::overwrite_existing);
    fs::rename(copy, path);
    inodes[path] = inode_of(path);
  }
}

void DiskVfs::Impl::cut_power(std::uint64_t seed) {
  const std::scoped_lock lock(mutex);
  kill_locked();
  const auto image = record.image(record.position(), seed);
  for (const auto& path : record.names())
    if (!image.contains(path)) std::filesystem::remove(path);
  for (const auto& [path, content] : image) {
    write_file(path, content);
    inodes[path] = inode_of(path);
  }
  record.restart(image);
}

DiskVfs::DiskVfs() : impl_(std::make_unique<Impl>()) {}
DiskVfs::~DiskVfs() = default;

const std::string& DiskVfs::name() const {
  return impl_->name;
}

void DiskVfs::fail(Call call, Target target, int code, int passes, bool for_ever) {
  const std::scoped_lock lock(impl_->mutex);
  impl_->faults.push_back({call, target, code, passes, for_ever});
}

void DiskVfs::set_room(std::optional<std::uint64_t> bytes) {
  const std::scoped_lock lock(impl_->mutex);
  impl_->room = bytes;
}

void DiskVfs::heal() {
  const std::scoped_lock lock(impl_->mutex);
  impl_->faults.clear();
  impl_->room.reset();
}

void DiskVfs::before_wal_sync(std::function<void()> callback) {
  const std::scoped_lock lock(impl_->mutex);
  impl_->before_wal_sync = std::move(callback);
}

void DiskVfs::without_shared_memory() {
  impl_->shared_memory = false;
}

void DiskVfs::pretend_full_synchronous() {
  impl_->pretends_full = true;
}

int DiskVfs::syncs() const {
  return impl_->syncs;
}
int DiskVfs::writes() const {
  return impl_->writes;
}
int DiskVfs::database_closes() const {
  return impl_->database_closes;
}

std::uint64_t DiskVfs::position() const {
  const std::scoped_lock lock(impl_->mutex);
  return impl_->record.position();
}

std::uint64_t DiskVfs::first_position() const {
  const std::scoped_lock lock(impl_->mutex);
  return impl_->record.first_position();
}

std::vector<std::uint64_t> DiskVfs::sync_positions() const {
  const std::scoped_lock lock(impl_->mutex);
  return impl_->record.sync_positions();
}

std::map<std::string, std::string> DiskVfs::image(std::uint64_t position,
                                                  std::uint64_t seed) const {
  std::map<std::string, std::string> image;
  const std::scoped_lock lock(impl_->mutex);
  for (auto& [path, content] : impl_->record.image(position, seed))
    image[std::filesystem::path(path).filename().string()] = std::move(content);
  return image;
}

void DiskVfs::kill_process() {
  impl_->kill_process();
}
void DiskVfs::cut_power(std::uint64_t seed) {
  impl_->cut_power(seed);
}
void DiskVfs::start_process() {
  const std::scoped_lock lock(impl_->mutex);
  impl_->alive = true;
}

}  // namespace holdfast::support
