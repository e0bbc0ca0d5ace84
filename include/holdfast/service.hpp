#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "holdfast/clock.hpp"
#include "holdfast/config.hpp"
#include "holdfast/failure.hpp"
#include "holdfast/health.hpp"
#include "holdfast/log.hpp"
#include "holdfast/version.hpp"

namespace holdfast {

/// The whole daemon: owns outbox, relay, ingress and admin in order; installs no signal handler.
///
/// Threads:  one at a time, but health(): any.
class Service {
 public:
  struct Dependencies {
    const Clock& clock;
    LogSink log;
    std::function<void(const Failure&)> on_broken;  ///< See Outbox::Dependencies::on_broken.
    /// Lines that the log has lost so far, for the metric; empty: none.
    std::function<std::uint64_t()> log_lines_dropped = {};
  };
  /// Opens the outbox, then starts writer, relay, admin and ingress, in that order.
  /// Errors:   those of Outbox::open; refused where an address cannot be bound.
  [[nodiscard]] static std::expected<std::unique_ptr<Service>, Failure> start(
      const Config& config, Dependencies dependencies);
  ~Service();
  /// The addresses that are bound, with the real port where 0 was configured.
  [[nodiscard]] ListenAddress ingress_address() const;
  [[nodiscard]] ListenAddress admin_address() const;
  [[nodiscard]] HealthSnapshot health() const;
  /// Goes on by another configuration: sources, secrets, destination, tokens. No request is dropped
  /// and no connection of a sender is closed: a request whose head has come ends by the old
  /// configuration, and an entry is delivered by the one in force then; docs/decisions/0014.
  ///
  /// Promise:  all of it or nothing; what is counted goes on, and nothing is delivered by two
  ///           configurations at a time.
  /// Needs:    `now` is as config::load gives it.
  /// Blocks:   where the delivery changes until the running batch has ended: at most
  ///           destination.shutdown_timeout, after which it is interrupted, and 2 s more; at most
  ///           until `give_up`.
  /// Errors:   refused (a key that needs a restart has changed, the message names it; what start
  ///           would refuse of a source or the destination), unavailable (the batch did not end, or
  ///           it was given up). The old configuration stays in force then.
  [[nodiscard]] std::expected<void, Failure> reload(const Config& now,
                                                    const std::stop_token& give_up = {});
  /// readyz 503; stop listening; answer what was accepted; end the batch; checkpoint; close.
  /// Blocks:   at most about destination.shutdown_timeout.
  /// Returns:  false if a thread did not end in time; the process must then leave by _Exit.
  [[nodiscard]] bool stop();

 private:
  class Impl;
  explicit Service(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast
