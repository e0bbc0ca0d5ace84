#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "holdfast/destination.hpp"
#include "holdfast/export.hpp"

namespace holdfast {

/// A lost connection that with_db is about to try again after, as an observer sees it.
struct Retry {
  std::uint32_t number = 1;           ///< 1: the first one behind the first attempt.
  std::chrono::milliseconds delay{};  ///< How long it is waited before it.
  DeliveryClass delivery_class = DeliveryClass::connection;  ///< connection or server.
  std::string sqlstate;                                      ///< Empty where the link just ended.
  std::string message;  ///< Without addresses, users and passwords.
  /// The link was lost inside COMMIT, now or in an earlier attempt: the work may be stored already.
  bool in_doubt = false;
};

/// How often, when and how long with_db tries again.
struct RetryOptions {
  /// Attempts behind the first one. 3, which bridge a restart of some seconds; 0 to 100. Less: the
  /// caller meets faults that would have passed. More: longer outages are bridged, by a caller that
  /// waits.
  std::uint32_t retries = 3;
  /// The time before the first retry; it doubles each time. 1 s: what a restart of a pooler takes.
  /// 1 ms to 24 h. Less: a server that comes up is knocked at more often. More: a short fault keeps
  /// the caller waiting.
  std::chrono::milliseconds delay_base{1'000};
  /// The longest time before one retry. 30 s, as the relay's; `delay_base` to 24 h. Less: more
  /// connects in a long outage. More: work goes on later after one.
  std::chrono::milliseconds delay_max{30'000};
  /// The part of each delay that is drawn by chance, so that many callers do not come back at the
  /// same moment. 0.2, which keeps the schedule readable; from 0 (none) to 1 (anything up to the
  /// whole delay). Less: a crowd comes back together. More: delays say less.
  double jitter = 0.2;
  /// No attempt begins later than this after the call, and connecting and the wait for a place end
  /// by then; a statement that runs is left to end. None unless set, as only the caller knows who
  /// waits for it; 1 ms to 24 h. Less: given up early. More, or none: the caller waits longer.
  std::optional<std::chrono::milliseconds> deadline = std::nullopt;
  /// Called before each wait, by the thread that will wait. What it throws leaves with_db.
  std::function<void(const Retry&)> on_retry = {};
};

/// When to try again: options that were checked.
///
/// Promise:  the delay before retry n is min(delay_max, delay_base * 2^(n-1)), less a chance part
///           of at most `jitter` of it.
/// Threads:  any, if `on_retry` is.
/// Errors:   Error of kind invalid, from the constructor, which names the option and the cure.
/// Source:   AWS Architecture Blog, "Exponential Backoff And Jitter".
class HOLDFAST_EXPORT RetryPolicy {
 public:
  /// What with_db does unless told otherwise: 3 retries from 1 s.
  RetryPolicy() = default;
  explicit RetryPolicy(RetryOptions options);  ///< Checks the options.
  /// What with_db_critical does unless told otherwise: 5 retries from 2 s.
  [[nodiscard]] static RetryPolicy critical();
  /// What it was made of.
  [[nodiscard]] const RetryOptions& options() const { return options_; }

 private:
  RetryOptions options_;
};

}  // namespace holdfast
