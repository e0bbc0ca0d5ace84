#include "outbox/housekeeping.hpp"

namespace holdfast::outbox {

std::optional<CheckpointMode> choose_checkpoint(const WalSituation& situation) {
  if (situation.file_bytes == 0) return std::nullopt;
  if (situation.holds_erased) return CheckpointMode::truncate;
  if (situation.quiet && situation.idle_for >= truncate_idle) return CheckpointMode::truncate;
  if (situation.file_bytes >= truncate_bytes &&
      (situation.quiet || situation.unmoved_bytes >= truncate_bytes))
    return CheckpointMode::truncate;
  const auto limit = situation.quiet ? checkpoint_quiet_bytes : checkpoint_busy_bytes;
  if (situation.unmoved_bytes >= limit) return CheckpointMode::passive;
  return std::nullopt;
}

}  // namespace holdfast::outbox
