#pragma once

#include <span>

#include "base/guarded.hpp"
#include "base/histogram.hpp"
#include "holdfast/clock.hpp"
#include "holdfast/destination.hpp"
#include "holdfast/health.hpp"

namespace holdfast::relay {

/// What the relay tells of itself.
///
/// Threads:  any.
class Recorder {
 public:
  /// Counts a committed batch.
  void delivered(std::span<const Entry> batch, std::chrono::nanoseconds took, WallTime now);
  /// Counts a failed one. An answer about the content of an entry, or about the statements of a
  /// source, is no error of the destination.
  void failed(const DeliveryFailure& failure, std::chrono::nanoseconds took, WallTime now);
  /// A try of the destination alone, without a batch, has failed.
  void unreachable(const DeliveryFailure& failure, WallTime now);
  /// Takes over what the state machine decides: state, pauses, next try. The rest stays.
  void publish(RelayStats now, WallTime at);
  [[nodiscard]] RelayStats snapshot() const;

 private:
  // Guarded: any thread.
  base::Guarded<RelayStats> stats_;
  base::Histogram delivery_seconds_{base::seconds_bounds};
  base::Histogram end_to_end_seconds_{base::lag_seconds_bounds};
};

}  // namespace holdfast::relay
