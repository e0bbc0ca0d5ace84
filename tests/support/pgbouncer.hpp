#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "support/process.hpp"
#include "support/scratch_folder.hpp"

namespace holdfast::support {

/// A real PgBouncer in transaction mode on 127.0.0.1, as close to Neon's pooler as a local machine
/// gets. Its port stays the same over restarts.
///
/// Threads:  start, stop and restart on a thread that lives as long as the server; others any.
class PgBouncer {
 public:
  explicit PgBouncer(std::uint16_t upstream_port);
  /// Blocks:   until it accepts connections; throws if it does not.
  void start();
  /// At once, cutting all connections.
  void stop();
  void restart();
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string url(std::string_view database = "postgres") const;
  [[nodiscard]] std::string log_text() const;

 private:
  void write_configuration();
  bool try_start();

  // Constant after construction.
  ScratchFolder folder_{true};
  std::uint16_t upstream_port_;

  std::uint16_t port_ = 0;
  std::unique_ptr<Process> process_;
};

}  // namespace holdfast::support
