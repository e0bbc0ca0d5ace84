#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "holdfast/clock.hpp"
#include "holdfast/config.hpp"
#include "holdfast/failure.hpp"
#include "holdfast/health.hpp"
#include "holdfast/log.hpp"
#include "observe/admin_request.hpp"

namespace holdfast::observe {

/// Health, status and metrics on a socket and a pool of their own, so that overloaded webhooks
/// cannot silence them; and what operators look into and change.
///
/// Threads:  address: any. stop: one at a time.
class AdminServer {
 public:
  struct Dependencies {
    std::function<HealthSnapshot()> health;  ///< Called from the pool; must not block for long.
    const Clock& clock;
    LogSink log;
    std::vector<std::string> source_names;  ///< The configured ones.
    /// The labels of metrics: those that were ever configured since the start.
    std::vector<std::string> metric_names;
    std::function<std::string()> history;  ///< The document of GET /api/v1/history.
    Operations operations;                 ///< What operators look into and change.
  };

  /// Binds, listens and serves.
  ///
  /// Errors:   refused (the address is taken or cannot be bound; no token on an address that is not
  ///           loopback), unavailable (no threads or descriptors left).
  [[nodiscard]] static std::expected<std::unique_ptr<AdminServer>, Failure> start(
      const AdminConfig& config, Dependencies dependencies);
  ~AdminServer();
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;

  /// The bound address, with the real port where 0 was configured.
  [[nodiscard]] ListenAddress address() const;
  /// What start refuses of a configuration without a look at the system.
  [[nodiscard]] static std::expected<void, Failure> check(const AdminConfig& config);
  /// From now on the tokens of `config` count, and these names of sources. Any thread.
  void reload(const AdminConfig& config, std::vector<std::string> source_names,
              std::vector<std::string> metric_names);
  /// Stops listening and ends all threads; idle clients are not waited for.
  void stop();

 private:
  class Impl;
  explicit AdminServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::observe
