#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "holdfast/health.hpp"

namespace holdfast::base {

/// Counts observations in fixed buckets without a lock.
///
/// Threads:  any; a snapshot taken while others observe may be off by those few.
class Histogram {
 public:
  explicit Histogram(std::span<const double> bounds)
      : bounds_(bounds.begin(), bounds.end()),
        counts_(std::make_unique<std::atomic<std::uint64_t>[]>(bounds.size() + 1)) {}

  void observe(double value) {
    std::size_t bucket = 0;
    while (bucket < bounds_.size() && value > bounds_[bucket]) ++bucket;
    counts_[bucket].fetch_add(1, std::memory_order_relaxed);
    sum_.fetch_add(value, std::memory_order_relaxed);
  }
  [[nodiscard]] HistogramSnapshot snapshot() const {
    HistogramSnapshot copy{bounds_, {}, sum_.load(std::memory_order_relaxed)};
    for (std::size_t i = 0; i <= bounds_.size(); ++i)
      copy.counts.push_back(counts_[i].load(std::memory_order_relaxed));
    return copy;
  }

 private:
  // Constant after construction.
  std::vector<double> bounds_;
  // Atomic: any thread.
  std::unique_ptr<std::atomic<std::uint64_t>[]> counts_;
  std::atomic<double> sum_{0};
};

/// Seconds, from a fast local fsync to a hung database: the last bound lies above a delivery that
/// has used up the default connect_timeout and deliver_timeout, so that such ones are told from it.
inline constexpr double seconds_bounds[] = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005,
                                            0.01,   0.025,   0.05,   0.1,   0.25,   0.5,
                                            1,      2.5,     5,      10,    30,     60};
/// Lag from acceptance to Postgres: outages last hours.
inline constexpr double lag_seconds_bounds[] = {
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 14400, 86400};
/// Entries in one group commit.
inline constexpr double group_bounds[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512};

}  // namespace holdfast::base
