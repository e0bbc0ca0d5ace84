#include <algorithm>
#include <utility>

#include "relay/events.hpp"
#include "relay/machine.hpp"

/// Probes: what is held or paused is tried with its oldest entry alone.
namespace holdfast::relay {

/// An operator wants to know whether the destination answers; if it does, nothing waits any longer.
void Machine::probe_destination() {
  const auto wishes = shared_.probes.begin();
  const SteadyTime start = clock_.steady_now();
  const auto reached = destination_.probe();
  last_used_ = clock_.steady_now();
  session_open_ = destination_.connected();
  if (reached) {
    breaker_.try_now();
    shared_.sources.probe_all_at(last_used_);
    holds_.probe_pauses_at(last_used_);
  } else {
    recorder_.unreachable(reached.error(), clock_.wall_now());
  }
  shared_.probes.answer(
      wishes, {reached.has_value(), reached ? "" : describe(reached.error()), last_used_ - start});
}

bool Machine::probe_if_due(SteadyTime now) {
  probed_ = probe_due_source(now) || (!outbox_.retry_at() && probe_due_group(now));
  return probed_;
}

bool Machine::probe_due_source(SteadyTime now) {
  for (const std::string& source : shared_.sources.due(now)) {
    if (!stop_ahead()) return false;
    const auto pause = shared_.sources.take_probe(source, shard_.index);
    if (!pause) continue;
    // Of all groups and shards: no machine delivers this source until the probe is over.
    ClaimRequest request{.sources = std::span(&source, 1),
                         .except = pause->probed,
                         .entries_max = 1,
                         .bytes_max = config_.batch_bytes};
    Batch oldest = outbox_.claim(request);
    if (oldest.empty() && !pause->probed.empty()) {
      request.except = {};  // All groups had their turn.
      oldest = outbox_.claim(request);
    }
    if (outbox_.retry_at()) return false;
    if (oldest.empty()) {
      // Whether a schema is right again only the next entry can show.
      shared_.sources.nothing_to_probe(source);
      continue;
    }
    probe_source(*pause, std::move(oldest));
    return true;
  }
  return false;
}

void Machine::probe_source(const SourcePause& pause, Batch oldest) {
  auto flight =
      std::make_unique<Flights::Flight>(*shared_.flights, shard_.index, oldest, changes_, stop_);
  if (!flight->begun()) return;  // An operator has changed something: the next step tries again.
  auto outcome = attempt(oldest);
  if (!outcome) {
    if (!outcome.error().in_doubt) flight->told();
    return on_probe_failure(pause, oldest, outcome.error());
  }
  const std::string source = oldest.front().source;
  // Settled first: the machine that the entry belongs to shall not find it pending.
  landing_.add(std::move(flight), std::move(oldest), *std::move(outcome));
  static_cast<void>(land());
  resume_source(source);
}

/// The entry may belong to another machine: nothing is held against it here.
void Machine::on_probe_failure(const SourcePause& pause, const Batch& oldest,
                               const DeliveryFailure& failure) {
  if (stop_.stop_requested()) return;  // Interrupted: this tells nothing.
  const std::string& source = oldest.front().source;
  const bool reached = !failure.in_doubt && failure.delivery_class != DeliveryClass::connection &&
                       failure.delivery_class != DeliveryClass::server;
  if (!reached || is_misconfiguration(failure.delivery_class)) {
    shared_.sources.postpone(source, clock_.steady_now() + probe_interval);
    if (!reached) return note_unreachable(failure, oldest.size());
    static_cast<void>(on_misconfigured(oldest, failure));  // A pass would go on, a probe ends.
    return;
  }
  if (failure.delivery_class != DeliveryClass::contention) note_answer();
  const bool still_blocked = is_blocked(failure.delivery_class) && is_block(pause.reason);
  // The statements work again, and what remains is about the entry: for its machine to judge.
  if (!still_blocked && pause.reason != SourcePauseReason::poison_flood)
    return resume_source(source);
  // Postgres refuses all of the source: one more refusal is no news, and neither kills the entry
  // nor is kept, or the outbox would grow by a row every probe.
  pause_source(oldest.front(), pause.reason, failure, 1);
  if (still_blocked) shared_.sources.probe_elsewhere(group_of(oldest.front()));
}

void Machine::pause_source(const Entry& entry, SourcePauseReason reason,
                           const DeliveryFailure& failure, std::size_t entries) {
  SourcePause pause{.reason = reason,
                    .error = describe(failure),
                    .since = clock_.wall_now(),
                    .probe_at = clock_.steady_now() + probe_interval};
  if (reason == SourcePauseReason::poison_flood) pause.error += hint_at(entry);
  const PausedSource told{entry.source, std::string(to_string(reason)), pause.error, pause.since};
  const auto tries = shared_.sources.pause(entry.source, std::move(pause));
  log_(tries == 1 ? source_paused_event(told, Extent::source)
                  : retry_event(failure, {tries, probe_interval}, entries));
}

void Machine::resume_source(const std::string& source) {
  if (const auto ended = shared_.sources.resume(source))
    log_(source_resumed_event(source, to_string(ended->reason)));
}

/// What a group waits for is known, so a claim behind its predecessor finds it. Only where entries
/// have become pending again since may an older one of the group be among them: then all are looked
/// through.
bool Machine::probe_due_group(SteadyTime now) {
  for (const OrderGroup& group : holds_.due(now, paused_.paused)) {
    if (!stop_ahead()) return false;
    const Hold& held = *holds_.find(group);
    const std::int64_t seq = held.seq;
    Batch oldest = outbox_.claim({.sources = std::span(&group.source, 1),
                                  .shard = shard_,
                                  .only = group,
                                  .after_seq = held.reopened == reopened_ ? seq - 1 : 0,
                                  .entries_max = 1,
                                  .bytes_max = config_.batch_bytes});
    if (outbox_.retry_at()) return false;
    if (oldest.empty() || oldest.front().seq != seq) {
      // An operator settled it, and with the entry its fault is gone; or an older one is pending
      // again, and is claimed first from now on.
      end_hold(group);
      continue;
    }
    run_pass(std::move(oldest));
    return true;
  }
  return false;
}

}  // namespace holdfast::relay
