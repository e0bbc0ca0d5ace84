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
#include "holdfast/export.hpp"

namespace holdfast {

/// A histogram read at one moment.
struct HistogramSnapshot {
  std::vector<double> bounds;         ///< Upper bounds of the buckets, included, growing.
  std::vector<std::uint64_t> counts;  ///< By bucket, not cumulative; the last is beyond all bounds.
  double sum = 0;                     ///< Of all that was observed.
};

/// The outbox at one moment; all values but the disk's come from memory, no query is made.
struct OutboxStats {
  std::array<std::uint64_t, 4> entries{};  ///< By EntryState.
  std::uint64_t pending_body_bytes = 0;    ///< Sum over the bodies of pending entries.
  std::uint64_t bytes = 0;                 ///< Used pages plus WAL.
  std::uint64_t bytes_max = 0;             ///< OutboxConfig::max_size_bytes.
  std::uint64_t disk_free_bytes = 0;       ///< Of the outbox's disk, asked now.
  std::uint64_t disk_reserve_bytes = 0;    ///< OutboxConfig::disk_reserve_bytes.
  std::uint64_t appended = 0;              ///< Entries that this outbox has ever stored.
  std::uint64_t kept_bytes = 0;  ///< Of `bytes`, by estimate, what no early removal can free.
  std::uint64_t file_bytes = 0;  ///< Room that its files take on the disk, free pages included.
  std::optional<WallTime> oldest_pending_received_at;  ///< nullopt: nothing is pending.
  bool can_store = true;             ///< An append of usual size would be taken now.
  std::string cannot_store_reason;   ///< For the operator; empty while can_store.
  HistogramSnapshot commit_seconds;  ///< How long commits took, sync included.
  HistogramSnapshot group_entries;   ///< Appends that shared one commit.
};

/// How things are between the relay and Postgres.
enum class DestinationState {
  connected,     ///< A session is open.
  idle,          ///< None is needed now.
  backing_off,   ///< The last try failed; the next one has its time.
  paused,        ///< Postgres refuses us, or an operator has paused delivery.
  unconfigured,  ///< There is no URL: entries wait.
};
/// The word of JSON and metrics: the name of the enumerator.
[[nodiscard]] HOLDFAST_EXPORT std::string_view to_string(DestinationState state);

/// Why one source is not being delivered.
struct PausedSource {
  std::string source;  ///< Its name.
  std::string reason;  ///< "poison_flood", "configuration", "timeout", "operator", …
  std::string error;   ///< SQLSTATE and primary message of the last try.
  WallTime since{};    ///< When the pause began.
};

/// The relay and its destination at one moment; with several sessions, all of them together.
struct RelayStats {
  DestinationState state = DestinationState::idle;  ///< What to hear of first.
  bool paused = false;                              ///< The destination as a whole.
  std::optional<std::string> pause_reason;          ///< "configuration", "quota" or "operator".
  std::vector<PausedSource> paused_sources;         ///< By name, each once.
  std::optional<WallTime> last_success;             ///< When a batch was committed last.
  std::optional<std::string> last_error;            ///< Without host names, users or payloads.
  std::optional<WallTime> last_error_at;            ///< When last_error was met.
  /// Since when nothing gets through, whatever the reason; nullopt while it does.
  std::optional<WallTime> failing_since;
  /// When Postgres is contacted next: a retry, or the end of an economy window.
  std::optional<WallTime> retry_at;
  std::chrono::milliseconds drain_window{0};  ///< How long entries are gathered; 0: not at all.
  std::uint32_t consecutive_failures = 0;     ///< Since the last answer; the most of any session.
  std::uint64_t connects = 0;                 ///< Sessions opened so far.
  std::map<std::string, std::uint64_t> delivered_by_source;  ///< Entries that were committed.
  /// (outcome, class) -> batches tried; outcome is "delivered" or "failed", class "" or a
  /// DeliveryClass.
  std::map<std::pair<std::string, std::string>, std::uint64_t> attempts;
  HistogramSnapshot delivery_seconds;    ///< How long a batch took, failed ones included.
  HistogramSnapshot end_to_end_seconds;  ///< From received_at of an entry to its commit.
};

/// The ingress at one moment.
struct IngressStats {
  /// (source or empty, status code) -> requests answered.
  std::map<std::pair<std::string, int>, std::uint64_t> requests;
  HistogramSnapshot request_seconds;  ///< How long requests took.
  std::uint64_t connections = 0;      ///< Open now.
  std::uint64_t inflight_bytes = 0;   ///< Bodies in memory that are not yet durable.
};

/// How fast entries came and went over the last minute, or over what there is of it.
struct Rates {
  double window_seconds = 0;        ///< 0: nothing to compare with yet; then the others are 0.
  double accepted_per_second = 0;   ///< Entries that were stored.
  double delivered_per_second = 0;  ///< Entries that Postgres has committed.
};

/// When the next write would be refused for want of room, if things go on as they do.
struct Forecast {
  std::optional<double> full_in_seconds;  ///< Empty: not within 30 days. 0: it is full.
  double growth_bytes_per_second = 0;     ///< Of what cannot be removed early; never negative.
  std::string_view limited_by;            ///< "max_size" or "disk_reserve"; empty with no time.
};

/// All of it in one word.
enum class HealthStatus {
  ok,        ///< Writes are stored, and go to Postgres.
  degraded,  ///< Writes are stored; some or all of them wait.
  failing,   ///< No write is stored: the daemon is full, has no disk, or shuts down.
};
/// The word of JSON and metrics: the name of the enumerator.
[[nodiscard]] HOLDFAST_EXPORT std::string_view to_string(HealthStatus status);

/// Everything that health, status and metrics are made from.
struct HealthSnapshot {
  WallTime at{};                        ///< When it was taken.
  std::string version;                  ///< Of this library.
  std::string node;                     ///< Of this outbox: a UUID that stays with its file.
  bool shutting_down = false;           ///< Service::stop has begun.
  std::uint64_t log_lines_dropped = 0;  ///< Lines that nobody took in time.
  OutboxStats outbox;                   ///< The local queue.
  RelayStats relay;                     ///< What goes to Postgres.
  IngressStats ingress;                 ///< What comes in; empty before it has started.
  Rates rates;                          ///< Entries a second.
  Forecast forecast;                    ///< When it will be full.
  /// failing = cannot store or shutting down; degraded = backing_off, paused, unconfigured, a
  /// paused source.
  [[nodiscard]] HealthStatus status() const;
};

}  // namespace holdfast
