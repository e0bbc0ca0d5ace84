#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "holdfast/config.hpp"
#include "outbox/connection.hpp"

/// When to checkpoint: pure.
namespace holdfast::outbox {

/// A checkpoint costs two syncs during which appends wait, so it comes at a quiet moment from the
/// first size on, and regardless from the second. 4 MiB is SQLite's own default.
inline constexpr std::uint64_t checkpoint_quiet_bytes = 4 * mib;
inline constexpr std::uint64_t checkpoint_busy_bytes = 16 * mib;
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
  bool holds_erased = false;  ///< Something was erased since the file was cut last.
};

[[nodiscard]] std::optional<CheckpointMode> choose_checkpoint(const WalSituation& situation);

}  // namespace holdfast::outbox
