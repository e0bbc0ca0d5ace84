#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "holdfast/change.hpp"
#include "holdfast/clock.hpp"
#include "holdfast/config.hpp"
#include "holdfast/destination.hpp"
#include "holdfast/health.hpp"
#include "holdfast/log.hpp"
#include "holdfast/outbox.hpp"

namespace holdfast {

namespace relay {
class Flights;
}

/// When run_once wants to be called again.
struct RelayStep {
  /// The time of the next call; nullopt: not before wake() (an append, an operator, a stop).
  std::optional<SteadyTime> next;
};

/// What a try of the destination came to that an operator asked for.
struct DestinationProbe {
  bool ok = false;
  std::string error;  ///< Without host names and users; empty if ok.
  std::chrono::nanoseconds took{0};
};

/// Keeps entries from being sent while it lives; see Relay::hold_back.
class [[nodiscard]] HeldBack {
 public:
  explicit HeldBack(std::function<void()> release) : release_(std::move(release)) {}
  HeldBack(HeldBack&& other) noexcept : release_(std::exchange(other.release_, {})) {}
  HeldBack& operator=(HeldBack&& other) noexcept {
    std::swap(release_, other.release_);
    return *this;
  }
  ~HeldBack() {
    if (release_) release_();
  }

 private:
  std::function<void()> release_;
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
    /// What is on its way, shared by the relays that take over from each other; null: its own.
    std::shared_ptr<relay::Flights> flights = nullptr;
  };
  /// Errors:   throws Error where the pauses that the outbox keeps cannot be read.
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
  ///
  /// Promise:  kept in the outbox: it outlives the process, and only resume ends it.
  /// What the relay paused by itself is tried at once by resume, and ends if it works again.
  /// Errors:   those of Outbox::keep_pause; then nothing has changed.
  std::expected<bool, Failure> pause(const std::optional<std::string>& source = {},
                                     const Actor& by = {});
  std::expected<bool, Failure> resume(const std::optional<std::string>& source = {},
                                      const Actor& by = {});
  /// Waits until the entry is not on its way to the destination and no commit of it is in doubt,
  /// and keeps it from being sent while the answer lives: so an operator's change of it and its
  /// delivery never cross. nullopt: it was still on its way after `limit`.
  [[nodiscard]] std::optional<HeldBack> hold_back(std::int64_t seq,
                                                  std::chrono::milliseconds limit);
  /// Tries the destination now, whatever it waits for, and whatever is paused; if it answers, what
  /// waits for its next try is tried, too.
  /// Blocks:   at most `limit`; the try itself goes on.
  [[nodiscard]] DestinationProbe probe(std::chrono::milliseconds limit);
  [[nodiscard]] RelayStats stats() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast
