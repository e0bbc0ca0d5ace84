// Preloaded into the real daemon: fails chosen calls of the C library on the files whose path
// begins with HOLDFAST_FAIL_PATH, as the page of HOLDFAST_FAIL_CONTROL says. Both names of each
// call are here, since the program may be built with either size of offsets.

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "control.hpp"

namespace {

using holdfast::shims::Call;
using holdfast::shims::Control;

constexpr int descriptors_max = 4096;

template <class F>
F next(const char* name) {
  return reinterpret_cast<F>(dlsym(RTLD_NEXT, name));
}

struct State {
  Control* control = nullptr;
  const char* prefix = nullptr;
  std::size_t prefix_bytes = 0;
};

std::atomic<bool> ours[descriptors_max];
std::atomic<bool> marks[descriptors_max];

/// Maps the page by calls to the kernel, because our own open and mmap would come back here.
Control* map_page(const char* path) {
  if (path == nullptr) return nullptr;
  const long file = syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
  if (file < 0) return nullptr;
  const long page = syscall(SYS_mmap, nullptr, holdfast::shims::control_bytes,
                            PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  syscall(SYS_close, file);
  return page == -1 ? nullptr : reinterpret_cast<Control*>(page);
}

const State& state() {
  static const State made = [] {
    State fresh;
    fresh.prefix = std::getenv("HOLDFAST_FAIL_PATH");
    fresh.prefix_bytes = fresh.prefix == nullptr ? 0 : std::strlen(fresh.prefix);
    fresh.control = map_page(std::getenv("HOLDFAST_FAIL_CONTROL"));
    return fresh;
  }();
  return made;
}

bool is_ours(const char* path) {
  const State& now = state();
  return now.prefix_bytes > 0 && path != nullptr &&
         std::strncmp(path, now.prefix, now.prefix_bytes) == 0;
}
bool is_ours(int file) {
  return file >= 0 && file < descriptors_max && ours[file];
}

/// The file that says how the last use ended holds no entries: it is synced also after a sync of
/// the others has failed, and its own may fail.
bool is_mark(const char* path) {
  constexpr std::string_view suffix = ".state";
  return std::string_view(path).contains(suffix);
}

/// True, with errno set, if this call is to fail.
bool fails(Call call) {
  Control* const control = state().control;
  if (control == nullptr || control->counting == 0) return false;
  const auto kinds = control->kinds.load();
  if (kinds != 0 && (kinds & holdfast::shims::bit(call)) == 0) return false;
  if (!holdfast::shims::count_and_judge(*control)) return false;
  if (control->failed == 1) control->kind = static_cast<int>(call);
  errno = static_cast<int>(control->error);
  return true;
}

int opened(int file, const char* path) {
  if (file < 0 || file >= descriptors_max) return file;
  ours[file] = is_ours(path);
  marks[file] = ours[file] && is_mark(path);
  return file;
}

/// Counts what happens to the syncs of files that hold entries.
int sync_or_fail(const char* name, int file) {
  Control* const control = state().control;
  const bool counts = is_ours(file) && !marks[file] && control != nullptr && control->counting != 0;
  if (counts && control->syncs_failed > 0) ++control->syncs_after_failure;
  if (is_ours(file) && fails(Call::sync)) {
    if (counts) ++control->syncs_failed;
    return -1;
  }
  return next<int (*)(int)>(name)(file);
}

int open_or_fail(const char* name, const char* path, int flags, mode_t mode) {
  if (is_ours(path) && fails(Call::open)) return -1;
  return opened(next<int (*)(const char*, int, mode_t)>(name)(path, flags, mode), path);
}
int openat_or_fail(const char* name, int folder, const char* path, int flags, mode_t mode) {
  if (is_ours(path) && fails(Call::open)) return -1;
  return opened(next<int (*)(int, const char*, int, mode_t)>(name)(folder, path, flags, mode),
                path);
}

/// A call on a descriptor that is passed on unless it is to fail.
template <class R, class... Arguments>
R pass(Call call, const char* name, int file, Arguments... arguments) {
  if (is_ours(file) && fails(call)) return static_cast<R>(-1);
  return next<R (*)(int, Arguments...)>(name)(file, arguments...);
}
template <class R, class... Arguments>
R pass_path(Call call, const char* name, const char* path, Arguments... arguments) {
  if (is_ours(path) && fails(call)) return static_cast<R>(-1);
  return next<R (*)(const char*, Arguments...)>(name)(path, arguments...);
}

mode_t mode_of(int flags, va_list list) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(list, mode_t) : 0;
}

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  const mode_t mode = mode_of(flags, list);
  va_end(list);
  return open_or_fail("open", path, flags, mode);
}
int open64(const char* path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  const mode_t mode = mode_of(flags, list);
  va_end(list);
  return open_or_fail("open64", path, flags, mode);
}
int openat(int folder, const char* path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  const mode_t mode = mode_of(flags, list);
  va_end(list);
  return openat_or_fail("openat", folder, path, flags, mode);
}
int openat64(int folder, const char* path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  const mode_t mode = mode_of(flags, list);
  va_end(list);
  return openat_or_fail("openat64", folder, path, flags, mode);
}
int close(int file) {
  // The kernel lets go of the descriptor even where close() reports an error.
  const bool failed = is_ours(file) && fails(Call::close);
  const int cause = errno;
  if (file >= 0 && file < descriptors_max) ours[file] = false;
  const int closed = next<int (*)(int)>("close")(file);
  if (failed) errno = cause;
  return failed ? -1 : closed;
}

