#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "holdfast/clock.hpp"

namespace holdfast {

/// A histogram read at one moment: counts per bucket (not cumulative), the last one beyond all
/// bounds.
struct HistogramSnapshot {
  std::vector<double> bounds;
  std::vector<std::uint64_t> counts;  ///< bounds.size() + 1 of them.
  double sum = 0;
};

/// The outbox at one moment; all values come from memory, no query is made.
struct OutboxStats {
  std::array<std::uint64_t, 4> entries{};  ///< By EntryState.
  std::uint64_t pending_body_bytes = 0;    ///< Sum over the bodies of pending entries.
  std::uint64_t bytes = 0;                 ///< Used pages plus WAL.
  std::uint64_t bytes_max = 0;
  std::uint64_t disk_free_bytes = 0;
  std::optional<WallTime> oldest_pending_received_at;
  bool can_store = true;
  std::string cannot_store_reason;  ///< Empty while can_store.
  HistogramSnapshot commit_seconds;
  HistogramSnapshot group_entries;
};

enum class DestinationState { connected, idle, backing_off, paused, unconfigured };
[[nodiscard]] std::string_view to_string(DestinationState state);

/// Why one source is not being delivered.
struct PausedSource {
  std::string source;
  std::string reason;  ///< "poison_flood", "configuration", "timeout", ...
  std::string error;   ///< SQLSTATE and primary message of the last try.
  WallTime since{};
};

/// The relay and its destination at one moment.
struct RelayStats {
  DestinationState state = DestinationState::idle;
  bool paused = false;  ///< The destination as a whole.
  std::optional<std::string> pause_reason;
  std::vector<PausedSource> paused_sources;
  std::optional<WallTime> last_success;
  std::optional<std::string> last_error;  ///< Without host names, users or payloads.
  std::optional<WallTime> last_error_at;
  /// When Postgres is contacted next: a retry, or the end of an economy window.
  std::optional<WallTime> retry_at;
  std::chrono::milliseconds drain_window{0};  ///< How long entries are gathered; 0: not at all.
  std::uint32_t consecutive_failures = 0;
  std::uint64_t connects = 0;
  std::map<std::string, std::uint64_t> delivered_by_source;
  /// (outcome, class) -> batches tried; outcome is "delivered" or "failed", class "" or a
  /// DeliveryClass.
  std::map<std::pair<std::string, std::string>, std::uint64_t> attempts;
  HistogramSnapshot delivery_seconds;
  HistogramSnapshot end_to_end_seconds;
};

/// The ingress at one moment.
struct IngressStats {
  /// (source or empty, status code) -> requests answered.
  std::map<std::pair<std::string, int>, std::uint64_t> requests;
  HistogramSnapshot request_seconds;
  std::uint64_t connections = 0;
  std::uint64_t inflight_bytes = 0;
};

enum class HealthStatus { ok, degraded, failing };
[[nodiscard]] std::string_view to_string(HealthStatus status);

/// Everything that health, status and metrics are made from.
struct HealthSnapshot {
  WallTime at{};
  std::string version;
  std::string node;
  bool shutting_down = false;
  OutboxStats outbox;
  RelayStats relay;
  IngressStats ingress;
  /// failing = cannot store or shutting down; degraded = backing_off, paused, unconfigured, a
  /// paused source.
  [[nodiscard]] HealthStatus status() const;
};

}  // namespace holdfast
