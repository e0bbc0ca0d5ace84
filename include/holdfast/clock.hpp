#pragma once

#include <chrono>

#include "holdfast/export.hpp"

namespace holdfast {

/// Wall time in UTC with milliseconds: for display, for ids and for retention. It may jump.
using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;
/// Time that never jumps: for deadlines, backoff and every other "how long".
using SteadyTime = std::chrono::steady_clock::time_point;

/// Where all time comes from, so that tests can move it.
///
/// Threads:  any; both calls may be made concurrently.
/// Blocks:   never.
class HOLDFAST_EXPORT Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual WallTime wall_now() const = 0;      ///< What a clock on the wall shows.
  [[nodiscard]] virtual SteadyTime steady_now() const = 0;  ///< Never less than it was before.
};

/// The real clock of this machine.
class HOLDFAST_EXPORT SystemClock final : public Clock {
 public:
  [[nodiscard]] WallTime wall_now() const override;
  [[nodiscard]] SteadyTime steady_now() const override;
};

}  // namespace holdfast