ssize_t read(int file, void* into, size_t bytes) {
  return pass<ssize_t>(Call::read, "read", file, into, bytes);
}
ssize_t pread(int file, void* into, size_t bytes, off_t at) {
  return pass<ssize_t>(Call::read, "pread", file, into, bytes, at);
}
ssize_t pread64(int file, void* into, size_t bytes, off64_t at) {
  return pass<ssize_t>(Call::read, "pread64", file, into, bytes, at);
}
ssize_t write(int file, const void* from, size_t bytes) {
  return pass<ssize_t>(Call::write, "write", file, from, bytes);
}
ssize_t pwrite(int file, const void* from, size_t bytes, off_t at) {
  return pass<ssize_t>(Call::write, "pwrite", file, from, bytes, at);
}
ssize_t pwrite64(int file, const void* from, size_t bytes, off64_t at) {
  return pass<ssize_t>(Call::write, "pwrite64", file, from, bytes, at);
}
int fsync(int file) {
  return sync_or_fail("fsync", file);
}
int fdatasync(int file) {
  return sync_or_fail("fdatasync", file);
}
int ftruncate(int file, off_t bytes) noexcept {
  return pass<int>(Call::truncate, "ftruncate", file, bytes);
}
int ftruncate64(int file, off64_t bytes) noexcept {
  return pass<int>(Call::truncate, "ftruncate64", file, bytes);
}
int fstat(int file, struct stat* into) noexcept {
  return pass<int>(Call::stat, "fstat", file, into);
}
int fstat64(int file, struct stat64* into) noexcept {
  return pass<int>(Call::stat, "fstat64", file, into);
}
int stat(const char* path, struct stat* into) noexcept {
  return pass_path<int>(Call::stat, "stat", path, into);
}
int stat64(const char* path, struct stat64* into) noexcept {
  return pass_path<int>(Call::stat, "stat64", path, into);
}
int fallocate(int file, int mode, off_t at, off_t bytes) {
  return pass<int>(Call::allocate, "fallocate", file, mode, at, bytes);
}
int fallocate64(int file, int mode, off64_t at, off64_t bytes) {
  return pass<int>(Call::allocate, "fallocate64", file, mode, at, bytes);
}
void* mmap(void* at, size_t bytes, int protection, int flags, int file, off_t from) noexcept {
  if (is_ours(file) && fails(Call::map)) return MAP_FAILED;
  return next<void* (*)(void*, size_t, int, int, int, off_t)>("mmap")(at, bytes, protection, flags,
                                                                      file, from);
}
void* mmap64(void* at, size_t bytes, int protection, int flags, int file, off64_t from) noexcept {
  if (is_ours(file) && fails(Call::map)) return MAP_FAILED;
  return next<void* (*)(void*, size_t, int, int, int, off64_t)>("mmap64")(at, bytes, protection,
                                                                          flags, file, from);
}
int unlink(const char* path) noexcept {
  return pass_path<int>(Call::unlink, "unlink", path);
}

}  // extern "C"
