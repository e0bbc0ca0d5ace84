#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/process.hpp"
#include "support/scratch_folder.hpp"

namespace holdfast::support {

/// What the configuration file of a test daemon says; the texts are TOML lines.
struct DaemonConfig {
  std::string binary;           ///< The program under test: HOLDFAST_BINARY.
  std::string destination_url;  ///< Empty: no [destination] url.
  std::string ingress;          ///< Further lines of [ingress].
  std::string outbox;           ///< Further lines of [outbox].
  std::string destination =     ///< Further lines of [destination]; by default quick to come back.
      "connect_timeout = \"5s\"\ndeliver_timeout = \"5s\"\nbackoff_max = \"1s\"\n";
  std::string sources =  ///< By default one source with a dedupe key and one without.
      "[[source]]\nname = \"plain\"\nprovider = \"none\"\n"
      "[[source]]\nname = \"keyed\"\nprovider = \"none\"\ndedupe = \"header:X-Key\"\n";
  bool system_ports = false;     ///< Listen on port 0; else on ports that stay the same:
  std::uint16_t port = 0;        ///< of ingress; 0: an unused one.
  std::uint16_t admin_port = 0;  ///< of admin; 0: an unused one.
  std::string outbox_path = {};  ///< Empty: in the daemon's own folder.
  std::vector<std::string> environment = {};  ///< "NAME=value", beside PATH, HOME and LC_ALL.
  /// A configuration file to run with, instead of one written from the lines above. It takes
  /// addresses and outbox from HOLDFAST_LISTEN, HOLDFAST_ADMIN_LISTEN and HOLDFAST_OUTBOX.
  std::string file = {};
};

/// The real daemon as a child process, with its own folder for configuration, outbox and logs.
///
/// Threads:  start, restart, terminate and kill_hard on a thread that lives as long as the daemon,
///           since the kernel kills the daemon with it; the others any.
/// Errors:   std::runtime_error with the daemon's log.
class Daemon {
 public:
  explicit Daemon(DaemonConfig config);
  /// Returns when both listeners are announced on stdout and /readyz says 200.
  void start();
  /// Starts it and waits for nothing: for starts that may fail, or are cut short.
  void launch();
  /// SIGTERM; the exit code, or -1 if it did not end within 30 s (it is killed then).
  int terminate();
  /// The exit code of a daemon that was told to end; -1 as above.
  int wait_for_end();
  void kill_hard();
  /// After terminate or kill_hard: the same files, the same ports.
  void restart() { start(); }
  [[nodiscard]] bool running() const { return process_ && process_->running(); }
  /// Writes the configuration file anew, changed by `change`; what runs does not look at it yet.
  void reconfigure(const std::function<void(DaemonConfig&)>& change);
  void send_signal(int number) const { process_->send_signal(number); }
  [[nodiscard]] int pid() const { return process_->pid(); }

  /// Starts it without waiting for anything: for starts that must fail.
  [[nodiscard]] CommandResult start_refused();
  /// Another command of the same program with the same configuration file.
  [[nodiscard]] CommandResult run(std::vector<std::string> arguments) const;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::uint16_t admin_port() const { return admin_port_; }
  [[nodiscard]] const std::string& folder() const { return folder_.path(); }
  [[nodiscard]] std::string config_path() const {
    return config_.file.empty() ? folder_.file("holdfast.toml") : config_.file;
  }
  [[nodiscard]] const std::string& outbox_path() const { return config_.outbox_path; }
  /// Its standard error over all starts, and the standard output of the last one.
  [[nodiscard]] std::string log_text() const { return read_file(folder_.file("log")); }
  [[nodiscard]] std::string out_text() const { return read_file(folder_.file("out")); }
  /// The health document of the admin listener.
  [[nodiscard]] nlohmann::json health() const;
  [[nodiscard]] std::uint64_t pending() const;
  [[nodiscard]] int readyz() const;
  /// Waits for the state of the destination in the health document.
  [[nodiscard]] bool reaches_state(const std::string& state, std::chrono::milliseconds deadline);
  [[nodiscard]] bool drains(std::chrono::milliseconds deadline);

 private:
  void choose_ports();
  void write_configuration() const;
  [[nodiscard]] bool try_start();
  [[nodiscard]] Command serve_command() const;
  [[nodiscard]] std::vector<std::string> environment() const;
  [[nodiscard]] std::uint16_t announced_port(const std::string& listener) const;

  // Constant after construction.
  DaemonConfig config_;
  ScratchFolder folder_;

  std::uint16_t port_ = 0;
  std::uint16_t admin_port_ = 0;
  bool started_ = false;  ///< Once: its ports stay from then on.
  std::unique_ptr<Process> process_;
};

}  // namespace holdfast::support
