#pragma once

#include <cstdint>
#include <random>

#include "holdfast/clock.hpp"
#include "holdfast/entry.hpp"

namespace holdfast::base {

/// A random UUID (version 4) from the system's random source.
[[nodiscard]] Uuid random_uuid();

/// Makes UUIDv7s that grow strictly, whatever the clock does: within a millisecond, and while the
/// clock stands behind the last id, the 12 bits after the time count up, then the time itself.
///
/// Needs:    `last` = the largest id ever made for this outbox, so that restarts keep the order.
/// Threads:  one at a time.
/// Source:   RFC 9562 section 6.2, method 1 (fixed bit-length dedicated counter).
class UuidV7Generator {
 public:
  explicit UuidV7Generator(const Uuid& last);
  [[nodiscard]] Uuid next(WallTime now);

 private:
  std::uint64_t last_time_and_counter_;  ///< 48 bits of milliseconds, then 12 bits of counter.
  std::mt19937_64 random_;
};

/// The milliseconds that a UUIDv7 carries.
[[nodiscard]] WallTime time_of(const Uuid& id);

}  // namespace holdfast::base
