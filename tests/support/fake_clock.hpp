#pragma once

#include <atomic>
#include <chrono>

#include "holdfast/clock.hpp"

namespace holdfast::support {

/// A clock that only the test moves. It starts at the real time, so that a thread that sleeps until
/// one of its deadlines on the real clock neither spins nor returns at once.
///
/// Threads:  any.
class FakeClock final : public Clock {
 public:
  FakeClock();
  [[nodiscard]] WallTime wall_now() const override;
  [[nodiscard]] SteadyTime steady_now() const override;
  /// Moves both clocks forward.
  void advance(std::chrono::milliseconds time);
  /// Moves both forward to `time` if that is in the future.
  void advance_to(SteadyTime time);
  /// Sets the wall clock alone back or forward, as NTP or an operator does.
  void jump_wall(std::chrono::milliseconds time);

 private:
  // Constant after construction.
  const WallTime wall_start_;
  const SteadyTime steady_start_;
  // Atomic: any thread.
  std::atomic<std::chrono::nanoseconds::rep> passed_{0};
  std::atomic<std::chrono::milliseconds::rep> wall_offset_{0};
};

}  // namespace holdfast::support
