#include <algorithm>
#include <string_view>
#include <utility>

#include "relay/events.hpp"
#include "relay/machine.hpp"

/// What each class of failure does. None of it blames an entry: machine_alone.cpp does that.
namespace holdfast::relay {
namespace {

std::string_view pause_reason_of(DeliveryClass delivery_class) {
  return delivery_class == DeliveryClass::quota ? "quota" : "configuration";
}

}  // namespace

Machine::After Machine::on_failure(const Batch& batch, const DeliveryFailure& failure) {
  if (stop_.stop_requested()) return After::end_pass;  // Interrupted: this tells nothing.
  if (failure.in_doubt) return on_unreachable(batch, failure);
  if (is_blocked(failure.delivery_class))
    if (const auto after = on_blocked(batch, failure)) return *after;
  switch (failure.delivery_class) {
    case DeliveryClass::connection:
    case DeliveryClass::server: return on_unreachable(batch, failure);
    case DeliveryClass::contention: return on_contention(batch, failure);
    case DeliveryClass::config:
    case DeliveryClass::quota:
    case DeliveryClass::defect: return on_misconfigured(batch, failure);
    case DeliveryClass::timeout: return on_timeout(batch, failure);
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
  if (recovery == Breaker::Recovery::backoff)
    log_(destination_recovered_event(failures));
  else if (shared_.destination.resumed(shard_.index))
    log_(destination_resumed_event());
  try_session_breakers_alone();
}

/// Those that may be what broke the sessions are tried alone before they join a batch again. If the
/// answer that ended the outage was theirs, the hold ends with what it says of the entry.
void Machine::try_session_breakers_alone() {
  for (const auto& [group, seq] : suspects_.session_breakers()) {
    if (holds_.find(group)) continue;
    static_cast<void>(holds_.hold(
        group, {.seq = seq, .since = clock_.wall_now(), .probe_at = clock_.steady_now()}));
  }
}

Machine::After Machine::on_unreachable(const Batch& batch, const DeliveryFailure& failure) {
  note_unreachable(failure, batch.size());
  if (batch.size() == 1) on_alone_unreachable(batch.front(), failure);
  return After::end_pass;
}

void Machine::note_unreachable(const DeliveryFailure& failure, std::size_t entries) {
  suspects_.forgive_missing_parents();
  log_(retry_event(failure, breaker_.unreachable(failure, clock_.steady_now()), entries));
}

Machine::After Machine::on_timeout(const Batch& batch, const DeliveryFailure& failure) {
  note_answer();
  if (batch.size() == 1) return on_alone(batch.front(), failure);
  log_(retry_event(failure, breaker_.too_slow(static_cast<std::uint32_t>(batch.size())),
                   batch.size()));
  return After::end_pass;  // The next claim is no larger than what may still work.
}

Machine::After Machine::on_contention(const Batch& batch, const DeliveryFailure& failure) {
  if (batch.size() == 1 && suspects_.of(batch.front()).contentions + 1 >= contention_tries_max)
    return on_alone_contention(batch.front(), failure);
  if (batch.size() == 1) ++suspects_.of(batch.front()).contentions;
  log_(retry_event(failure, breaker_.contended(failure, clock_.steady_now()), batch.size()));
  return After::end_pass;
}

/// The source whose own statement it is waits, and the others go on at once without it. What
/// concerns no single source of the batch concerns the destination.
Machine::After Machine::on_misconfigured(const Batch& batch, const DeliveryFailure& failure) {
  const auto theirs = std::ranges::find(batch, failure.source, &Entry::source);
  if (theirs != batch.end()) {
    note_answer();
    pause_source(*theirs, SourcePauseReason::configuration, failure, batch.size());
    return After::again;
  }
  suspects_.forgive_missing_parents();
  if (batch.size() == 1)
    holds_.postpone(group_of(batch.front()), clock_.steady_now() + probe_interval);
  const auto reason = pause_reason_of(failure.delivery_class);
  const bool known = breaker_.paused() && breaker_.pause_reason() == reason;
  const Retry retry = breaker_.pause(reason, clock_.steady_now());
  const bool first = shared_.destination.paused(shard_.index, reason);
  log_(known || !first ? retry_event(failure, retry, batch.size())
                       : destination_paused_event(failure, reason));
  return After::end_pass;
}

}  // namespace holdfast::relay
