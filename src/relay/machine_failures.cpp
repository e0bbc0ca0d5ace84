#include <algorithm>
#include <utility>

#include "relay/events.hpp"
#include "relay/machine.hpp"

/// What each class of failure does. Only on_alone_* and bury ever blame an entry, and they are
/// reached only by the server's answer about one entry that stood alone.
namespace holdfast::relay {
namespace {

using std::chrono::milliseconds;

std::string_view pause_reason_of(DeliveryClass delivery_class) {
  return delivery_class == DeliveryClass::quota ? "quota" : "configuration";
}

Settlement death_of(const Entry& entry, const DeliveryFailure& failure) {
  const auto if_any = [](const std::string& text) {
    return text.empty() ? std::nullopt : std::optional(text);
  };
  Settlement death;
  death.seq = entry.seq;
  death.state = EntryState::dead;
  death.reason = "data_error";
  death.sqlstate = if_any(failure.sqlstate);
  death.constraint = if_any(failure.constraint);
  death.error = if_any(failure.message);
  return death;
}

}  // namespace

Machine::After Machine::on_failure(const Batch& batch, const DeliveryFailure& failure) {
  if (stop_.stop_requested()) return After::end_pass;  // Interrupted: this tells nothing.
  if (failure.in_doubt) return on_unreachable(batch, failure);
  switch (failure.delivery_class) {
    case DeliveryClass::connection:
    case DeliveryClass::server: return on_unreachable(batch, failure);
    case DeliveryClass::contention: return on_contention(batch, failure);
    case DeliveryClass::config:
    case DeliveryClass::quota:
    case DeliveryClass::defect: return on_misconfigured(batch, failure);
    case DeliveryClass::timeout:
      note_answer();
      if (batch.size() == 1) return on_alone(batch.front(), failure);
      log_(retry_event(failure, breaker_.too_slow(static_cast<std::uint32_t>(batch.size())),
                       batch.size()));
      return After::end_pass;  // The next claim is no larger than what may still work.
    case DeliveryClass::data:
    case DeliveryClass::foreign_key:
      note_answer();
      if (batch.size() == 1) return on_alone(batch.front(), failure);
      log_(split_event(failure, batch.size()));
      return After::split;
  }
  std::unreachable();
}

void Machine::note_answer() {
  const auto failures = breaker_.failures();
  const auto recovery = breaker_.answered();
  if (recovery == Breaker::Recovery::none) return;
  log_(recovery == Breaker::Recovery::pause ? destination_resumed_event()
                                            : destination_recovered_event(failures));
  // Those that may be what broke the sessions are tried alone before they join a batch again. If
  // this answer was theirs, the hold ends with what it says of the entry.
  for (const auto& [group, source] : suspects_.session_breakers()) {
    if (holds_.find(group)) continue;
    Hold hold;
    hold.source = source;
    hold.since = clock_.wall_now();
    hold.probe_at = clock_.steady_now();
    static_cast<void>(holds_.hold(group, std::move(hold)));
    find_active();
  }
}

Machine::After Machine::on_unreachable(const Batch& batch, const DeliveryFailure& failure) {
  suspects_.forgive_missing_parents();
  log_(retry_event(failure, breaker_.unreachable(failure, clock_.steady_now()), batch.size()));
  if (batch.size() == 1) on_alone_unreachable(batch.front(), failure);
  return After::end_pass;
}

/// An outage blames no entry. But one entry must not look like an outage for ever, either: one too
/// large for the link in deliver_timeout, or one that crashes its backend.
void Machine::on_alone_unreachable(const Entry& entry, const DeliveryFailure& failure) {
  auto& broken = suspects_.of(entry).sessions_broken;
  if (session_used_) ++broken;
  const Hold* held = holds_.find(group_of(entry));
  if (!held) return;
  if (is_pause(held->reason))
    return holds_.postpone(group_of(entry), clock_.steady_now() + probe_interval);
  if (broken >= sessions_broken_max) {
    static_cast<void>(hold(entry, HoldReason::breaks_session, failure, probe_interval));
    return;
  }
  holds_.postpone(group_of(entry), clock_.steady_now() + contention_cap);
}

Machine::After Machine::on_contention(const Batch& batch, const DeliveryFailure& failure) {
  if (batch.size() == 1 && suspects_.of(batch.front()).contentions + 1 >= contention_tries_max)
    return on_alone_contention(batch.front(), failure);
  if (batch.size() == 1) ++suspects_.of(batch.front()).contentions;
  log_(retry_event(failure, breaker_.contended(failure, clock_.steady_now()), batch.size()));
  return After::end_pass;
}

/// Perhaps only this entry meets a locked row: its group waits, and the others show whether they
/// get through. It is never charged, for the other side of a conflict may be anybody.
Machine::After Machine::on_alone_contention(const Entry& entry, const DeliveryFailure& failure) {
  const auto tries = ++suspects_.of(entry).contentions;
  breaker_.look_elsewhere(clock_.steady_now());
  const Hold* held = holds_.find(group_of(entry));
  if (held && is_pause(held->reason)) {
    log_(retry_event(failure, {tries, probe_interval}, 1));
    holds_.postpone(group_of(entry), clock_.steady_now() + probe_interval);
    return After::end_pass;
  }
  const bool enough = tries >= contention_alone_max;
  const auto doublings = std::min(tries - contention_tries_max, 4U);
  const milliseconds wait =
      enough ? probe_interval : std::min(contention_hold_cap, contention_cap * (1U << doublings));
  log_(retry_event(failure, {tries, wait}, 1));
  return hold(entry, enough ? HoldReason::contention : HoldReason::retry_alone, failure, wait);
}

Machine::After Machine::on_misconfigured(const Batch& batch, const DeliveryFailure& failure) {
  suspects_.forgive_missing_parents();
  if (batch.size() == 1)
    holds_.postpone(group_of(batch.front()), clock_.steady_now() + probe_interval);
  const auto reason = pause_reason_of(failure.delivery_class);
  const bool known = breaker_.paused() && breaker_.pause_reason() == reason;
  const Retry retry = breaker_.pause(reason, clock_.steady_now());
  log_(known ? retry_event(failure, retry, batch.size())
             : destination_paused_event(failure, reason));
  return After::end_pass;
}

Machine::After Machine::on_alone(const Entry& entry, const DeliveryFailure& failure) {
  const Hold* held = holds_.find(group_of(entry));
  // The source is paused because Postgres refuses all of it: one more refusal is no news, and
  // neither kills the entry nor is kept, or the outbox would grow by a row every probe.
  if (held && held->reason == HoldReason::poison_flood) {
    log_(retry_event(failure, {held->probes + 1, probe_interval}, 1));
    return hold(entry, HoldReason::poison_flood, failure, probe_interval);
  }
  charge(entry, failure);
  switch (failure.delivery_class) {
    case DeliveryClass::foreign_key: return on_alone_foreign_key(entry, failure);
    case DeliveryClass::timeout: return on_alone_timeout(entry, failure);
    default: return on_alone_data(entry, failure);
  }
}

Machine::After Machine::on_alone_data(const Entry& entry, const DeliveryFailure& failure) {
  const auto errors = ++suspects_.of(entry).data_errors;
  if (errors >= data_errors_max) return bury(entry, failure);
  log_(retry_event(failure, {errors, milliseconds(0)}, 1));
  return After::again;
}

Machine::After Machine::on_alone_foreign_key(const Entry& entry, const DeliveryFailure& failure) {
  Suspect& suspect = suspects_.of(entry);
  suspect.data_errors = 0;
  const auto tries = ++suspect.foreign_key_tries;
  if (tries >= foreign_key_tries_max) return bury(entry, failure);
  const milliseconds wait = foreign_key_waits[tries - 1];
  log_(retry_event(failure, {tries, wait}, 1));
  return hold(entry, HoldReason::parent_missing, failure, wait);
}

Machine::After Machine::on_alone_timeout(const Entry& entry, const DeliveryFailure& failure) {
  breaker_.culprit_found();
  Suspect& suspect = suspects_.of(entry);
  suspect.data_errors = 0;
  const auto timeouts = ++suspect.timeouts;
  const bool enough = timeouts >= timeouts_max;
  const milliseconds wait = enough ? probe_interval : breaker_.contention_delay(timeouts);
  log_(retry_event(failure, {timeouts, wait}, 1));
  return hold(entry, enough ? HoldReason::timeout : HoldReason::retry_alone, failure, wait);
}

/// Settles the entry as dead. It keeps its payload and can be retried by an operator.
Machine::After Machine::bury(const Entry& entry, const DeliveryFailure& failure) {
  const bool settled = outbox_.settle({death_of(entry, failure)});
  log_(entry_dead_event(entry, failure));
  suspects_.clear(group_of(entry));
  const bool flooded = flood_.died(entry.source, clock_.steady_now());
  if (!flooded) end_hold(group_of(entry));
  const After after =
      flooded ? hold(entry, HoldReason::poison_flood, failure, probe_interval) : After::go_on;
  return settled ? after : After::end_pass;
}

Machine::After Machine::hold(const Entry& entry, HoldReason reason, const DeliveryFailure& failure,
                             milliseconds wait) {
  const Hold hold{
      .reason = reason,
      .source = entry.source,
      .error = describe(failure) + "; see `holdfast outbox show " + entry.id.to_string() + "`",
      .since = clock_.wall_now(),
      .probe_at = clock_.steady_now() + wait};
  // From a pause back to a short wait: the entry is being looked at again.
  const Hold* held = holds_.find(group_of(entry));
  if (held && is_pause(held->reason) && !is_pause(reason)) log_(source_resumed_event(*held));
  if (holds_.hold(group_of(entry), hold)) log_(source_paused_event(hold));
  find_active();
  publish();
  return After::skip_group;
}

void Machine::charge(const Entry& entry, const DeliveryFailure& failure) {
  outbox_.note({entry.seq,
                {clock_.wall_now(), failure.sqlstate,
                 std::string(to_string(failure.delivery_class)), failure.message}});
}

}  // namespace holdfast::relay
