#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "holdfast/health.hpp"
#include "holdfast/log.hpp"

namespace holdfast::observe {

/// Says in good time that the outbox fills up, and says it neither once too often nor once only:
/// when it will be full within 4 h, again each 30 min, at once when less than 1 h is left, and when
/// it is over. Begin and end lie apart, so that a forecast that wavers makes no lines.
///
/// Threads:  one at a time.
class FillingWatch {
 public:
  static constexpr std::chrono::hours warn_within{4};
  static constexpr std::chrono::hours end_beyond{5};
  static constexpr std::chrono::hours urgent_within{1};
  static constexpr std::chrono::minutes calm_beyond{75};
  static constexpr std::chrono::minutes repeat_every{30};

  /// The event to log now, if any.
  [[nodiscard]] std::optional<LogEvent> look(const HealthSnapshot& snapshot, SteadyTime now);

 private:
  std::optional<SteadyTime> said_at_;  ///< Empty: not filling.
  bool urgent_ = false;
};

/// "3 h 20 min", "45 min", "30 s": the two largest units, as a person says it.
[[nodiscard]] std::string in_words(std::chrono::seconds duration);

}  // namespace holdfast::observe
