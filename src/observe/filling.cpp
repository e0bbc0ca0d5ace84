#include "observe/filling.hpp"

#include <format>

#include "holdfast/entry.hpp"

namespace holdfast::observe {
namespace {

using Seconds = std::chrono::duration<double>;

LogEvent filling(const HealthSnapshot& snapshot, LogLevel level) {
  const auto& forecast = snapshot.forecast;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(
      Seconds(forecast.full_in_seconds.value_or(0)));
  const auto message =
      seconds.count() > 0
          ? std::format(
                "The outbox will be full in {} at this rate; from then on senders get 503. Mend "
                "what keeps entries from Postgres, or make room.",
                in_words(seconds))
          : std::string(
                "The outbox is full: senders get 503 until there is room. Mend what keeps entries "
                "from Postgres, or make room.");
  const auto pending = snapshot.outbox.entries.at(static_cast<std::size_t>(EntryState::pending));
  return {level,
          "outbox_filling",
          message,
          {{"full_in_seconds", std::to_string(seconds.count())},
           {"limited_by", std::string(forecast.limited_by)},
           {"growth_bytes_per_second", std::format("{:.0f}", forecast.growth_bytes_per_second)},
           {"pending", std::to_string(pending)},
           {"destination", std::string(to_string(snapshot.relay.state))}}};
}

}  // namespace

std::optional<LogEvent> FillingWatch::look(const HealthSnapshot& snapshot, SteadyTime now) {
  const auto& left = snapshot.forecast.full_in_seconds;
  const auto within = [&](auto limit) { return left && Seconds(*left) < limit; };
  if (said_at_ && !within(end_beyond)) {
    said_at_.reset();
    urgent_ = false;
    return LogEvent{LogLevel::info, "outbox_filling_ended", "The outbox fills up no longer.", {}};
  }
  if (!said_at_ && !within(warn_within)) return std::nullopt;
  const bool was_urgent = urgent_;
  urgent_ = within(urgent_within) || (was_urgent && within(calm_beyond));
  const bool due = !said_at_ || now - *said_at_ >= repeat_every || (urgent_ && !was_urgent);
  if (!due) return std::nullopt;
  said_at_ = now;
  return filling(snapshot, urgent_ ? LogLevel::error : LogLevel::warn);
}

std::string in_words(std::chrono::seconds duration) {
  const auto days = duration.count() / 86400;
  const auto hours = duration.count() / 3600 % 24;
  const auto minutes = duration.count() / 60 % 60;
  if (days > 0) return std::format("{} d {} h", days, hours);
  if (hours > 0) return std::format("{} h {} min", hours, minutes);
  if (minutes > 0) return std::format("{} min", minutes);
  return std::format("{} s", duration.count());
}

}  // namespace holdfast::observe
