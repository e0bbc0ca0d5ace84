#pragma once

#include <functional>
#include <stop_token>

#include "base/wake_signal.hpp"
#include "holdfast/clock.hpp"
#include "holdfast/health.hpp"
#include "holdfast/log.hpp"
#include "observe/filling.hpp"
#include "observe/history.hpp"

namespace holdfast::observe {

/// Looks at the daemon each 10 s: keeps the history, and warns in the log when the outbox fills up.
/// It reads memory alone, so that it never wakes a database.
///
/// Threads:  run and run_once: one thread. history: any.
class Sampler {
 public:
  /// `health` gives snapshots that this sampler's history has described.
  Sampler(std::function<HealthSnapshot()> health, const Clock& clock, LogSink log);

  void run_once();
  /// Blocks:   until `stop`, which it answers at once.
  void run(const std::stop_token& stop);
  [[nodiscard]] const History& history() const { return history_; }

 private:
  // Constant after construction.
  const std::function<HealthSnapshot()> health_;
  const Clock& clock_;
  const LogSink log_;
  // Owned by the thread that runs.
  FillingWatch filling_;
  base::WakeSignal never_;  ///< Nobody raises it: only a deadline or a stop ends a wait.
  // Guarded: any thread.
  History history_;
};

}  // namespace holdfast::observe
