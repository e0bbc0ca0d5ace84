#pragma once

#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "holdfast/relay.hpp"
#include "relay/ahead.hpp"
#include "relay/apart.hpp"
#include "relay/breaker.hpp"
#include "relay/holds.hpp"
#include "relay/outbox_link.hpp"
#include "relay/recorder.hpp"
#include "relay/shared.hpp"
#include "relay/split_queue.hpp"
#include "relay/suspects.hpp"

namespace holdfast::relay {

/// The relay over one session, without its thread. It delivers the order groups of its shard, and
/// nobody else does. Each step does one thing, the first of these that applies:
///
///   1. nothing, while the outbox or the destination is waited for, or entries are gathered;
///   2. the probe of a paused source or of a held group that is due: its oldest entry, alone;
///   3. a pass: claim what is pending of all groups that are not held, deliver, settle;
///   4. close the session when it was idle for idle_close.
///
/// In a pass a batch that is refused is split until the bad entry stands alone. What is before it
/// is committed before what is behind it is sent, and settled before the batch after that, so order
/// and "a crash repeats at most two batches" hold without a mark: what is not settled is pending.
///
/// Threads:  step: the machine's thread; stats: any; stop_with: before the first step.
class Machine {
 public:
  using Dependencies = MachineDependencies;
  Machine(std::uint32_t index, const Relay::Options& options, Dependencies dependencies);
  [[nodiscard]] RelayStep step();
  /// A pass ends after the running delivery once this token is stopped.
  void stop_with(std::stop_token stop) { stop_ = std::move(stop); }
  void close_session();
  [[nodiscard]] RelayStats stats() const;

 private:
  /// How a pass goes on after a failure.
  enum class After { go_on, again, split, set_apart, skip_group, skip_source, end_pass };
  using Outcome = std::expected<std::vector<Delivered>, DeliveryFailure>;
  [[nodiscard]] RelayStep advance();
  void probe_destination();
  [[nodiscard]] bool may_contact(SteadyTime now);
  [[nodiscard]] bool begin_drain(SteadyTime now);
  [[nodiscard]] bool belongs_to_drain(const Batch& batch) const;
  void look_for_entry(const Backlog& backlog, SteadyTime now);
  [[nodiscard]] RelayStep deliver_or_rest(SteadyTime now);
  [[nodiscard]] RelayStep nothing_left();
  [[nodiscard]] RelayStep rest(std::optional<SteadyTime> until);
  [[nodiscard]] RelayStep worked() const;
  void find_active();
  void publish();

  // What is done while the destination works: machine_ahead.cpp.
  [[nodiscard]] std::span<const Entry> claim_ahead(const Batch& current);
  [[nodiscard]] std::optional<Ahead> claim_behind(const std::vector<std::int64_t>& sent);
  [[nodiscard]] bool may_claim_ahead(std::size_t on_their_way) const;
  [[nodiscard]] std::optional<Batch> take_ahead();
  [[nodiscard]] bool land();
  [[nodiscard]] bool stop_ahead();

  // A pass: machine_pass.cpp.
  [[nodiscard]] Batch claim(std::uint32_t entries_max, const std::vector<OrderGroup>& except);
  [[nodiscard]] Batch claim_of(std::span<const std::string> sources, std::uint32_t entries_max,
                               const std::vector<OrderGroup>& except);
  [[nodiscard]] Batch claim_next();
  [[nodiscard]] Batch claim_parted(const std::vector<OrderGroup>& except);
  void set_apart(SplitQueue& queue) const;
  void run_pass(Batch batch);
  void leave_out_paused(SplitQueue& queue);
  [[nodiscard]] After deliver(Batch& batch);
  [[nodiscard]] Outcome attempt(const Batch& batch);
  [[nodiscard]] bool settle_delivered();
  void end_hold(const OrderGroup& group);

  // Probes: machine_probes.cpp.
  [[nodiscard]] bool probe_if_due(SteadyTime now);
  [[nodiscard]] bool probe_due_source(SteadyTime now);
  [[nodiscard]] bool probe_due_group(SteadyTime now);
  void probe_source(const SourcePause& pause, Batch oldest);
  void on_probe_failure(const SourcePause& pause, const Batch& oldest,
                        const DeliveryFailure& failure);
  void pause_source(const Entry& entry, SourcePauseReason reason, const DeliveryFailure& failure,
                    std::size_t entries);
  void resume_source(const std::string& source);

  // What a failure means: machine_failures.cpp, of one source machine_blocked.cpp, and for one
  // entry alone machine_alone.cpp.
  [[nodiscard]] After on_failure(const Batch& batch, const DeliveryFailure& failure);
  [[nodiscard]] After on_unreachable(const Batch& batch, const DeliveryFailure& failure);
  [[nodiscard]] After on_timeout(const Batch& batch, const DeliveryFailure& failure);
  [[nodiscard]] std::optional<After> on_blocked(const Batch& batch, const DeliveryFailure& failure);
  [[nodiscard]] After on_blocked_alone(const Entry& entry, const DeliveryFailure& failure);
  [[nodiscard]] After on_contention(const Batch& batch, const DeliveryFailure& failure);
  [[nodiscard]] After on_misconfigured(const Batch& batch, const DeliveryFailure& failure);
  void note_answer();
  void note_unreachable(const DeliveryFailure& failure, std::size_t entries);
  void try_session_breakers_alone();
  void on_alone_unreachable(const Entry& entry, const DeliveryFailure& failure);
  [[nodiscard]] After on_alone(const Entry& entry, const DeliveryFailure& failure);
  [[nodiscard]] After on_alone_data(const Entry& entry, const DeliveryFailure& failure);
  [[nodiscard]] After on_alone_foreign_key(const Entry& entry, const DeliveryFailure& failure);
  [[nodiscard]] After on_alone_contention(const Entry& entry, const DeliveryFailure& failure);
  [[nodiscard]] After on_alone_timeout(const Entry& entry, const DeliveryFailure& failure);
  [[nodiscard]] After bury(const Entry& entry, const DeliveryFailure& failure);
  [[nodiscard]] After hold(const Entry& entry, HoldReason reason, const DeliveryFailure& failure,
                           std::chrono::milliseconds wait);
  void charge(const Entry& entry, const DeliveryFailure& failure);

  // Constant after construction.
  const Shard shard_;
  const std::vector<std::string> sources_;
  const DestinationConfig config_;
  Destination& destination_;
  const Clock& clock_;
  const LogSink& log_;
  Shared& shared_;
  // Owned by the machine's thread.
  std::stop_token stop_;
  OutboxLink outbox_;
  Breaker breaker_;
  Holds holds_;
  Suspects suspects_;
  ApartSources apart_;
  SourcePauses::View paused_;        ///< As of the last find_active.
  std::vector<std::string> active_;  ///< The sources that a claim may ask for.
  SteadyTime last_used_{};           ///< When the session last did something.
  std::uint64_t reopened_ = 0;       ///< Outbox::reopened() and what operators changed, both
  std::uint64_t changes_ = 0;        ///< before the claims of this step.
  std::optional<Ahead> ahead_;
  Landing landing_;
  DrainProgress drain_;          ///< In economy mode.
  bool pass_is_smooth_ = false;  ///< A whole batch as it was claimed, and nothing has failed.
  Ear ear_{shared_.listening};
  bool probed_ = false;        ///< The last step was a probe: now the others.
  bool session_open_ = false;  ///< It was open after the last delivery.
  bool session_used_ = false;  ///< The last delivery got as far as a session.
  // Guarded: any thread.
  Recorder recorder_;
};

}  // namespace holdfast::relay
