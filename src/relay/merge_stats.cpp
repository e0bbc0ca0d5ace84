#include "relay/merge_stats.hpp"

#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>

#include "base/check.hpp"

namespace holdfast::relay {
namespace {

/// What an operator should hear of first wins.
int urgency(DestinationState state) {
  switch (state) {
    case DestinationState::paused: return 4;
    case DestinationState::backing_off: return 3;
    case DestinationState::connected: return 2;
    case DestinationState::idle: return 1;
    case DestinationState::unconfigured: return 0;
  }
  return 0;
}

void add(HistogramSnapshot& sum, const HistogramSnapshot& part) {
  if (part.bounds.empty()) return;  // Without a destination nothing is measured.
  if (sum.bounds.empty()) {
    sum = part;
    return;
  }
  HOLDFAST_CHECK(sum.bounds == part.bounds, "machines count in the same buckets");
  std::ranges::transform(sum.counts, part.counts, sum.counts.begin(), std::plus());
  sum.sum += part.sum;
}

void add(RelayStats& sum, const RelayStats& part) {
  if (urgency(part.state) > urgency(sum.state)) sum.state = part.state;
  sum.paused = sum.paused || part.paused;
  if (!sum.pause_reason) sum.pause_reason = part.pause_reason;
  std::ranges::copy(part.paused_sources, std::back_inserter(sum.paused_sources));
  sum.last_success = std::max(sum.last_success, part.last_success);
  if (part.last_error_at > sum.last_error_at) {
    sum.last_error = part.last_error;
    sum.last_error_at = part.last_error_at;
  }
  if (part.failing_since && (!sum.failing_since || *part.failing_since < *sum.failing_since))
    sum.failing_since = part.failing_since;
  if (part.retry_at && (!sum.retry_at || *part.retry_at < *sum.retry_at))
    sum.retry_at = part.retry_at;
  sum.consecutive_failures = std::max(sum.consecutive_failures, part.consecutive_failures);
  sum.connects += part.connects;
  for (const auto& [source, count] : part.delivered_by_source)
    sum.delivered_by_source[source] += count;
  for (const auto& [outcome, count] : part.attempts) sum.attempts[outcome] += count;
  add(sum.delivery_seconds, part.delivery_seconds);
  add(sum.end_to_end_seconds, part.end_to_end_seconds);
}

}  // namespace

RelayStats merge_stats(std::span<const RelayStats> machines) {
  HOLDFAST_CHECK(!machines.empty(), "there is a machine");
  RelayStats sum = machines.front();
  for (const RelayStats& part : machines.subspan(1)) add(sum, part);
  return sum;
}

std::vector<PausedSource> without_repeats(std::vector<PausedSource> paused) {
  std::ranges::stable_sort(paused, {}, [](const PausedSource& each) {
    return std::pair(std::string_view(each.source), each.since);
  });
  const auto repeats = std::ranges::unique(paused, {}, &PausedSource::source);
  paused.erase(repeats.begin(), repeats.end());
  return paused;
}

}  // namespace holdfast::relay
