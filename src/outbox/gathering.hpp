#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>

#include "holdfast/clock.hpp"

namespace holdfast::outbox {

/// How long a group waits for more appends before its sync. Who was answered by the last commit
/// comes back a moment later, with the next request; without a wait those miss the next sync, and
/// on a slow disk groups of half the size alternate. So a group waits for as many as were there
/// lately, while they keep coming, and at most for what a sync costs beyond that of a fast disk,
/// where the next group is soon enough. A lone request waits for nobody. Pure.
///
/// Threads:  one at a time.
class Gathering {
 public:
  /// A group begins.
  void begun(SteadyTime now);
  /// It has answered so many appends, and so many were waiting by then.
  void committed(std::size_t appends, std::size_t waiting, std::chrono::nanoseconds sync);
  /// How many more appends a group that has so many shall wait for at once; 0: none. What is there
  /// is inserted while the rest arrives, so these are few, and fewer at the end: nobody has
  /// anything to do while the last ones are inserted.
  [[nodiscard]] std::size_t wanted(std::size_t appends) const;
  /// Until when at most; what comes later is for the next group.
  [[nodiscard]] SteadyTime until() const { return until_; }
  /// Until when the next handful has to come.
  [[nodiscard]] SteadyTime handful_until(SteadyTime now) const;
  /// They have stopped coming: nothing more is waited for.
  void give_up(SteadyTime now) { until_ = std::min(until_, now); }

  static constexpr std::size_t handful_max = 8;

 private:
  std::size_t expected_ = 0;
  std::chrono::nanoseconds sync_{};  ///< What one costs, smoothed.
  SteadyTime until_{};
};

}  // namespace holdfast::outbox
