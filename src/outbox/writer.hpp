#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

#include "base/guarded.hpp"
#include "base/histogram.hpp"
#include "base/wake_signal.hpp"
#include "holdfast/clock.hpp"
#include "holdfast/log.hpp"
#include "outbox/gathering.hpp"
#include "outbox/housekeeping.hpp"
#include "outbox/ledger.hpp"
#include "outbox/submit_queue.hpp"

namespace holdfast::outbox {

/// The writer's loop: takes what waits, commits it as a group, answers, and keeps house in between.
///
/// Threads:  run_once, run, close: one at a time, the writer. on_appended: before the writer
///           starts. The others: any.
class Writer {
 public:
  struct Dependencies {
    const Clock& clock;
    LogSink log;
    std::function<void(const Failure&)> on_broken;
  };
  Writer(std::unique_ptr<Ledger> ledger, SubmitQueue& queue, const OutboxConfig& config,
         Dependencies dependencies);
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  [[nodiscard]] bool run_once();
  void run(const std::stop_token& stop);
  /// Refuses what waits, empties the WAL and closes. After a broken commit the file stays as it is.
  void close();
  void on_appended(std::function<void()> callback) { on_appended_ = std::move(callback); }
  /// There are pending entries that no append has announced. Any thread.
  void announce() const {
    if (on_appended_) on_appended_();
  }

  [[nodiscard]] LedgerView view() const { return view_.copy(); }
  /// Waits until the WAL has begun anew, if that is due.
  /// Blocks:   at most `patience`. Any thread that has no read snapshot open.
  void await_short_wal(std::chrono::milliseconds patience);
  /// Waits until nothing is pending; false if that took longer than `limit`. Any thread.
  [[nodiscard]] bool await_drained(std::chrono::milliseconds limit);
  [[nodiscard]] HistogramSnapshot commit_seconds() const { return commit_seconds_.snapshot(); }
  [[nodiscard]] HistogramSnapshot group_entries() const { return group_entries_.snapshot(); }

 private:
  bool run_group();
  void commit(std::vector<Work>& group);
  void gather(std::vector<Work>& group);
  void settle_alone(const std::vector<Work>& group, GroupOutcome& outcome);
  void answer(const std::vector<Work>& group, const GroupOutcome& outcome);
  bool keep_house();
  void probe();
  bool checkpoint();
  bool retain();
  bool fill_key_filter();
  bool merge_keys();
  void note(const char* event, const Failure& failure);
  void break_down(const Failure& failure);
  void refuse_all(const Failure& failure);
  void publish();
  [[nodiscard]] bool quiet() const { return backlog_.empty() && queue_.size() == 0; }
  [[nodiscard]] WalSituation wal_situation() const;
  void plan_retention();
  [[nodiscard]] std::optional<SteadyTime> next_deadline() const;

  // Constant after construction.
  const Clock& clock_;
  const LogSink log_;
  const std::function<void(const Failure&)> on_broken_;
  const std::chrono::milliseconds
      kept_least_;  ///< The shortest time that anything settled is kept.
  std::function<void()> on_appended_;
  SubmitQueue& queue_;
  // Owned by the writer thread.
  std::unique_ptr<Ledger> ledger_;  ///< Empty after close; given up, not closed, after break_down.
  std::deque<Work> backlog_;        ///< Taken from the queue, not yet in a group.
  bool gathers_ = false;            ///< Others run meanwhile, so that waiting for them helps.
  Gathering gathering_;
  SteadyTime last_commit_;
  SteadyTime probe_at_;
  SteadyTime checkpoint_tried_at_;
  SteadyTime checkpoint_at_;               ///< Not before; put off while a reader holds the WAL.
  SteadyTime retain_at_;                   ///< Not before.
  SteadyTime fill_at_;                     ///< Not before: of the filter of keys.
  SteadyTime merge_at_;                    ///< Not before: of its index.
  std::optional<WallTime> retention_due_;  ///< Nothing is due before this.
  std::optional<SteadyTime> noted_at_;
  // Guarded: any thread.
  base::Guarded<LedgerView> view_;
  base::WakeSignal wal_emptied_;
  base::WakeSignal drained_;        ///< The last pending entry was settled.
  std::atomic<int> making_way_{0};  ///< Readers that wait for the WAL to begin anew.
  base::Histogram commit_seconds_;
  base::Histogram group_entries_;
};

}  // namespace holdfast::outbox
