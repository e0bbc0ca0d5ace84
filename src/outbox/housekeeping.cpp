#include "outbox/housekeeping.hpp"

#include <algorithm>

namespace holdfast::outbox {

std::uint64_t checkpoint_bytes(std::chrono::nanoseconds sync) {
  const auto part = std::chrono::duration<double>(sync) / checkpoint_sync_most;
  const auto bytes = static_cast<double>(checkpoint_bytes_most) * std::clamp(part, 0.0, 1.0);
  return std::max(checkpoint_bytes_least, static_cast<std::uint64_t>(bytes));
}

std::optional<CheckpointMode> choose_checkpoint(const WalSituation& situation) {
  if (situation.file_bytes == 0) return std::nullopt;
  if (situation.holds_erased) return CheckpointMode::truncate;
  if (situation.quiet && situation.idle_for >= truncate_idle) return CheckpointMode::truncate;
  if (situation.file_bytes >= truncate_bytes &&
      (situation.quiet || situation.unmoved_bytes >= truncate_bytes))
    return CheckpointMode::truncate;
  const auto busy = checkpoint_bytes(situation.sync);
  const auto limit =
      situation.quiet ? std::max(checkpoint_bytes_least, busy / checkpoint_quiet_part) : busy;
  if (situation.unmoved_bytes >= limit) return CheckpointMode::passive;
  return std::nullopt;
}

}  // namespace holdfast::outbox
