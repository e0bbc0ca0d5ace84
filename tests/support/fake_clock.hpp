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
  /// From given times on, for what has to be repeatable.
  FakeClock(WallTime wall, SteadyTime steady) : wall_start_(wall), steady_start_(steady) {}
  [[nodiscard]] WallTime wall_now() const override;
  [[nodiscard]] SteadyTime steady_now() const override;
  /// Moves both clocks forward.
  void advance(std::chrono::milliseconds time);
  /// Moves both forward to `time` if that is in the future.
  void advance_to(SteadyTime time);
  /// Sets the wall clock alone back or forward, as NTP or an operator does.
  void jump_wall(std::chrono::milliseconds time);
  /// Steady time begins again at its start, as when the machine has booted.
  void reboot();

 private:
  // Constant after construction.
  const WallTime wall_start_;
  const SteadyTime steady_start_;
  // Atomic: any thread.
  std::atomic<std::chrono::nanoseconds::rep> passed_{0};
  std::atomic<std::chrono::nanoseconds::rep> booted_at_{0};  ///< Of what has passed.
  std::atomic<std::chrono::milliseconds::rep> wall_offset_{0};
};

}  // namespace holdfast::support
