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
#include "holdfast/export.hpp"
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
  bool ok = false;                   ///< It answered.
  std::string error;                 ///< Without host names and users; empty if ok.
  std::chrono::nanoseconds took{0};  ///< From asking it to its answer, connecting included.
};

/// Keeps an entry from being sent while it lives; see Relay::hold_back. It may outlive the relay.
///
/// Threads:  one at a time.
class [[nodiscard]] HeldBack {
 public:
  /// For the relay: `release` is called once, at the end.
  explicit HeldBack(std::function<void()> release) : release_(std::move(release)) {}
  /// The other keeps nothing back any more.
  HeldBack(HeldBack&& other) noexcept : release_(std::exchange(other.release_, {})) {}
  /// The other has what this one kept back.
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
/// docs/decisions/0003. With several destinations each has a machine and, in run, a thread of its
/// own; a group always belongs to the same one.
///
/// Promise:  it settles an entry only after the destination has confirmed its commit, or has
///           refused this very entry. What was not settled is sent again.
/// Threads:  run_once and run: one thread, the relay's. The others: any.
class HOLDFAST_EXPORT Relay {
 public:
  /// How it delivers.
  struct Options {
    DestinationConfig destination;     ///< Its batches, waits and windows; not its URL.
    std::vector<std::string> sources;  ///< Names of the configured sources; others stay pending.
    std::uint64_t jitter_seed = 0;     ///< Printed by tests, random in the daemon.
  };
  /// What it uses of the program around it; all of it outlives the relay.
  struct Dependencies {
    Outbox& outbox;  ///< What is drained. Its writer must run, or commit in the caller.
    /// One session each; none: unconfigured, entries wait. Order groups are shared out among them.
    std::vector<Destination*> destinations;
    const Clock& clock;  ///< Where time comes from.
    LogSink log;         ///< Takes its events; empty: nobody does.
    /// What is on its way, shared by the relays that take over from each other; null: its own.
    std::shared_ptr<relay::Flights> flights = nullptr;
  };
  /// Takes up the pauses that the outbox keeps; delivers nothing yet.
  ///
  /// Errors:   throws Error where these cannot be read.
  Relay(Options options, Dependencies dependencies);
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  /// At most one pass of each machine in turn: claim, deliver, settle; or close an idle session; or
  /// nothing.
  ///
  /// Blocks:   for the destination and the outbox's commit.
  [[nodiscard]] RelayStep run_once();
  /// run_once until `stop`; sleeps in between on a signal, never by polling.
  ///
  /// Promise:  on return the sessions are closed and no thread of it is left.
  /// Blocks:   until `stop`, and then for the running batch; Destination::interrupt shortens that.
  void run(std::stop_token stop);
  /// There may be something to deliver. For Outbox::on_appended.
  ///
  /// Blocks:   never.
  void wake();
  /// An operator's pause, of one source or of everything: after the running batch nothing is
  /// delivered and nothing is tried until resume. False: it was so already.
  ///
  /// Promise:  kept in the outbox: it outlives the process, and only resume ends it.
  /// Blocks:   until durable.
  /// Errors:   those of Outbox::keep_pause; then nothing has changed.
  std::expected<bool, Failure> pause(const std::optional<std::string>& source = {},
                                     const Actor& by = {});
  /// Ends an operator's pause, of one source or of everything. What the relay paused by itself is
  /// tried at once, and ends if it works again. False: there was nothing to resume.
  ///
  /// Blocks:   until durable.
  /// Errors:   those of Outbox::keep_pause; then nothing has changed.
  std::expected<bool, Failure> resume(const std::optional<std::string>& source = {},
                                      const Actor& by = {});
  /// Waits until the entry is not on its way to the destination and no commit of it is in doubt,
  /// and keeps it from being sent while the answer lives: so an operator's change of it and its
  /// delivery never cross. nullopt: it was still on its way after `limit`.
  ///
  /// Blocks:   at most `limit`.
  [[nodiscard]] std::optional<HeldBack> hold_back(std::int64_t seq,
                                                  std::chrono::milliseconds limit);
  /// Tries the destination now, whatever it waits for, and whatever is paused; if it answers, what
  /// waits for its next try is tried, too.
  ///
  /// Needs:    another thread in run; nothing is tried without.
  /// Blocks:   at most `limit`; the try itself goes on.
  [[nodiscard]] DestinationProbe probe(std::chrono::milliseconds limit);
  /// What it is doing and has done since it was made.
  ///
  /// Blocks:   never on the destination.
  [[nodiscard]] RelayStats stats() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast
