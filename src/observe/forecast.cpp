#include "observe/forecast.hpp"

#include <algorithm>
#include <optional>
#include <vector>

namespace holdfast::observe {
namespace {

using Seconds = std::chrono::duration<double>;

double as_number(std::uint64_t bytes) {
  return static_cast<double>(bytes);
}

/// The slope of the line that fits best, per second; 0 where the last is above the mean: what went
/// has come back, as by the drain behind an outage, and the line still tells of its going.
/// Source:   https://en.wikipedia.org/wiki/Simple_linear_regression
double slope_of(std::span<const Room> rooms, double Room::* bytes) {
  const auto count = static_cast<double>(rooms.size());
  const auto seconds = [&](const Room& room) {
    return Seconds(room.at - rooms.front().at).count();
  };
  double mean_seconds = 0;
  double mean_bytes = 0;
  for (const auto& room : rooms) {
    mean_seconds += seconds(room) / count;
    mean_bytes += room.*bytes / count;
  }
  if (rooms.back().*bytes >= mean_bytes) return 0;
  double covariance = 0;
  double variance = 0;
  for (const auto& room : rooms) {
    const double off = seconds(room) - mean_seconds;
    covariance += off * (room.*bytes - mean_bytes);
    variance += off * off;
  }
  return variance > 0 ? covariance / variance : 0;
}

struct Trend {
  double growth = 0;  ///< Bytes of room that go each second.
  std::optional<double> full_in_seconds;
};

Trend trend_of(std::span<const Room> rooms, double Room::* bytes) {
  Trend trend{std::max(0.0, -slope_of(rooms, bytes)), std::nullopt};
  if (trend.growth <= 0) return trend;
  const double seconds = std::max(0.0, rooms.back().*bytes) / trend.growth;
  if (seconds <= Seconds(forecast_horizon).count()) trend.full_in_seconds = seconds;
  return trend;
}

/// Entries that are gathered on purpose are gone when their window ends.
bool drains_before(const HealthSnapshot& snapshot, double seconds) {
  const auto& relay = snapshot.relay;
  return relay.state == DestinationState::idle && relay.retry_at &&
         Seconds(*relay.retry_at - snapshot.at).count() < seconds;
}

}  // namespace

Room room_of(const OutboxStats& outbox, SteadyTime at) {
  const double kept = as_number(outbox.kept_bytes);
  return {at, as_number(outbox.bytes_max) - kept,
          as_number(outbox.disk_free_bytes) + as_number(outbox.file_bytes) -
              as_number(outbox.disk_reserve_bytes) - kept};
}

Forecast forecast(const HealthSnapshot& snapshot, std::span<const Room> rooms, const Room& now) {
  std::vector<Room> recent;
  recent.reserve(rooms.size() + 1);
  std::ranges::copy_if(rooms, std::back_inserter(recent), [&](const Room& room) {
    return room.at < now.at && now.at - room.at <= forecast_window;
  });
  recent.push_back(now);
  const bool enough = now.at - recent.front().at >= forecast_data_min;
  const auto by_size = enough ? trend_of(recent, &Room::size_bytes) : Trend{};
  const auto by_disk = enough ? trend_of(recent, &Room::disk_bytes) : Trend{};
  if (!snapshot.outbox.can_store) {
    const bool disk = now.disk_bytes < now.size_bytes;
    return {0.0, (disk ? by_disk : by_size).growth, disk ? "disk_reserve" : "max_size"};
  }
  // An empty optional is less than any time.
  const bool disk = by_disk.full_in_seconds &&
                    (!by_size.full_in_seconds || by_disk.full_in_seconds < by_size.full_in_seconds);
  const auto& first = disk ? by_disk : by_size;
  if (!first.full_in_seconds || drains_before(snapshot, *first.full_in_seconds))
    return {std::nullopt, first.growth, {}};
  return {first.full_in_seconds, first.growth, disk ? "disk_reserve" : "max_size"};
}

}  // namespace holdfast::observe
