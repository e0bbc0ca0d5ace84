#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "holdfast/clock.hpp"
#include "holdfast/config.hpp"
#include "holdfast/destination.hpp"
#include "holdfast/health.hpp"
#include "holdfast/log.hpp"
#include "holdfast/outbox.hpp"

namespace holdfast {

/// When run_once wants to be called again.
struct RelayStep {
  /// The time of the next call; nullopt: not before wake() (an append, an operator, a stop).
  std::optional<SteadyTime> next;
};

/// Drains the outbox into the destination: in order, in batches, through every kind of outage.
/// A state machine without waits of its own, so that a simulation can drive it;
/// docs/decisions/0003.
///
/// With several destinations each has a machine and, in run, a thread of its own; a group always
/// belongs to the same one.
///
/// Threads:  run_once and run: the relay thread. The others: any.
class Relay {
 public:
  struct Options {
    DestinationConfig destination;
    std::vector<std::string> sources;  ///< Names of the configured sources; others stay pending.
    std::uint64_t jitter_seed = 0;     ///< Printed by tests, random in the daemon.
  };
  struct Dependencies {
    Outbox& outbox;
    /// One session each; none: unconfigured, entries wait. Order groups are shared out among them.
    std::vector<Destination*> destinations;
    const Clock& clock;
    LogSink log;
  };
  Relay(Options options, Dependencies dependencies);
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  /// At most one pass of each machine in turn: claim, deliver, settle; or close an idle session; or
  /// nothing.
  [[nodiscard]] RelayStep run_once();
  /// run_once until `stop`; sleeps in between on a signal, never by polling.
  void run(std::stop_token stop);
  /// There may be something to deliver.
  void wake();
  /// An operator's pause, of one source or of everything: after the running batch nothing is
  /// delivered and nothing is tried until resume. Both return false if it was so already.
  bool pause(const std::optional<std::string>& source = {});
  bool resume(const std::optional<std::string>& source = {});
  [[nodiscard]] RelayStats stats() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast
