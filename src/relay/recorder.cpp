#include "relay/recorder.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "relay/events.hpp"

namespace holdfast::relay {
namespace {

double seconds(auto duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

void Recorder::delivered(std::span<const Entry> batch, std::chrono::nanoseconds took,
                         WallTime now) {
  delivery_seconds_.observe(seconds(took));
  for (const Entry& entry : batch)  // The wall clock may have been set back since.
    end_to_end_seconds_.observe(std::max(0.0, seconds(now - entry.received_at)));
  stats_.with([&](RelayStats& stats) {
    stats.last_success = now;
    ++stats.attempts[{"delivered", ""}];
    for (const Entry& entry : batch) ++stats.delivered_by_source[entry.source];
  });
}

void Recorder::failed(const DeliveryFailure& failure, std::chrono::nanoseconds took, WallTime now) {
  delivery_seconds_.observe(seconds(took));
  stats_.with([&](RelayStats& stats) {
    ++stats.attempts[{"failed", std::string(to_string(failure.delivery_class))}];
    const bool of_source = !failure.source.empty() && is_misconfiguration(failure.delivery_class);
    if (of_source || is_about_content(failure.delivery_class)) return;
    stats.last_error = describe(failure);
    stats.last_error_at = now;
  });
}

void Recorder::unreachable(const DeliveryFailure& failure, WallTime now) {
  stats_.with([&](RelayStats& stats) {
    stats.last_error = describe(failure);
    stats.last_error_at = now;
  });
}

void Recorder::publish(RelayStats now, WallTime at) {
  stats_.with([&](RelayStats& stats) {
    const bool failing =
        now.state == DestinationState::backing_off || now.state == DestinationState::paused;
    if (!failing) stats.failing_since.reset();
    if (failing && !stats.failing_since) stats.failing_since = at;
    stats.state = now.state;
    stats.paused = now.paused;
    stats.pause_reason = std::move(now.pause_reason);
    stats.paused_sources = std::move(now.paused_sources);
    stats.retry_at = now.retry_at;
    stats.consecutive_failures = now.consecutive_failures;
  });
}

RelayStats Recorder::snapshot() const {
  RelayStats stats = stats_.copy();
  stats.delivery_seconds = delivery_seconds_.snapshot();
  stats.end_to_end_seconds = end_to_end_seconds_.snapshot();
  return stats;
}

}  // namespace holdfast::relay
