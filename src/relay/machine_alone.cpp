#include <algorithm>
#include <utility>

#include "relay/events.hpp"
#include "relay/machine.hpp"

/// What a failure does that met one entry alone. Only here is an entry ever blamed, and only by the
/// server's answer about it.
namespace holdfast::relay {
namespace {

using std::chrono::milliseconds;

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

Machine::After Machine::on_alone(const Entry& entry, const DeliveryFailure& failure) {
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
  const auto doublings = std::min(tries - std::min(tries, contention_tries_max), 4U);
  const milliseconds wait =
      enough ? probe_interval : std::min(contention_hold_cap, contention_cap * (1U << doublings));
  log_(retry_event(failure, {tries, wait}, 1));
  return hold(entry, enough ? HoldReason::contention : HoldReason::retry_alone, failure, wait);
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
  end_hold(group_of(entry));
  if (shared_.sources.died(entry.source, clock_.steady_now()))
    pause_source(entry, SourcePauseReason::poison_flood, failure, 1);
  return settled ? After::go_on : After::end_pass;
}

/// The group waits. Where no further one of its source can be held, the source waits for those.
Machine::After Machine::hold(const Entry& entry, HoldReason reason, const DeliveryFailure& failure,
                             milliseconds wait) {
  const OrderGroup group = group_of(entry);
  const Hold* const held = holds_.find(group);
  if (!held && holds_.full(entry.source)) return After::skip_source;
  const HoldReason before = held ? held->reason : reason;
  const Hold now{.reason = reason,
                 .seq = entry.seq,
                 .error = describe(failure) + hint_at(entry),
                 .since = clock_.wall_now(),
                 .probe_at = clock_.steady_now() + wait,
                 .reopened = reopened_};
  const bool told = holds_.hold(group, now);
  // From a pause back to a short wait: the entry is being looked at again.
  if (is_pause(before) && !is_pause(reason) && !holds_.has(group.source, before))
    log_(source_resumed_event(group.source, to_string(before)));
  const PausedSource paused{group.source, std::string(to_string(reason)), now.error, now.since};
  if (told)
    log_(source_paused_event(paused, group.order_hash ? Extent::order_group : Extent::source));
  publish();
  return After::skip_group;
}

void Machine::charge(const Entry& entry, const DeliveryFailure& failure) {
  outbox_.note({entry.seq,
                {clock_.wall_now(), failure.sqlstate,
                 std::string(to_string(failure.delivery_class)), failure.message}});
}

}  // namespace holdfast::relay
