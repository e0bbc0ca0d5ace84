#include "outbox/housekeeping.hpp"

namespace holdfast::outbox {

bool is_mark_due(std::uint64_t unmoved_bytes, std::uint64_t frame_bytes) {
  return unmoved_bytes >= checkpoint_step_bytes && frame_bytes < checkpoint_whole_bytes;
}

std::optional<CheckpointMode> choose_checkpoint(const WalSituation& situation) {
  if (situation.file_bytes == 0) return std::nullopt;
  if (situation.holds_erased) return CheckpointMode::truncate;
  if (situation.quiet && situation.idle_for >= truncate_idle) return CheckpointMode::truncate;
  if (situation.file_bytes >= truncate_bytes &&
      (situation.quiet || situation.unmoved_bytes >= truncate_bytes))
    return CheckpointMode::truncate;
  if (situation.unmoved_bytes < checkpoint_step_bytes) return std::nullopt;
  if (situation.frame_bytes >= checkpoint_whole_bytes) return CheckpointMode::passive;
  if (situation.marked) return CheckpointMode::partial;
  return std::nullopt;
}

}  // namespace holdfast::outbox
