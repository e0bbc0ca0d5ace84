#pragma once

#include <chrono>
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
#include "holdfast/outbox.hpp"

namespace holdfast::ingress {

class Engine;
class SourceTable;

/// The HTTP server that takes writes from senders and answers 2xx once they are in the outbox.
///
/// Threads:  start, reload and stop: one owner; address and stats: any.
class IngressServer {
 public:
  struct HealthReply {
    int status = 200;
    std::string json;
  };
  struct Dependencies {
    Outbox& outbox;
    const Clock& clock;
    LogSink log;
    std::function<HealthReply()> health;  ///< For GET /api/health; called from any thread.
    /// False: `log` throws events of this level away. Empty: it takes all.
    std::function<bool(LogLevel)> log_takes = {};
  };

  /// Binds, listens and serves.
  ///
  /// Needs:    the writer of the outbox runs, or will soon; all dependencies outlive the server.
  /// Errors:   refused: the address cannot be bound, or the configuration is not usable.
  [[nodiscard]] static std::expected<std::unique_ptr<IngressServer>, Failure> start(
      const IngressConfig& config, std::vector<SourceConfig> sources, Dependencies dependencies);
  ~IngressServer();
  IngressServer(const IngressServer&) = delete;
  IngressServer& operator=(const IngressServer&) = delete;

  /// With the real port where 0 was configured.
  [[nodiscard]] ListenAddress address() const;
  [[nodiscard]] IngressStats stats() const;

  /// From now on requests are admitted by these sources; those whose head is complete end by the
  /// old ones. No connection is closed, and what was counted stays.
  void reload(SourceTable sources);

  /// Waits until whoever the outbox has answered was told; not from a health reply.
  /// Returns:  false if that took longer than `limit`.
  bool await_answers(std::chrono::milliseconds limit);

  /// Stops listening and closes idle connections at once, answers the requests that are in
  /// progress, joins all threads.
  ///
  /// Blocks:   at most `grace`, after which connections are cut, and then append_timeout.
  void stop(std::chrono::milliseconds grace);

 private:
  explicit IngressServer(std::unique_ptr<Engine> engine);
  std::unique_ptr<Engine> engine_;
};

}  // namespace holdfast::ingress
