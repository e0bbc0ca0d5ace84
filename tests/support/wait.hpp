#pragma once

#include <poll.h>

#include <chrono>

#include "holdfast/clock.hpp"

namespace holdfast::support {

/// Pauses a poll loop; the one place where a test lets time pass.
inline void pause_for(std::chrono::milliseconds time) {
  ::poll(nullptr, 0, static_cast<int>(time.count()));
}

/// Waits until `predicate` holds: true, or false once `deadline` has passed.
/// The predicate is asked about every 20 ms and must not throw for "not yet".
template <class F>
[[nodiscard]] bool eventually(F&& predicate, std::chrono::milliseconds deadline) {
  const SystemClock clock;
  const auto end = clock.steady_now() + deadline;
  while (!predicate()) {
    if (clock.steady_now() >= end) return false;
    pause_for(std::chrono::milliseconds(20));
  }
  return true;
}

/// True if `predicate` holds all through `time`, asked about every 100 ms: for "nothing happens".
template <class F>
[[nodiscard]] bool stays(F&& predicate, std::chrono::milliseconds time) {
  const SystemClock clock;
  const auto end = clock.steady_now() + time;
  while (clock.steady_now() < end) {
    if (!predicate()) return false;
    pause_for(std::chrono::milliseconds(100));
  }
  return predicate();
}

}  // namespace holdfast::support
