#pragma once

#include <chrono>
#include <condition_variable>
#include <expected>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "holdfast/clock.hpp"
#include "holdfast/destination.hpp"
#include "holdfast/failure.hpp"
#include "holdfast/health.hpp"
#include "holdfast/log.hpp"
#include "holdfast/outbox.hpp"
#include "holdfast/relay.hpp"

namespace holdfast::relay {

/// The relay in force on a thread of its own, which a reload replaces while everybody else keeps
/// hold of this one object; docs/decisions/0014.
///
/// Promise:  never do two relays deliver at a time: the one thread runs one after the other. What
///           was counted stays counted, what an operator has paused stays paused, and what was held
///           back stays so.
/// Threads:  any, but start, replace and stop: one owner.
class RelayHolder {
 public:
  /// What a relay is made of.
  struct Parts {
    Relay::Options options;
    std::vector<std::unique_ptr<Destination>> destinations;  ///< As Relay::Dependencies.
  };
  struct Dependencies {
    Outbox& outbox;
    const Clock& clock;
    LogSink log;
  };
  /// Errors:   throws as Relay does.
  RelayHolder(Parts parts, Dependencies dependencies);
  ~RelayHolder();
  RelayHolder(const RelayHolder&) = delete;
  RelayHolder& operator=(const RelayHolder&) = delete;

  void start();
  /// Another relay takes over once the running batch has ended.
  ///
  /// Blocks:   until then, at most `limit`, after which the batch is interrupted, and 2 s more; or
  ///           until `give_up`.
  /// Errors:   unavailable: the batch did not end, as in a name look-up, or it was given up; and
  ///           those of Relay. The old relay goes on then.
  [[nodiscard]] std::expected<void, Failure> replace(Parts parts, std::chrono::milliseconds limit,
                                                     const std::stop_token& give_up);
  /// Ends the batch and the thread.
  ///
  /// Blocks:   as replace.
  /// Returns:  false if the thread did not end in time; the process must then leave by _Exit.
  [[nodiscard]] bool stop(std::chrono::milliseconds limit);

  // As those of Relay, on whichever is in force.
  void wake();
  std::expected<bool, Failure> pause(const std::optional<std::string>& source = {},
                                     const Actor& by = {});
  std::expected<bool, Failure> resume(const std::optional<std::string>& source = {},
                                      const Actor& by = {});
  [[nodiscard]] std::optional<HeldBack> hold_back(std::int64_t seq,
                                                  std::chrono::milliseconds limit);
  [[nodiscard]] DestinationProbe probe(std::chrono::milliseconds limit);
  /// With what the relays before this one have counted.
  [[nodiscard]] RelayStats stats() const;

 private:
  /// A relay with the sessions that it delivers to.
  struct Running {
    Running(Parts parts, const Dependencies& dependencies, std::shared_ptr<Flights> flights);
    void interrupt();
    std::vector<std::unique_ptr<Destination>> destinations;
    Relay relay;
  };
  using SharedRunning = std::shared_ptr<Running>;

  void run() noexcept;
  [[nodiscard]] bool next_turn(SharedRunning& running, std::stop_token& turn);
  void take_over();
  [[nodiscard]] std::expected<void, Failure> become(Parts parts);
  [[nodiscard]] SharedRunning current() const;
  /// Asks the running turn to end, and waits for `ended`, which is asked under the lock.
  template <class Ended>
  [[nodiscard]] bool end_turn(std::chrono::milliseconds limit, const std::stop_token& give_up,
                              Ended ended);

  // Constant after construction.
  const Dependencies dependencies_;
  const std::shared_ptr<Flights> flights_;
  /// An operator's pause comes before or after a replacement. Taken before mutex_.
  std::mutex operator_mutex_;
  // Guarded by mutex_: any thread.
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  SharedRunning current_;
  std::optional<Parts> offered_;            ///< Until the thread takes them.
  bool taking_ = false;                     ///< It has taken them, and makes a relay of them.
  std::optional<Failure> refusal_;          ///< What came of the last ones.
  std::shared_ptr<const RelayStats> past_;  ///< Of all relays before the current one.
  std::stop_source turn_;                   ///< Ends the current run.
  bool stopping_ = false;
  bool ended_ = false;
  // Owned by the owner. Last, so that it ends before what it uses.
  std::jthread thread_;
};

}  // namespace holdfast::relay
