#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "holdfast/config.hpp"
#include "outbox/connection.hpp"

/// When to checkpoint: pure.
namespace holdfast::outbox {

/// Appends wait for a checkpoint: for two syncs, and about a millisecond for each MiB that it
/// moves. So it moves little at a time where a sync is fast, and is seldom where it is slow; this
/// much, by what a sync takes.
inline constexpr std::uint64_t checkpoint_bytes_least = 2 * mib;
inline constexpr std::uint64_t checkpoint_bytes_most = 16 * mib;
inline constexpr std::chrono::microseconds checkpoint_sync_most{1'000};
/// At a quiet moment it comes earlier: from this part of it on, but never below the least.
inline constexpr std::uint64_t checkpoint_quiet_part = 4;
/// From here on long reads make way between two snapshots, until the WAL has begun anew: that needs
/// a moment without readers.
inline constexpr std::uint64_t long_wal_bytes = 24 * mib;
/// A WAL file that a burst or a long reader made so large is cut, not only reused.
inline constexpr std::uint64_t truncate_bytes = 64 * mib;
/// After so long without a commit the WAL is emptied, so that a restart has nothing to recover.
inline constexpr std::chrono::milliseconds truncate_idle{5'000};

struct WalSituation {
  std::uint64_t unmoved_bytes = 0;  ///< In the WAL and not in the database file yet.
  std::uint64_t file_bytes = 0;     ///< Of the WAL file, which is reused without shrinking.
  bool quiet = true;                ///< Nothing waits for the writer.
  std::chrono::nanoseconds idle_for{};
  bool holds_erased = false;        ///< Something was erased since the file was cut last.
  std::chrono::nanoseconds sync{};  ///< What one takes, smoothed.
};

/// From how many bytes on a checkpoint is due, whatever waits.
[[nodiscard]] std::uint64_t checkpoint_bytes(std::chrono::nanoseconds sync);

[[nodiscard]] std::optional<CheckpointMode> choose_checkpoint(const WalSituation& situation);

}  // namespace holdfast::outbox
