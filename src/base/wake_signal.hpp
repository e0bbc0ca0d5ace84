#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <stop_token>

#include "holdfast/clock.hpp"

namespace holdfast::base {

/// Lets a thread loop sleep until a deadline, a wake or a stop, without losing a wake that came
/// before. Read epoch() first, look for work, then wait(epoch): a raise in between returns at once.
///
/// Threads:  any.
class WakeSignal {
 public:
  [[nodiscard]] std::uint64_t epoch() const {
    const std::scoped_lock lock(mutex_);
    return epoch_;
  }
  void raise() {
    bool waited_for = false;
    {
      const std::scoped_lock lock(mutex_);
      ++epoch_;
      waited_for = waiting_ > 0;
    }
    if (waited_for) changed_.notify_all();
  }
  /// Blocks:   until raised after `seen`, or `deadline` (nullopt: none), or `stop`.
  void wait(std::uint64_t seen, std::optional<SteadyTime> deadline, const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    const auto raised = [&] { return epoch_ != seen; };
    ++waiting_;
    if (deadline) {
      changed_.wait_until(lock, stop, *deadline, raised);
    } else {
      changed_.wait(lock, stop, raised);
    }
    --waiting_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::uint64_t epoch_ = 0;
  int waiting_ = 0;
};

}  // namespace holdfast::base
