#include <algorithm>
#include <chrono>

#include "outbox/writer.hpp"

/// The part of the writer that keeps house between groups. Each step is short, and each comes back
/// by a deadline, so that an idle writer sleeps.
namespace holdfast::outbox {
namespace {

using namespace std::chrono_literals;

/// A refused write or a held WAL is tried again this often.
constexpr auto probe_every = 1s;
/// Under load a checkpoint that a reader held up, and a step of retention, leave groups this much
/// time.
constexpr auto breathing_space = 50ms;
/// While commits come, one that a reader cut short is tried again after this: reads of the relay
/// are short, and what has gathered meanwhile makes the next one longer.
constexpr auto checkpoint_again = 10ms;
/// What trickles out of its retention is collected for this long, to share a commit.
constexpr auto retain_every = 1s;
/// The wall clock may jump while the writer sleeps towards a time on it.
constexpr auto wall_sleep_max = std::chrono::hours(1);
/// Merging the index of keys beside commits is enough for them; the rest waits for a pause, and is
/// over soon.
constexpr auto merge_idle = 1s;
/// One line of log for a full disk, not one for every group.
constexpr auto note_every = 10s;

}  // namespace

bool Writer::keep_house() {
  probe();
  const bool checkpointed = checkpoint();
  const bool retained = retain();
  const bool filled = fill_key_filter();
  const bool merged = merge_keys();
  return checkpointed || retained || filled || merged;
}

void Writer::probe() {
  if (!ledger_->needs_probe() || clock_.steady_now() < probe_at_) return;
  probe_at_ = clock_.steady_now() + probe_every;
  static_cast<void>(ledger_->probe());
  publish();
}

WalSituation Writer::wal_situation() const {
  auto situation = ledger_->wal();
  situation.quiet = quiet();
  // A WAL that merging is about to write to is not worth emptying.
  if (!ledger_->merging_is_due()) situation.idle_for = clock_.steady_now() - last_commit_;
  return situation;
}

bool Writer::checkpoint() {
  const auto situation = wal_situation();
  auto mode = choose_checkpoint(situation);
  const auto now = clock_.steady_now();
  // Now is the moment without readers: the last one may have been spoilt by them.
  const bool in_hurry = making_way_ > 0 && now >= checkpoint_tried_at_ + breathing_space;
  if (in_hurry && !mode && situation.unmoved_bytes > 0) mode = CheckpointMode::passive;
  if (!mode || (now < checkpoint_at_ && !in_hurry)) return false;
  checkpoint_tried_at_ = now;
  const auto result = ledger_->checkpoint(*mode);
  publish();
  if (!result) note("outbox_checkpoint_refused", result.error());
  if (result && result->complete) return true;
  const bool moved = ledger_->wal().unmoved_bytes < checkpoint_step_bytes;
  if (result && mode == CheckpointMode::partial && moved) return true;
  // That nothing waits at this very moment is no pause: the next commits make the WAL grow.
  const auto tried = clock_.steady_now();
  const bool idle = tried - last_commit_ >= probe_every;
  checkpoint_at_ = tried + (idle ? probe_every : checkpoint_again);
  return false;
}

void Writer::plan_retention() {
  const auto due = clock_.wall_now() + kept_least_;
  retention_due_ = retention_due_ ? std::min(*retention_due_, due) : due;
}

bool Writer::retain() {
  if (!retention_due_ || clock_.wall_now() < *retention_due_ || clock_.steady_now() < retain_at_)
    return false;
  const auto removed = ledger_->retain({});
  publish();
  const auto now = clock_.steady_now();
  if (!removed) {
    note("outbox_retention_refused", removed.error());
    retain_at_ = now + probe_every;
    return false;
  }
  if (*removed == 0) {
    retention_due_ = ledger_->retention_due();
    retain_at_ = now + retain_every;
    return false;
  }
  last_commit_ = now;
  retain_at_ = quiet() ? now : now + breathing_space;
  return true;
}

/// Under load for a quarter of the time at most: one part of ten million keys takes a millisecond.
bool Writer::fill_key_filter() {
  const auto began = clock_.steady_now();
  if (!ledger_->key_filter_is_due() || began < fill_at_) return false;
  const auto filled = ledger_->fill_key_filter();
  const auto ended = clock_.steady_now();
  fill_at_ = quiet() ? ended : ended + 3 * (ended - began);
  if (filled) return *filled;
  note("outbox_keys_unread", filled.error());
  fill_at_ = ended + probe_every;
  return false;
}

/// What commits have left to merge, once there are none.
bool Writer::merge_keys() {
  const auto now = clock_.steady_now();
  if (now < std::max(merge_at_, last_commit_ + merge_idle) || !quiet() ||
      !ledger_->merging_is_due())
    return false;
  const auto merged = ledger_->merge_keys();
  publish();
  if (merged) return true;
  note("outbox_keys_unmerged", merged.error());
  merge_at_ = now + probe_every;
  return false;
}

void Writer::note(const char* event, const Failure& failure) {
  const auto now = clock_.steady_now();
  if (noted_at_ && now < *noted_at_ + note_every) return;
  noted_at_ = now;
  log_({LogLevel::warn, event, failure.message, {}});
}

std::optional<SteadyTime> Writer::next_deadline() const {
  if (!ledger_) return std::nullopt;
  const auto now = clock_.steady_now();
  std::optional<SteadyTime> next;
  const auto consider = [&](SteadyTime time) { next = next ? std::min(*next, time) : time; };
  if (ledger_->needs_probe()) consider(probe_at_);
  if (const auto wal = wal_situation(); wal.file_bytes > 0) {
    const bool due = choose_checkpoint(wal).has_value();
    consider(std::max(checkpoint_at_, due ? now : last_commit_ + truncate_idle));
  }
  if (ledger_->key_filter_is_due()) consider(fill_at_);
  if (ledger_->merging_is_due()) consider(std::max(merge_at_, last_commit_ + merge_idle));
  if (retention_due_) {
    const auto left = std::clamp<std::chrono::nanoseconds>(*retention_due_ - clock_.wall_now(), 0ns,
                                                           wall_sleep_max);
    consider(std::max(retain_at_, now + left));
  }
  return next;
}

}  // namespace holdfast::outbox
