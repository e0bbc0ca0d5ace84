#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "holdfast/config.hpp"
#include "outbox/connection.hpp"

/// When to checkpoint: pure.
namespace holdfast::outbox {

/// Appends wait for a checkpoint: about a millisecond for each MiB that it moves, and for a sync of
/// the database file if it moves all. So each moves this much, and most of them leave out the last
/// commit, which saves the sync (docs/decisions/0021).
inline constexpr std::uint64_t checkpoint_step_bytes = 2 * mib;
/// From this size of the WAL on all is moved, so that it begins anew.
inline constexpr std::uint64_t checkpoint_whole_bytes = 16 * mib;
/// From here on long reads make way between two snapshots, until the WAL has begun anew: that needs
/// a moment without readers.
inline constexpr std::uint64_t long_wal_bytes = 24 * mib;
/// A WAL file that a burst or a long reader made so large is cut, not only reused.
inline constexpr std::uint64_t truncate_bytes = 64 * mib;
/// After so long without a commit the WAL is emptied, so that a restart has nothing to recover.
inline constexpr std::chrono::milliseconds truncate_idle{5'000};

struct WalSituation {
  std::uint64_t unmoved_bytes = 0;  ///< In the WAL and not in the database file yet.
  std::uint64_t frame_bytes = 0;    ///< Since the WAL last began anew, moved or not.
  std::uint64_t file_bytes = 0;     ///< Of the WAL file, which is reused without shrinking.
  bool quiet = true;                ///< Nothing waits for the writer.
  std::chrono::nanoseconds idle_for{};
  bool holds_erased = false;  ///< Something was erased since the file was cut last.
  bool marked = false;        ///< A partial checkpoint has where to stop.
};

/// True if the next commit is one to leave out of a partial checkpoint.
[[nodiscard]] bool is_mark_due(std::uint64_t unmoved_bytes, std::uint64_t frame_bytes);

[[nodiscard]] std::optional<CheckpointMode> choose_checkpoint(const WalSituation& situation);

}  // namespace holdfast::outbox
