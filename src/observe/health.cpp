#include "observe/health.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/encoding.hpp"
#include "holdfast/entry.hpp"

namespace holdfast::observe {
namespace {

using nlohmann::json;

json time_or_null(const std::optional<WallTime>& time) {
  return time ? json(base::to_rfc3339(*time)) : json(nullptr);
}

json text_or_null(const std::optional<std::string>& text) {
  return text ? json(*text) : json(nullptr);
}

json text_or_null(const std::string& text) {
  return text.empty() ? json(nullptr) : json(text);
}

std::uint64_t count_of(const OutboxStats& outbox, EntryState state) {
  return outbox.entries.at(static_cast<std::size_t>(state));
}

// Error texts come from elsewhere; a byte that is not UTF-8 must not turn a health check into a
// 500.
std::string dump(const json& document) {
  return document.dump(-1, ' ', false, json::error_handler_t::replace);
}

json paused_source_names(const RelayStats& relay) {
  json names = json::array();
  for (const auto& paused : relay.paused_sources) names.push_back(paused.source);
  return names;
}

json paused_sources_in_full(const RelayStats& relay) {
  json sources = json::array();
  for (const auto& paused : relay.paused_sources)
    sources.push_back({{"source", paused.source},
                       {"reason", paused.reason},
                       {"error", text_or_null(paused.error)},
                       {"since", base::to_rfc3339(paused.since)}});
  return sources;
}

json forecast_document(const HealthSnapshot& snapshot) {
  const auto& forecast = snapshot.forecast;
  std::optional<WallTime> full_at;
  if (forecast.full_in_seconds)
    full_at = snapshot.at + std::chrono::milliseconds(
                                static_cast<std::int64_t>(*forecast.full_in_seconds * 1000));
  return {{"full_at", time_or_null(full_at)},
          {"full_in_seconds",
           forecast.full_in_seconds ? json(*forecast.full_in_seconds) : json(nullptr)},
          {"growth_bytes_per_second", forecast.growth_bytes_per_second},
          {"limited_by", text_or_null(std::string(forecast.limited_by))}};
}

}  // namespace

double oldest_pending_age_seconds(const HealthSnapshot& snapshot) {
  const auto& oldest = snapshot.outbox.oldest_pending_received_at;
  if (!oldest) return 0;
  const auto age = std::max(snapshot.at - *oldest, WallTime::duration::zero());
  return std::chrono::duration<double>(age).count();
}

std::string health_json(const HealthSnapshot& snapshot) {
  const auto& outbox = snapshot.outbox;
  const auto& relay = snapshot.relay;
  return dump({
      {"status", to_string(snapshot.status())},
      {"outbox",
       {{"pending", count_of(outbox, EntryState::pending)},
        {"dead", count_of(outbox, EntryState::dead)},
        {"oldest_pending_age_seconds", oldest_pending_age_seconds(snapshot)},
        {"bytes", outbox.bytes},
        {"bytes_max", outbox.bytes_max}}},
      {"destination",
       {{"state", to_string(relay.state)},
        {"last_success", time_or_null(relay.last_success)},
        {"last_error", text_or_null(relay.last_error)},
        {"retry_at", time_or_null(relay.retry_at)}}},
      {"relay",
       {{"paused", relay.paused},
        {"pause_reason", text_or_null(relay.pause_reason)},
        {"paused_sources", paused_source_names(relay)}}},
      {"version", snapshot.version},
      {"node", snapshot.node},
  });
}

int health_status_code(const HealthSnapshot& snapshot) {
  return snapshot.status() == HealthStatus::failing ? 503 : 200;
}

std::string ready_json(const HealthSnapshot& snapshot) {
  json answer{{"status", to_string(snapshot.status())}};
  if (snapshot.shutting_down) {
    answer["reason"] = "shutting_down";
  } else if (!snapshot.outbox.can_store) {
    answer["reason"] = "cannot_store";
  }
  return dump(answer);
}

std::string status_json(const HealthSnapshot& snapshot,
                        const std::vector<std::string>& source_names) {
  const auto& outbox = snapshot.outbox;
  const auto& relay = snapshot.relay;
  return dump({
      {"at", base::to_rfc3339(snapshot.at)},
      {"status", to_string(snapshot.status())},
      {"version", snapshot.version},
      {"node", snapshot.node},
      {"outbox",
       {{"pending", count_of(outbox, EntryState::pending)},
        {"delivered", count_of(outbox, EntryState::delivered)},
        {"dead", count_of(outbox, EntryState::dead)},
        {"discarded", count_of(outbox, EntryState::discarded)},
        {"oldest_pending_age_seconds", oldest_pending_age_seconds(snapshot)},
        {"bytes", outbox.bytes},
        {"bytes_max", outbox.bytes_max},
        {"disk_free_bytes", outbox.disk_free_bytes},
        {"can_store", outbox.can_store},
        {"cannot_store_reason", text_or_null(outbox.cannot_store_reason)}}},
      {"destination",
       {{"state", to_string(relay.state)},
        {"last_success", time_or_null(relay.last_success)},
        {"last_error", text_or_null(relay.last_error)},
        {"last_error_at", time_or_null(relay.last_error_at)},
        {"failing_since", time_or_null(relay.failing_since)},
        {"retry_at", time_or_null(relay.retry_at)},
        {"drain_window_seconds", std::chrono::duration<double>(relay.drain_window).count()},
        {"consecutive_failures", relay.consecutive_failures},
        {"connects", relay.connects}}},
      {"relay",
       {{"paused", relay.paused},
        {"pause_reason", text_or_null(relay.pause_reason)},
        {"paused_sources", paused_sources_in_full(relay)}}},
      {"sources", source_names},
      {"delivered_by_source", relay.delivered_by_source},
      {"rates",
       {{"window_seconds", snapshot.rates.window_seconds},
        {"accepted_per_second", snapshot.rates.accepted_per_second},
        {"delivered_per_second", snapshot.rates.delivered_per_second}}},
      {"forecast", forecast_document(snapshot)},
  });
}

std::string stream_event(const HealthSnapshot& snapshot,
                         const std::vector<std::string>& source_names) {
  return "event: status\ndata: " + status_json(snapshot, source_names) + "\n\n";
}

}  // namespace holdfast::observe
