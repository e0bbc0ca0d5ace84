#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace holdfast::support {

/// What to run and where its output goes.
struct Command {
  std::vector<std::string> arguments;         ///< The program first; looked up in PATH.
  std::vector<std::string> environment = {};  ///< "NAME=value", beside PATH, HOME and LC_ALL.
  std::string folder = "/";                   ///< Its working folder.
  std::string out_path = "/dev/null";
  std::string err_path = "/dev/null";
};

/// A child process that cannot outlive the test: the kernel kills it when its parent thread ends.
///
/// Threads:  make it on a thread that lives as long as the process shall, so: the test's own.
class Process {
 public:
  explicit Process(const Command& command);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] bool running() { return !wait(std::chrono::milliseconds(0)).has_value(); }
  void send_signal(int number) const;
  /// The exit code, or 128 + the signal that ended it; nullopt if it still runs at the deadline.
  [[nodiscard]] std::optional<int> wait(std::chrono::milliseconds deadline);
  /// SIGKILL, and waits for the end.
  void kill_hard();

 private:
  pid_t pid_ = -1;
  int pidfd_ = -1;
  std::optional<int> exit_code_;
};

struct CommandResult {
  int exit_code = -1;
  std::string out;
  std::string err;
};
/// Runs to the end; throws if it takes longer than `deadline`.
[[nodiscard]] CommandResult run_command(
    Command command, std::chrono::milliseconds deadline = std::chrono::seconds(30));

/// The command as user postgres where the test runs as root, since PostgreSQL and PgBouncer refuse
/// root. (A changed user id clears the parent-death signal: setpriv sets it again.)
[[nodiscard]] std::vector<std::string> as_postgres(std::vector<std::string> arguments);

}  // namespace holdfast::support
