#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>

/// How a test steers a library that is preloaded into the daemon, and what that has seen: one page
/// of a file that both have mapped, which outlives every way in which the daemon can end.
namespace holdfast::shims {

struct Control {
  std::atomic<std::int64_t> calls;      ///< Counted so far.
  std::atomic<std::int64_t> fail_from;  ///< The first call to fail; 0: none.
  std::atomic<std::int64_t> fail_to;    ///< The last call to fail.
  std::atomic<std::int64_t> error;      ///< errno of a failed call.
  std::atomic<std::int64_t> failed;     ///< Calls that were made to fail.
  std::atomic<std::int64_t> kind;       ///< Of the first one that failed.
  std::atomic<std::int64_t> syncs_failed;
  std::atomic<std::int64_t> syncs_after_failure;
  std::atomic<std::int64_t> kinds;            ///< A bit for each kind that counts; 0: all of them.
  std::atomic<std::int64_t> counting;         ///< 0: nothing is counted yet.
  std::atomic<std::int64_t> wall_shift_secs;  ///< Added to the wall clock.
};

/// The kinds of calls on a file.
enum class Call : std::uint8_t {
  open,
  read,
  write,
  sync,
  truncate,
  stat,
  allocate,
  map,
  unlink,
  close
};
inline constexpr const char* call_names[] = {"open", "read",     "write", "sync",   "truncate",
                                             "stat", "allocate", "map",   "unlink", "close"};

[[nodiscard]] constexpr std::int64_t bit(Call call) {
  return std::int64_t{1} << static_cast<unsigned>(call);
}

inline constexpr std::size_t control_bytes = 4096;

/// The page of that file, or none.
[[nodiscard]] inline Control* map_control(const char* path) {
  const int file =
      path == nullptr ? -1 : static_cast<int>(::openat(AT_FDCWD, path, O_RDWR | O_CLOEXEC));
  if (file < 0) return nullptr;
  void* page = ::mmap(nullptr, control_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  ::close(file);
  return page == MAP_FAILED ? nullptr : static_cast<Control*>(page);
}

/// Counts a call; true if it is to fail.
[[nodiscard]] inline bool count_and_judge(Control& control) {
  const std::int64_t number = ++control.calls;
  const std::int64_t from = control.fail_from;
  if (from == 0 || number < from || number > control.fail_to) return false;
  ++control.failed;
  return true;
}

}  // namespace holdfast::shims
