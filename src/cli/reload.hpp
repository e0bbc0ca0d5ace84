#pragma once

#include <exception>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/wake_signal.hpp"
#include "config/errors.hpp"
#include "holdfast/config.hpp"
#include "holdfast/service.hpp"
#include "logging/log.hpp"

namespace holdfast::cli {

/// Answers SIGHUP: reads the file again, checks all of it, and has the service go on by it; says
/// what has changed, or why nothing has. On a thread of its own, so that SIGTERM is heard while a
/// reload waits for a batch.
///
/// Threads:  one at a time.
class Reloader {
 public:
  /// `in_force` is what the service was started with; `service` and `log` outlive it.
  Reloader(Config in_force, Service& service, logging::StderrLog& log);
  /// Gives a reload up that is under way; none begins after this.
  ~Reloader() = default;
  /// Asks for one more reload. Those asked for while one waits to begin are one.
  void request() { requests_.raise(); }

 private:
  void run(const std::stop_token& stop);
  void reload(const std::stop_token& stop);
  void refuse(const config::ConfigErrors& errors) const;
  void refuse(const std::string& reason) const;
  void tell(const std::exception& error) const noexcept;
  void take(Config now, const std::vector<std::string>& changed);

  // Constant after construction.
  Service& service_;
  logging::StderrLog& log_;
  const LogSink sink_;
  /// The file of the start, and no other that a search would find by now; none: search again.
  const std::optional<std::string> file_;
  base::WakeSignal requests_;
  // Owned by the thread.
  Config in_force_;
  std::jthread thread_;
};

/// What is allowed and probably not meant, one event each.
void log_warnings(const Config& config, const LogSink& sink);

}  // namespace holdfast::cli
