#include <algorithm>
#include <set>

#include "relay/events.hpp"
#include "relay/machine.hpp"

/// What a lock or slowness does that met the own statement of one source.
namespace holdfast::relay {
namespace {

/// lock_not_available: the statement waited for the whole lock_timeout.
/// Source:   PostgreSQL documentation, "Appendix A. PostgreSQL Error Codes".
constexpr std::string_view lock_not_available = "55P03";

bool is_lock(const DeliveryFailure& failure) {
  return failure.delivery_class == DeliveryClass::contention &&
         failure.sqlstate == lock_not_available;
}

SourcePauseReason reason_of(const DeliveryFailure& failure) {
  return failure.delivery_class == DeliveryClass::timeout ? SourcePauseReason::timeout
                                                          : SourcePauseReason::contention;
}

std::set<OrderGroup> groups_of(const Batch& batch, const std::string& source) {
  std::set<OrderGroup> groups;
  for (const Entry& entry : batch)
    if (entry.source == source) groups.insert(group_of(entry));
  return groups;
}

bool ordered(const std::set<OrderGroup>& groups) {
  return std::ranges::any_of(groups, [](const OrderGroup& group) { return !!group.order_hash; });
}

}  // namespace

/// The others go on at once, and the source goes apart; the breaker hears nothing of it. Nullopt if
/// it is no matter of one source, or of one without order_by alone: its only group is held soon
/// enough.
std::optional<Machine::After> Machine::on_blocked(const Batch& batch,
                                                  const DeliveryFailure& failure) {
  const auto groups = groups_of(batch, failure.source);
  if (groups.empty()) return std::nullopt;
  const bool lock = is_lock(failure);
  const bool slow = failure.delivery_class == DeliveryClass::timeout;
  const bool own = ordered(groups) || apart_.contains(failure.source);
  if (batch.size() == 1 && own && (lock || slow)) return on_blocked_alone(batch.front(), failure);
  const bool shared =
      std::ranges::any_of(batch, [&](const Entry& e) { return e.source != failure.source; });
  if (batch.size() == 1 || (!shared && !own)) return std::nullopt;
  if (slow) note_answer();
  if (lock && ordered(groups) && shared_.sources.blocked(groups)) {
    const auto oldest = std::ranges::find(batch, failure.source, &Entry::source);
    pause_source(*oldest, reason_of(failure), failure, batch.size());
    return After::again;
  }
  log_(retry_event(failure, {1, std::chrono::milliseconds(0)}, batch.size()));
  apart_.add(failure.source);
  if (shared) return After::set_apart;
  apart_.shrink(failure.source, lock ? 1 : static_cast<std::uint32_t>(batch.size() / 2));
  return After::skip_source;
}

/// Its group waits, and the rest of its source, which may meet the same, comes behind the others. A
/// group that has been paused already tells nothing new.
Machine::After Machine::on_blocked_alone(const Entry& entry, const DeliveryFailure& failure) {
  const OrderGroup group = group_of(entry);
  const Hold* const held = holds_.find(group);
  const bool known = held && is_pause(held->reason);
  const bool slow = failure.delivery_class == DeliveryClass::timeout;
  if (slow) note_answer();
  apart_.add(entry.source);
  const After after = slow ? on_alone(entry, failure) : on_alone_contention(entry, failure);
  if (!known && group.order_hash && shared_.sources.blocked({group}))
    pause_source(entry, reason_of(failure), failure, 1);
  return after;
}

}  // namespace holdfast::relay
