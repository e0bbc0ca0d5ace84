#pragma once

#include <chrono>
#include <cstdint>
#include <random>

/// Pure arithmetic of waiting: how long at most, and a draw from it.
namespace holdfast::base {

/// min(cap, initial * 2^doublings), for any number of doublings.
/// Source:   AWS Architecture Blog, "Exponential Backoff And Jitter".
[[nodiscard]] std::chrono::milliseconds backoff_ceiling(std::chrono::milliseconds initial,
                                                        std::chrono::milliseconds cap,
                                                        std::uint32_t doublings);

/// Draws delays; the same seed gives the same delays, so that a simulation can be repeated.
///
/// Threads:  one at a time.
class Jitter {
 public:
  explicit Jitter(std::uint64_t seed) : engine_(seed) {}
  /// Evenly from 0 to `ceiling`, both included: full jitter, which spreads many relays best.
  [[nodiscard]] std::chrono::milliseconds up_to(std::chrono::milliseconds ceiling);

 private:
  std::mt19937_64 engine_;
};

}  // namespace holdfast::base
