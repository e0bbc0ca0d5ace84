#include "relay/breaker.hpp"

#include <algorithm>
#include <limits>

namespace holdfast::relay {
namespace {

using std::chrono::milliseconds;

/// Counters of an outage that lasts for months must not wrap to zero.
void count_up(std::uint32_t& counter) {
  if (counter < std::numeric_limits<std::uint32_t>::max()) ++counter;
}

std::uint32_t times_saturated(std::uint32_t value, std::uint32_t factor, std::uint32_t limit) {
  return value > limit / factor ? limit : value * factor;
}

/// A server that says of itself that it is not able now is not asked again at once.
bool may_reconnect_at_once(const DeliveryFailure& failure) {
  const bool link = failure.delivery_class == DeliveryClass::connection || failure.in_doubt;
  return link && failure.session_lost && failure.session_had_lived && !failure.slow_start;
}

}  // namespace

Breaker::Breaker(const DestinationConfig& config, std::uint64_t jitter_seed)
    : initial_(config.backoff_initial),
      cap_(std::max(config.backoff_initial, config.backoff_max)),
      full_(std::max(1U, config.batch_entries)),
      jitter_(jitter_seed),
      ramp_(full_),
      ceiling_(full_) {}

std::uint32_t Breaker::entries_max() const {
  return half_open() ? 1 : std::min(ramp_, ceiling_);
}

Breaker::Recovery Breaker::answered() {
  const auto ended = paused() ? Recovery::pause : failing() ? Recovery::backoff : Recovery::none;
  mode_ = Mode::closed;
  not_before_.reset();
  pause_reason_ = {};
  failures_ = 0;
  doublings_ = 0;
  contentions_ = 0;
  return ended;
}

void Breaker::delivered(std::uint32_t entries) {
  contentions_ = 0;
  // A batch that was not full says nothing about a larger one.
  if (entries >= ramp_) ramp_ = times_saturated(ramp_, ramp_factor, full_);
  if (entries < ceiling_ || ceiling_ == full_) return;
  if (++good_at_ceiling_ < ceiling_patience) return;
  good_at_ceiling_ = 0;
  ceiling_ = times_saturated(ceiling_, 2, full_);
}

Retry Breaker::unreachable(const DeliveryFailure& failure, SteadyTime now) {
  count_up(failures_);
  if (paused()) {  // The pause lasts until an answer says otherwise; no need to look more often.
    not_before_ = now + probe_interval;
    return {failures_, probe_interval};
  }
  if (mode_ == Mode::closed && may_reconnect_at_once(failure)) {
    mode_ = Mode::reconnecting;
    not_before_.reset();
    return {failures_, milliseconds(0)};
  }
  mode_ = Mode::half_open;
  ramp_ = 1;
  const auto delay = backoff_delay(failure);
  not_before_ = now + delay;
  return {failures_, delay};
}

milliseconds Breaker::backoff_delay(const DeliveryFailure& failure) {
  const auto cap =
      failure.delivery_class == DeliveryClass::connection ? cap_ : cap_ * server_cap_factor;
  auto delay = jitter_.up_to(base::backoff_ceiling(initial_, cap, doublings_));
  count_up(doublings_);
  // The floor is added, not taken as a minimum: else every relay would come back after exactly 5 s.
  return failure.slow_start ? slow_start_floor + delay : delay;
}

Retry Breaker::contended(const DeliveryFailure& failure, SteadyTime now) {
  count_up(contentions_);
  if (contentions_ >= contention_tries_max) return unreachable(failure, now);
  const auto delay = contention_delay(contentions_);
  not_before_ = now + delay;
  return {contentions_, delay};
}

void Breaker::look_elsewhere(SteadyTime now) {
  if (mode_ == Mode::half_open) not_before_ = now + contention_delay(1);
}

milliseconds Breaker::contention_delay(std::uint32_t tries) {
  return jitter_.up_to(
      base::backoff_ceiling(contention_initial, contention_cap, tries == 0 ? 0 : tries - 1));
}

Retry Breaker::too_slow(std::uint32_t entries) {
  ceiling_ = std::max(1U, entries / 2);
  good_at_ceiling_ = 0;
  return {1, milliseconds(0)};
}

Retry Breaker::pause(std::string_view reason, SteadyTime now) {
  count_up(failures_);
  mode_ = Mode::paused;
  pause_reason_ = reason;
  ramp_ = 1;
  not_before_ = now + probe_interval;
  return {failures_, probe_interval};
}

}  // namespace holdfast::relay
