// Preloaded into the real daemon: the wall clock is off by what the page of HOLDFAST_CLOCK_CONTROL
// says; the clock that waits are measured by is not touched.

#include <dlfcn.h>
#include <sys/time.h>

#include <cstdint>
#include <ctime>

#include "control.hpp"

namespace {

std::int64_t shift() {
  static const auto* const page =
      holdfast::shims::map_control(std::getenv("HOLDFAST_CLOCK_CONTROL"));
  return page == nullptr ? 0 : page->wall_shift_secs.load();
}

}  // namespace

extern "C" int clock_gettime(clockid_t clock, timespec* into) noexcept {
  using Get = int (*)(clockid_t, timespec*);
  static const auto get = reinterpret_cast<Get>(dlsym(RTLD_NEXT, "clock_gettime"));
  const int got = get(clock, into);
  if (got == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
    into->tv_sec += shift();
  return got;
}
extern "C" int gettimeofday(timeval* into, void* zone) noexcept {
  using Get = int (*)(timeval*, void*);
  static const auto get = reinterpret_cast<Get>(dlsym(RTLD_NEXT, "gettimeofday"));
  const int got = get(into, zone);
  if (got == 0) into->tv_sec += shift();
  return got;
}
extern "C" std::time_t time(std::time_t* into) noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  if (into != nullptr) *into = now.tv_sec;
  return now.tv_sec;
}
