#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/backoff.hpp"
#include "holdfast/clock.hpp"
#include "holdfast/config.hpp"
#include "holdfast/destination.hpp"

/// When the destination may be tried again, and with how much.
namespace holdfast::relay {

/// Wait at least this long after "too many connections" and the like: the other side counts tries.
inline constexpr std::chrono::milliseconds slow_start_floor{5'000};
/// A paused destination or source is tried this often with one entry.
inline constexpr std::chrono::milliseconds probe_interval{30'000};
/// An overloaded server gets this many times the backoff of a lost link.
inline constexpr int server_cap_factor = 4;
/// Contention: rolled back by the server, so a short wait is enough ...
inline constexpr std::chrono::milliseconds contention_initial{20};
inline constexpr std::chrono::milliseconds contention_cap{1'000};
/// ... until it has failed this often in a row: then one entry alone shows who is to blame.
inline constexpr std::uint32_t contention_tries_max = 3;
/// An entry that contends alone waits 1, 2, 4, ... seconds up to this, while others go on; each try
/// may cost the whole lock_timeout.
inline constexpr std::chrono::milliseconds contention_hold_cap{10'000};
/// From so many tries alone on its group counts as paused, and is probed like every paused one.
inline constexpr std::uint32_t contention_alone_max = 8;
/// Size of the batch after a probe went through: 1, 4, 16, ...
inline constexpr std::uint32_t ramp_factor = 4;
/// After a time-out the batch stays halved until this many full batches went through.
inline constexpr std::uint32_t ceiling_patience = 8;

/// What comes after a failed try.
struct Retry {
  std::uint32_t attempt = 0;  ///< Failed tries of this kind in a row, this one included.
  std::chrono::milliseconds delay{0};
};

/// A circuit breaker with full jitter: closed; after a failure open for a while; then half-open,
/// where ONE entry shows whether the destination is back; then closed with a slow start.
///
/// The first try after the loss of a session that had lived is special: at once, and with a batch
/// as large as before. Such a loss is nearly always the suspend of an idle Neon or a pooler's
/// restart, the other side is healthy, and a batch in doubt is best sent again as it was. It is
/// granted once; if it fails, too, everything is as after any other failure.
///
/// Threads:  one at a time.
class Breaker {
 public:
  enum class Recovery { none, backoff, pause };

  Breaker(const DestinationConfig& config, std::uint64_t jitter_seed);

  /// No try before this time; nullopt: now.
  [[nodiscard]] std::optional<SteadyTime> not_before() const { return not_before_; }
  /// The next try is a probe.
  [[nodiscard]] bool half_open() const { return mode_ == Mode::half_open || paused(); }
  [[nodiscard]] bool failing() const { return failures_ > 0; }
  /// Rolled back more than once in a row: nothing is getting through.
  [[nodiscard]] bool contending() const { return contentions_ > 1; }
  [[nodiscard]] bool paused() const { return mode_ == Mode::paused; }
  [[nodiscard]] std::string_view pause_reason() const { return pause_reason_; }
  [[nodiscard]] std::uint32_t failures() const { return failures_; }
  /// How many entries the next batch may have.
  [[nodiscard]] std::uint32_t entries_max() const;

  /// The server judged our entries, be it with a refusal: the destination is well.
  /// Returns what this ends.
  [[nodiscard]] Recovery answered();
  /// Something says that the destination may be back: no need to wait.
  void try_now() { not_before_.reset(); }
  /// A batch was committed.
  void delivered(std::uint32_t entries);
  /// The link or the server is gone; also a commit in doubt.
  [[nodiscard]] Retry unreachable(const DeliveryFailure& failure, SteadyTime now);
  /// Rolled back for contention; from the third time in a row on as `unreachable`. It closes
  /// nothing: only what an entry came to shows that the destination is well.
  [[nodiscard]] Retry contended(const DeliveryFailure& failure, SteadyTime now);
  /// The entry that contended is held; another one may tell at once whether it is the only one.
  void look_elsewhere(SteadyTime now);
  /// A batch of `entries` took too long: go on with half of it.
  [[nodiscard]] Retry too_slow(std::uint32_t entries);
  /// The entry that made batches too slow is known and out of the way: full batches again.
  void culprit_found() { ceiling_ = full_; }
  /// Configuration, quota or a defect: wait for a person, but look every 30 s.
  /// `reason` must outlive the breaker.
  [[nodiscard]] Retry pause(std::string_view reason, SteadyTime now);
  /// How long to wait before an entry alone is tried again, after `tries` failures.
  [[nodiscard]] std::chrono::milliseconds contention_delay(std::uint32_t tries);

 private:
  enum class Mode { closed, reconnecting, half_open, paused };
  [[nodiscard]] std::chrono::milliseconds backoff_delay(const DeliveryFailure& failure);

  // Constant after construction.
  std::chrono::milliseconds initial_;
  std::chrono::milliseconds cap_;
  std::uint32_t full_;
  // Owned by the relay thread.
  base::Jitter jitter_;
  Mode mode_ = Mode::closed;
  std::optional<SteadyTime> not_before_;
  std::string_view pause_reason_;
  std::uint32_t failures_ = 0;
  std::uint32_t doublings_ = 0;
  std::uint32_t contentions_ = 0;
  std::uint32_t ramp_;
  std::uint32_t ceiling_;
  std::uint32_t good_at_ceiling_ = 0;
};

}  // namespace holdfast::relay
