#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/guarded.hpp"
#include "holdfast/health.hpp"
#include "observe/forecast.hpp"

namespace holdfast::observe {

/// The daemon at one moment of the last hour.
struct HistorySample {
  WallTime at{};
  SteadyTime steady_at{};
  std::uint64_t pending = 0;
  std::uint64_t dead = 0;
  double lag_seconds = 0;
  double accepted_per_second = 0;   ///< Since the sample before.
  double delivered_per_second = 0;  ///< Since the sample before.
  std::uint64_t bytes = 0;
  std::uint64_t accepted = 0;   ///< Entries accepted so far.
  std::uint64_t delivered = 0;  ///< Entries delivered so far, by this process.
  Room room;
};

/// The last hour in samples of 10 s: what charts, rates and the forecast are made from. It lies in
/// memory alone and begins anew with each start; what must last longer is Prometheus's.
///
/// Threads:  any.
class History {
 public:
  static constexpr std::chrono::seconds step{10};
  static constexpr std::size_t samples_max = 360;
  static constexpr std::chrono::seconds rates_window{60};

  /// Adds the snapshot; beyond samples_max the oldest goes.
  void sample(const HealthSnapshot& snapshot, SteadyTime now);
  /// Fills in the rates and the forecast of a snapshot taken `now`.
  void describe(HealthSnapshot& snapshot, SteadyTime now) const;
  /// Oldest first.
  [[nodiscard]] std::vector<HistorySample> samples() const;

 private:
  /// A ring: once it is full nothing is allocated any more.
  struct Ring {
    std::vector<HistorySample> samples;
    std::size_t oldest = 0;
    [[nodiscard]] const HistorySample& at(std::size_t i) const {
      return samples[(oldest + i) % samples.size()];
    }
    void add(HistorySample sample);
  };
  // Guarded: any thread.
  base::Guarded<Ring> ring_;
};

/// The answer of GET /api/v1/history.
[[nodiscard]] std::string history_json(const std::vector<HistorySample>& samples);

}  // namespace holdfast::observe
