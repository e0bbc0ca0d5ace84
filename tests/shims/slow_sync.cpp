// Preloaded into what the bench measures: every sync takes HOLDFAST_SYNC_DELAY_US longer, as on a
// disk that is further away, and is counted in the file named by HOLDFAST_SYNC_COUNT (two 64-bit
// numbers: syncs, and nanoseconds that they took).

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <ctime>

namespace {

struct Count {
  std::atomic<std::int64_t> syncs;
  std::atomic<std::int64_t> nanoseconds;
};

struct Settings {
  long delay_microseconds = 0;
  Count* count = nullptr;

  Settings() {
    if (const char* delay = std::getenv("HOLDFAST_SYNC_DELAY_US"))
      delay_microseconds = std::strtol(delay, nullptr, 10);
    const char* path = std::getenv("HOLDFAST_SYNC_COUNT");
    const int file = path == nullptr ? -1 : ::open(path, O_RDWR | O_CLOEXEC);
    if (file < 0) return;
    void* page = ::mmap(nullptr, sizeof(Count), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    ::close(file);
    if (page != MAP_FAILED) count = static_cast<Count*>(page);
  }
};

std::int64_t now() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

int sync_slowly(const char* name, int descriptor) {
  static const Settings settings;
  using Sync = int (*)(int);
  const auto begin = now();
  const int result = reinterpret_cast<Sync>(dlsym(RTLD_NEXT, name))(descriptor);
  if (settings.delay_microseconds > 0) {
    timespec rest{.tv_sec = settings.delay_microseconds / 1'000'000,
                  .tv_nsec = settings.delay_microseconds % 1'000'000 * 1000};
    while (::nanosleep(&rest, &rest) != 0) {
    }
  }
  if (settings.count != nullptr) {
    ++settings.count->syncs;
    settings.count->nanoseconds += now() - begin;
  }
  return result;
}

}  // namespace

extern "C" int fsync(int descriptor) {
  return sync_slowly("fsync", descriptor);
}
extern "C" int fdatasync(int descriptor) {
  return sync_slowly("fdatasync", descriptor);
}
