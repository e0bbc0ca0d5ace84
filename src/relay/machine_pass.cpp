#include <algorithm>
#include <iterator>
#include <utility>

#include "base/check.hpp"
#include "relay/events.hpp"
#include "relay/machine.hpp"

/// One pass: claim, deliver, settle.
namespace holdfast::relay {

Batch Machine::claim(std::uint32_t entries_max, const std::vector<OrderGroup>& except) {
  return claim_of(active_, entries_max, except);
}

Batch Machine::claim_of(std::span<const std::string> sources, std::uint32_t entries_max,
                        const std::vector<OrderGroup>& except) {
  return outbox_.claim({.sources = sources,
                        .shard = shard_,
                        .except = except,
                        .entries_max = entries_max,
                        .bytes_max = config_.batch_bytes});
}

Batch Machine::claim_next() {
  std::vector<OrderGroup> except = holds_.groups();
  if (!breaker_.half_open() && !apart_.empty()) return claim_parted(except);
  const auto breakers = suspects_.session_breakers();
  if (!breaker_.half_open() || breakers.empty() || breakers.size() >= session_breakers_max)
    return claim(breaker_.entries_max(), except);
  const std::vector<OrderGroup> held = except;
  for (const auto& [group, seq] : breakers) except.push_back(group);
  std::ranges::sort(except);
  Batch others = claim(1, except);
  return others.empty() ? claim(breaker_.entries_max(), held) : std::move(others);
}

/// The sources that are apart have shares of their own, so that however much waits of them, the
/// others get theirs.
Batch Machine::claim_parted(const std::vector<OrderGroup>& except) {
  std::vector<std::string> together;
  std::ranges::copy_if(active_, std::back_inserter(together),
                       [&](const std::string& source) { return !apart_.contains(source); });
  Batch batch = claim_of(together, breaker_.entries_max(), except);
  for (const std::string& source : active_) {
    if (!apart_.contains(source)) continue;
    const auto entries_max = std::min(apart_.entries_max(source), breaker_.entries_max());
    Batch theirs = claim_of(std::span(&source, 1), entries_max, except);
    std::ranges::move(theirs, std::back_inserter(batch));
  }
  return batch;
}

void Machine::set_apart(SplitQueue& queue) const {
  if (apart_.empty()) return;
  for (const std::string& source : sources_)
    if (apart_.contains(source)) queue.set_apart(source);
}

void Machine::run_pass(Batch batch) {
  SplitQueue queue(std::move(batch));
  set_apart(queue);
  while (!stop_.stop_requested() && !shared_.paused) {
    leave_out_paused(queue);
    if (queue.empty()) break;
    Batch part = queue.take();
    pass_is_smooth_ = pass_is_smooth_ && queue.empty();
    const After after = deliver(part);
    if (after != After::go_on) pass_is_smooth_ = false;
    switch (after) {
      case After::go_on: break;
      case After::again: queue.put_back(std::move(part)); break;
      case After::set_apart:
        queue.put_back(std::move(part));
        set_apart(queue);
        break;
      case After::split: queue.put_back_halves(std::move(part)); break;
      case After::skip_group: queue.drop_group(group_of(part.front())); break;
      case After::skip_source: queue.drop_source(part.front().source); break;
      case After::end_pass: queue = SplitQueue(Batch{}); break;
    }
  }
  // Not worth stopping for: what cannot be written is owed, and ready() comes back to it.
  if (!outbox_.retry_at()) static_cast<void>(outbox_.flush());
}

/// This machine or another one has paused a source since the claim.
void Machine::leave_out_paused(SplitQueue& queue) {
  if (shared_.sources.pauses() == paused_.pauses) return;
  find_active();
  for (const std::string& source : paused_.paused) queue.drop_source(source);
}

/// Takes a batch that was delivered.
Machine::After Machine::deliver(Batch& batch) {
  // To connect may take long, and nobody waits for the batch meanwhile.
  if (!landing_.empty() && !destination_.connected() && !land()) return After::end_pass;
  // Who waits for an operator's change shall hold up no other one.
  auto flight = std::make_unique<Flights::Flight>(*shared_.flights, shard_.index, batch, changes_,
                                                  stop_, [&] { static_cast<void>(land()); });
  if (!flight->begun())
    return After::end_pass;  // An operator has changed something since the claim.
  auto outcome = attempt(batch);
  const bool landed = land();
  if (!outcome) {
    ahead_.reset();
    if (!outcome.error().in_doubt) flight->told();
    const After after = on_failure(batch, outcome.error());
    return landed ? after : After::end_pass;
  }
  if (!landed) ahead_.reset();
  landing_.add(std::move(flight), std::move(batch), *std::move(outcome));
  // The destination waits for the next batch: what became of this one is written meanwhile. But a
  // probe of a source that was paused meanwhile shall not find it pending.
  if (ahead_ && shared_.sources.pauses() == paused_.pauses) return After::go_on;
  return land() ? After::go_on : After::end_pass;
}

Machine::Outcome Machine::attempt(const Batch& batch) {
  const SteadyTime start = clock_.steady_now();
  const bool connected = destination_.connected();
  const std::uint64_t connects = destination_.connects();
  auto outcome = pass_is_smooth_
                     ? destination_.deliver_and_prepare(batch, [&] { return claim_ahead(batch); })
                     : destination_.deliver(batch);
  last_used_ = clock_.steady_now();
  session_used_ = connected || destination_.connects() != connects;
  session_open_ = destination_.connected();
  if (!outcome) {
    recorder_.failed(outcome.error(), last_used_ - start, clock_.wall_now());
    return outcome;
  }
  HOLDFAST_CHECK(outcome->size() == batch.size(), "a destination answers for each entry");
  recorder_.delivered(batch, last_used_ - start, clock_.wall_now());
  note_answer();
  breaker_.delivered(static_cast<std::uint32_t>(batch.size()));
  publish();
  return outcome;
}

/// Hands on what became of the batch that has landed, if that is not done; land() waits for it.
bool Machine::settle_delivered() {
  if (landing_.batch.empty()) return true;
  const Batch& batch = landing_.batch;
  std::vector<Settlement> settlements;
  settlements.reserve(batch.size());
  for (std::size_t i = 0; i < batch.size(); ++i) {
    Settlement& settlement = settlements.emplace_back();
    settlement.seq = batch[i].seq;
    settlement.state = EntryState::delivered;
    settlement.duplicate_of = landing_.outcomes[i].duplicate_of;
    suspects_.clear(group_of(batch[i]));
    end_hold(group_of(batch[i]));
  }
  shared_.sources.delivered(batch);
  apart_.delivered(batch.front().source);  // Of one that is apart there are only whole batches.
  const bool settled = outbox_.settle_later(std::move(settlements));
  landing_.batch = {};  // What could not be written is owed.
  return settled;
}

void Machine::end_hold(const OrderGroup& group) {
  const auto ended = holds_.release(group);
  if (ended && is_pause(ended->reason) && !holds_.has(group.source, ended->reason))
    log_(source_resumed_event(group.source, to_string(ended->reason)));
}

}  // namespace holdfast::relay
