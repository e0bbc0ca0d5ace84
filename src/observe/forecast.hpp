#pragma once

#include <chrono>
#include <span>

#include "holdfast/health.hpp"

/// When the outbox will be full: pure, from rooms that were measured before.
namespace holdfast::observe {

/// The room for entries at one moment, by both limits. It counts what removing delivered entries
/// early would free, since that happens before anybody gets 503: so a steady state, in which the
/// file grows by what was delivered and retention takes it away again, uses up no room, while a
/// backlog does, even in a file that is at its limit already and has delivered entries to give.
struct Room {
  SteadyTime at{};
  double size_bytes = 0;  ///< Below outbox.max_size.
  double disk_bytes = 0;  ///< Above outbox.disk_reserve; others fill the disk, too.
};

[[nodiscard]] Room room_of(const OutboxStats& outbox, SteadyTime at);

/// The trend is looked at over this long, or over what there is of it. It is the slope of a line
/// fitted by least squares, so that the drain after an outage, or one burst, is no trend of its
/// own.
inline constexpr std::chrono::minutes forecast_window{10};
/// With less nothing is said.
inline constexpr std::chrono::minutes forecast_data_min{1};
/// What is further away is no news.
inline constexpr std::chrono::days forecast_horizon{30};

/// The forecast at `now`.
/// Needs:    `rooms` in the order of time; those older than forecast_window are passed over.
[[nodiscard]] Forecast forecast(const HealthSnapshot& snapshot, std::span<const Room> rooms,
                                const Room& now);

}  // namespace holdfast::observe
