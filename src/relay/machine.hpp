#pragma once

#include <atomic>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "holdfast/relay.hpp"
#include "relay/breaker.hpp"
#include "relay/holds.hpp"
#include "relay/outbox_link.hpp"
#include "relay/recorder.hpp"
#include "relay/split_queue.hpp"
#include "relay/suspects.hpp"

namespace holdfast::relay {

/// The relay without its thread. Each step does one thing, the first of these that applies:
///
///   1. nothing, while the outbox is in trouble, the destination backs off or is paused;
///   2. the probe of a held group that is due: its oldest entry, alone;
///   3. a pass: claim what is pending of all groups that are not held, deliver, settle;
///   4. close the session when it was idle for idle_close.
///
/// In a pass a batch that is refused is split until the bad entry stands alone. Everything before
/// it is committed and settled before anything behind it is sent, so order and "at most one batch
/// is repeated after a crash" hold without any mark in the outbox: what is not settled is pending.
///
/// Threads:  step: the relay thread; stats: any; stop_with: before the first step.
class Machine {
 public:
  Machine(Relay::Options options, Relay::Dependencies dependencies);
  [[nodiscard]] RelayStep step();
  /// A pass ends after the running delivery once this token is stopped.
  void stop_with(std::stop_token stop) { stop_ = std::move(stop); }
  void close_session();
  [[nodiscard]] RelayStats stats() const;

 private:
  /// How a pass goes on after a failure.
  enum class After { go_on, again, split, skip_group, end_pass };

  [[nodiscard]] RelayStep advance();
  [[nodiscard]] Batch claim();
  [[nodiscard]] bool probe_due_group(SteadyTime now);
  [[nodiscard]] RelayStep rest(std::optional<SteadyTime> until);
  [[nodiscard]] RelayStep worked() const;
  void run_pass(Batch batch);
  [[nodiscard]] After deliver(const Batch& batch);
  [[nodiscard]] bool settle_delivered(const Batch& batch, const std::vector<Delivered>& outcomes);
  void nothing_to_probe(const std::string& group);
  void end_hold(const std::string& group);
  void find_active();
  void publish();

  // What a failure means: machine_failures.cpp.
  [[nodiscard]] After on_failure(const Batch& batch, const DeliveryFailure& failure);
  [[nodiscard]] After on_unreachable(const Batch& batch, const DeliveryFailure& failure);
  void on_alone_unreachable(const Entry& entry, const DeliveryFailure& failure);
  [[nodiscard]] After on_contention(const Batch& batch, const DeliveryFailure& failure);
  [[nodiscard]] After on_misconfigured(const Batch& batch, const DeliveryFailure& failure);
  [[nodiscard]] After on_alone(const Entry& entry, const DeliveryFailure& failure);
  [[nodiscard]] After on_alone_data(const Entry& entry, const DeliveryFailure& failure);
  [[nodiscard]] After on_alone_foreign_key(const Entry& entry, const DeliveryFailure& failure);
  [[nodiscard]] After on_alone_contention(const Entry& entry, const DeliveryFailure& failure);
  [[nodiscard]] After on_alone_timeout(const Entry& entry, const DeliveryFailure& failure);
  [[nodiscard]] After bury(const Entry& entry, const DeliveryFailure& failure);
  [[nodiscard]] After hold(const Entry& entry, HoldReason reason, const DeliveryFailure& failure,
                           std::chrono::milliseconds wait);
  void charge(const Entry& entry, const DeliveryFailure& failure);
  void note_answer();

  // Constant after construction.
  const std::vector<std::string> sources_;
  const DestinationConfig config_;
  Destination* const destination_;
  const Clock& clock_;
  const LogSink log_;
  // Owned by the relay thread.
  std::stop_token stop_;
  OutboxLink outbox_;
  Breaker breaker_;
  Holds holds_;
  Suspects suspects_;
  FloodWatch flood_;
  std::vector<std::string> active_;  ///< The sources that are not held.
  SteadyTime last_used_{};           ///< When the session last did something.
  bool session_open_ = false;        ///< It was open after the last delivery.
  bool session_used_ = false;        ///< The last delivery got as far as a session.
  // Guarded: any thread.
  Recorder recorder_;
};

}  // namespace holdfast::relay
