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
  std::uint64_t disk_reserve_bytes = 0;
  std::uint64_t appended = 0;    ///< Entries that this outbox has ever stored.
  std::uint64_t kept_bytes = 0;  ///< Of `bytes`, by estimate, what no early removal can free.
  std::uint64_t file_bytes = 0;  ///< Room that its files take on the disk, free pages included.
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
  /// Since when nothing gets through, whatever the reason; nullopt while it does.
  std::optional<WallTime> failing_since;
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

/// How fast entries came and went over the last minute, or over what there is of it.
struct Rates {
  double window_seconds = 0;  ///< 0: nothing to compare with yet; then the others are 0.
  double accepted_per_second = 0;
  double delivered_per_second = 0;
};

/// When the next write would be refused for want of room, if things go on as they do.
struct Forecast {
  std::optional<double> full_in_seconds;  ///< Empty: not within 30 days. 0: it is full.
  double growth_bytes_per_second = 0;     ///< Of what cannot be removed early; never negative.
  std::string_view limited_by;            ///< "max_size" or "disk_reserve"; empty with no time.
};

enum class HealthStatus { ok, degraded, failing };
[[nodiscard]] std::string_view to_string(HealthStatus status);

/// Everything that health, status and metrics are made from.
struct HealthSnapshot {
  WallTime at{};
  std::string version;
  std::string node;
  bool shutting_down = false;
  std::uint64_t log_lines_dropped = 0;
  OutboxStats outbox;
  RelayStats relay;
  IngressStats ingress;
  Rates rates;
  Forecast forecast;
  /// failing = cannot store or shutting down; degraded = backing_off, paused, unconfigured, a
  /// paused source.
  [[nodiscard]] HealthStatus status() const;
};

}  // namespace holdfast
