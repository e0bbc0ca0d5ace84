#pragma once

#include <csignal>

namespace holdfast::cli {

/// The signals that steer the daemon, taken one at a time by the main thread instead of by
/// handlers, in which almost nothing may be done.
///
/// Needs:    made before any other thread, so that all inherit the blocked mask.
/// Threads:  only the main one.
class Signals {
 public:
  /// Blocks SIGTERM, SIGINT and SIGHUP; ignores SIGPIPE, because a reader that went away is an
  /// error of that write and no reason to end.
  Signals();
  /// Blocks:   until one of them comes.
  [[nodiscard]] int wait();
  /// From here on SIGTERM or SIGINT ends the process at once with exit code 1, one that came before
  /// included.
  static void exit_on_next();

 private:
  sigset_t set_{};
};

}  // namespace holdfast::cli
