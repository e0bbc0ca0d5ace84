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
/// Threads:  one at a time, but health() and the addresses: any.
class Service {
 public:
  /// What it uses of the program around it.
  struct Dependencies {
    const Clock& clock;  ///< Where time comes from; outlives the service.
    LogSink log;         ///< Takes its events.
    std::function<void(const Failure&)> on_broken;  ///< See Outbox::Dependencies::on_broken.
    /// Lines that the log has lost so far, for the metric; empty: none.
    std::function<std::uint64_t()> log_lines_dropped = {};
    /// False: `log` throws events of this level away, so that none is made for each request. Empty:
    /// it takes all. Called from any thread.
    std::function<bool(LogLevel)> log_takes = {};
  };
  /// Opens the outbox, then starts writer, relay, admin and ingress, in that order.
  ///
  /// Promise:  on success all addresses are bound, and requests are answered.
  /// Needs:    `config` is as config::load gives it.
  /// Blocks:   for the disk, as Outbox::open; Postgres is not waited for.
  /// Errors:   those of Outbox::open; refused where an address cannot be bound, or a source or
  ///           the destination cannot be used. Nothing runs then.
  [[nodiscard]] static std::expected<std::unique_ptr<Service>, Failure> start(
      const Config& config, Dependencies dependencies);
  /// As stop().
  ~Service();
  /// Where senders reach it, with the real port where 0 was configured.
  [[nodiscard]] ListenAddress ingress_address() const;
  /// Where operators reach it, with the real port where 0 was configured.
  [[nodiscard]] ListenAddress admin_address() const;
  /// How it is now; what `/api/v1/status` and the metrics are made from. Postgres is not asked.
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
  /// readyz 503; stop listening; answer what was accepted; end the batch; checkpoint; close. False:
  /// a thread did not end in time, and the process must leave by _Exit.
  ///
  /// Promise:  what was answered with 2xx is durable, and what was not delivered is pending.
  /// Blocks:   at most destination.shutdown_timeout for requests, as long for the batch, and for
  ///           the last commits.
  [[nodiscard]] bool stop();

 private:
  class Impl;
  explicit Service(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast
