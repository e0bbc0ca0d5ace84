#include "logging/repeats.hpp"

#include <algorithm>
#include <array>
#include <format>
#include <string_view>

namespace holdfast::logging {
namespace {

/// The fields that tell kinds of one event apart; all others, such as ids, are of the single event.
constexpr std::array<std::string_view, 6> telling_fields{"source", "class",        "sqlstate",
                                                         "reason", "pause_reason", "constraint"};
/// A text from elsewhere tells kinds apart by its beginning.
constexpr std::size_t telling_bytes = 64;

bool tells(std::string_view field) {
  return std::ranges::contains(telling_fields, field);
}

std::string key_of(const LogEvent& event) {
  std::string key(event.name);
  for (const auto& [name, value] : event.fields) {
    if (!tells(name)) continue;
    key += '\n';
    key += name;
    key += '=';
    key += std::string_view(value).substr(0, telling_bytes);
  }
  return key;
}

LogEvent summary_of(const LogEvent& event) {
  LogEvent summary{
      event.level, "event_repeated", {}, {{"repeated_event", std::string(event.name)}}};
  for (const auto& [name, value] : event.fields)
    if (tells(name)) summary.fields.emplace_back(name, value);
  return summary;
}

}  // namespace

Repeats::Kind& Repeats::kind_of(const LogEvent& event, SteadyTime now) {
  auto key = key_of(event);
  const auto known = kinds_.find(key);
  if (known != kinds_.end()) return known->second;
  if (kinds_.size() >= kinds_max) {
    std::erase_if(kinds_, [&](const auto& kind) {
      return kind.second.seen <= lines_max && now - kind.second.since >= window;
    });
    if (kinds_.size() >= kinds_max) key = event.name;
  }
  return kinds_.try_emplace(std::move(key), Kind{now, 0, {}}).first->second;
}

Repeats::Verdict Repeats::judge(const LogEvent& event, SteadyTime now) {
  if (event.level == LogLevel::debug) return Verdict::write;
  auto& kind = kind_of(event, now);
  // What was cut short is told by ended(), which begins it anew.
  if (kind.seen <= lines_max && now - kind.since >= window) kind = {now, 0, {}};
  ++kind.seen;
  if (kind.seen <= lines_max) return Verdict::write;
  if (kind.seen > lines_max + 1) return Verdict::cut;
  kind.summary = summary_of(event);
  return Verdict::cut_first;
}

std::vector<LogEvent> Repeats::ended(SteadyTime now) {
  std::vector<LogEvent> summaries;
  std::erase_if(kinds_, [&](auto& entry) {
    Kind& kind = entry.second;
    if (now - kind.since < window) return false;
    if (kind.seen > lines_max) {
      const auto more = kind.seen - lines_max;
      kind.summary.message = std::format("The same came {} times more.", more);
      kind.summary.fields.emplace_back("count", std::to_string(more));
      summaries.push_back(std::move(kind.summary));
    }
    return true;
  });
  return summaries;
}

std::optional<SteadyTime> Repeats::next() const {
  std::optional<SteadyTime> next;
  for (const auto& [key, kind] : kinds_)
    if (kind.seen > lines_max)
      next = next ? std::min(*next, kind.since + window) : kind.since + window;
  return next;
}

}  // namespace holdfast::logging
