#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "simulation.hpp"

namespace holdfast::simulation {

inline constexpr int steps_a_seed = 60;

/// What one seed came to; a broken promise in words, or nothing.
struct Run {
  Totals totals;
  std::uint64_t hash = 0;
  std::optional<std::string> violation;
};
[[nodiscard]] Run run_seed(std::uint64_t seed, int steps, bool prints);

/// What many seeds came to.
struct Runs {
  Totals totals;
  std::optional<std::uint64_t> failed_seed;
  std::string violation;
};
/// Consecutive seeds until one fails, `count` are done or the time is over. Each few run in a child
/// process: an outbox whose disk fails gives up its connection for good, and a check of the product
/// that aborts must not take the seed along.
[[nodiscard]] Runs run_seeds(std::uint64_t first, std::uint64_t count, int steps,
                             std::chrono::seconds time_max = std::chrono::hours(24));

/// From the command line or HOLDFAST_SEED.
[[nodiscard]] std::optional<std::uint64_t> seed_wanted();
void want_seed(std::uint64_t seed);

}  // namespace holdfast::simulation
