#include "observe/history.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <ranges>

#include "base/encoding.hpp"
#include "holdfast/entry.hpp"
#include "observe/health.hpp"

namespace holdfast::observe {
namespace {

HistorySample sample_of(const HealthSnapshot& snapshot, SteadyTime now) {
  const auto& outbox = snapshot.outbox;
  HistorySample sample;
  sample.at = snapshot.at;
  sample.steady_at = now;
  sample.pending = outbox.entries.at(static_cast<std::size_t>(EntryState::pending));
  sample.dead = outbox.entries.at(static_cast<std::size_t>(EntryState::dead));
  sample.lag_seconds = oldest_pending_age_seconds(snapshot);
  sample.bytes = outbox.bytes;
  sample.accepted = outbox.appended;
  for (const auto& [source, count] : snapshot.relay.delivered_by_source) sample.delivered += count;
  sample.room = room_of(outbox, now);
  return sample;
}

/// Per second between two samples. A count that went back, as after a reload, is no rate.
Rates rates_between(const HistorySample& then, const HistorySample& now) {
  const double seconds = std::chrono::duration<double>(now.steady_at - then.steady_at).count();
  if (seconds <= 0) return {};
  const auto rate = [&](std::uint64_t before, std::uint64_t after) {
    return after > before ? static_cast<double>(after - before) / seconds : 0.0;
  };
  return {seconds, rate(then.accepted, now.accepted), rate(then.delivered, now.delivered)};
}

}  // namespace

void History::Ring::add(HistorySample sample) {
  if (samples.size() < samples_max) {
    samples.push_back(sample);
    return;
  }
  samples[oldest] = sample;
  oldest = (oldest + 1) % samples_max;
}

void History::sample(const HealthSnapshot& snapshot, SteadyTime now) {
  auto sample = sample_of(snapshot, now);
  ring_.with([&](Ring& ring) {
    if (!ring.samples.empty()) {
      const auto rates = rates_between(ring.at(ring.samples.size() - 1), sample);
      sample.accepted_per_second = rates.accepted_per_second;
      sample.delivered_per_second = rates.delivered_per_second;
    }
    ring.add(sample);
  });
}

std::vector<HistorySample> History::samples() const {
  return ring_.with([](const Ring& ring) {
    std::vector<HistorySample> samples;
    samples.reserve(ring.samples.size());
    for (std::size_t i = 0; i < ring.samples.size(); ++i) samples.push_back(ring.at(i));
    return samples;
  });
}

void History::describe(HealthSnapshot& snapshot, SteadyTime now) const {
  const auto past = samples();
  const auto current = sample_of(snapshot, now);
  // The newest that is old enough; while there is none, the oldest of all.
  const auto old_enough = std::ranges::find_if(
      past | std::views::reverse,
      [&](const HistorySample& sample) { return now - sample.steady_at >= rates_window; });
  if (!past.empty())
    snapshot.rates = rates_between(old_enough == past.rend() ? past.front() : *old_enough, current);
  std::vector<Room> rooms;
  rooms.reserve(past.size());
  for (const auto& sample : past) rooms.push_back(sample.room);
  snapshot.forecast = forecast(snapshot, rooms, current.room);
}

std::string history_json(const std::vector<HistorySample>& samples) {
  auto list = nlohmann::json::array();
  for (const auto& sample : samples)
    list.push_back({{"at", base::to_rfc3339(sample.at)},
                    {"pending", sample.pending},
                    {"dead", sample.dead},
                    {"lag_seconds", sample.lag_seconds},
                    {"accepted_per_second", sample.accepted_per_second},
                    {"delivered_per_second", sample.delivered_per_second},
                    {"bytes", sample.bytes}});
  return nlohmann::json{{"step_seconds", History::step.count()}, {"samples", std::move(list)}}
      .dump();
}

}  // namespace holdfast::observe
