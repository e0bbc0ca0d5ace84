#include "relay/machine.hpp"

#include <algorithm>
#include <utility>

#include "base/check.hpp"
#include "relay/events.hpp"

namespace holdfast::relay {
namespace {

/// The later of two moments, where none means now.
std::optional<SteadyTime> later(std::optional<SteadyTime> left, std::optional<SteadyTime> right) {
  return std::max(left, right);
}

std::optional<SteadyTime> earlier(std::optional<SteadyTime> left, std::optional<SteadyTime> right) {
  if (!left || !right) return left ? left : right;
  return std::min(left, right);
}

}  // namespace

Machine::Machine(Relay::Options options, Relay::Dependencies dependencies)
    : sources_(std::move(options.sources)),
      config_(std::move(options.destination)),
      destination_(dependencies.destination),
      clock_(dependencies.clock),
      log_(dependencies.log ? std::move(dependencies.log) : [](const LogEvent&) {}),
      outbox_(dependencies.outbox, clock_, log_),
      breaker_(config_, options.jitter_seed) {
  find_active();
  publish();
}

RelayStep Machine::step() {
  if (!destination_) return {};
  const RelayStep next = advance();
  publish();
  return next;
}

RelayStep Machine::advance() {
  const SteadyTime now = clock_.steady_now();
  if (!outbox_.ready()) return rest(outbox_.retry_at());
  if (breaker_.not_before() > now) return rest(breaker_.not_before());
  // A destination that may be down is asked with the oldest entry of all; a held one comes after.
  if (!breaker_.half_open() && probe_due_group(now)) return worked();
  Batch batch = claim();
  if (!batch.empty()) {
    run_pass(std::move(batch));
    return worked();
  }
  if (outbox_.retry_at()) return rest(outbox_.retry_at());
  if (breaker_.half_open() && probe_due_group(now)) return worked();
  if (outbox_.retry_at()) return rest(outbox_.retry_at());
  return rest(holds_.next_probe());
}

Batch Machine::claim() {
  if (breaker_.half_open()) {
    auto others = active_;
    const auto breakers = suspects_.session_breakers();
    std::erase_if(others, [&](const std::string& source) { return breakers.contains(source); });
    if (others.size() < active_.size()) {
      Batch batch = outbox_.claim(others, 1, config_.batch_bytes);
      if (!batch.empty()) return batch;
    }
  }
  return outbox_.claim(active_, breaker_.entries_max(), config_.batch_bytes);
}

bool Machine::probe_due_group(SteadyTime now) {
  for (const std::string& group : holds_.due(now)) {
    const std::vector<std::string> source{holds_.find(group)->source};
    Batch oldest = outbox_.claim(source, 1, config_.batch_bytes);
    if (outbox_.retry_at()) return false;
    if (oldest.empty()) {
      nothing_to_probe(group);
      continue;
    }
    run_pass(std::move(oldest));
    return true;
  }
  return false;
}

/// Someone else, such as an operator, settled what the group waited for. With the entry its fault
/// is gone, too; but whether a schema is right again only the next entry can show.
void Machine::nothing_to_probe(const std::string& group) {
  if (holds_.find(group)->reason != HoldReason::poison_flood) return end_hold(group);
  holds_.nothing_to_probe(group);
}

/// Nothing to do until then, but for closing the session in time.
RelayStep Machine::rest(std::optional<SteadyTime> until) {
  // A session that the server ended meanwhile still has its socket.
  if (!session_open_ && !destination_->connected()) return {until};
  const SteadyTime close_at = last_used_ + config_.idle_close;
  if (clock_.steady_now() < close_at) return {earlier(until, close_at)};
  close_session();
  return {until};
}

/// There may be more: again at once, or as soon as whatever went wrong allows.
RelayStep Machine::worked() const {
  return {later(clock_.steady_now(), later(breaker_.not_before(), outbox_.retry_at()))};
}

void Machine::run_pass(Batch batch) {
  SplitQueue queue(std::move(batch));
  while (!queue.empty() && !stop_.stop_requested()) {
    Batch part = queue.take();
    switch (deliver(part)) {
      case After::go_on: break;
      case After::again: queue.put_back(std::move(part)); break;
      case After::split: queue.put_back_halves(std::move(part)); break;
      case After::skip_group: queue.drop_group(group_of(part.front())); break;
      case After::end_pass: queue = SplitQueue(Batch{}); break;
    }
  }
  // Not worth stopping for: what cannot be written is owed, and ready() comes back to it.
  if (!outbox_.retry_at()) static_cast<void>(outbox_.flush());
}

Machine::After Machine::deliver(const Batch& batch) {
  const SteadyTime start = clock_.steady_now();
  const bool connected = destination_->connected();
  const std::uint64_t connects = destination_->connects();
  auto outcome = destination_->deliver(batch);
  last_used_ = clock_.steady_now();
  session_used_ = connected || destination_->connects() != connects;
  session_open_ = destination_->connected();
  if (!outcome) {
    recorder_.failed(outcome.error(), last_used_ - start, clock_.wall_now());
    return on_failure(batch, outcome.error());
  }
  HOLDFAST_CHECK(outcome->size() == batch.size(), "a destination answers for each entry");
  recorder_.delivered(batch, last_used_ - start, clock_.wall_now());
  note_answer();
  breaker_.delivered(static_cast<std::uint32_t>(batch.size()));
  return settle_delivered(batch, *outcome) ? After::go_on : After::end_pass;
}

bool Machine::settle_delivered(const Batch& batch, const std::vector<Delivered>& outcomes) {
  std::vector<Settlement> settlements;
  settlements.reserve(batch.size());
  for (std::size_t i = 0; i < batch.size(); ++i) {
    Settlement& settlement = settlements.emplace_back();
    settlement.seq = batch[i].seq;
    settlement.state = EntryState::delivered;
    settlement.duplicate_of = outcomes[i].duplicate_of;
    flood_.delivered(batch[i].source);
    suspects_.clear(group_of(batch[i]));
    end_hold(group_of(batch[i]));
  }
  publish();
  return outbox_.settle(std::move(settlements));
}

void Machine::end_hold(const std::string& group) {
  const auto ended = holds_.release(group);
  if (!ended) return;
  find_active();
  if (is_pause(ended->reason)) log_(source_resumed_event(*ended));
}

void Machine::find_active() {
  active_.clear();
  for (const std::string& source : sources_)
    if (!holds_.find(source)) active_.push_back(source);
}

void Machine::close_session() {
  if (destination_) destination_->close();
  session_open_ = false;
}

void Machine::publish() {
  RelayStats stats;
  stats.paused = breaker_.paused();
  stats.consecutive_failures = breaker_.failures();
  stats.paused_sources = holds_.paused_sources();
  if (stats.paused) stats.pause_reason = std::string(breaker_.pause_reason());
  const auto wait = breaker_.not_before();
  if (const auto now = clock_.steady_now();
      (breaker_.failing() || breaker_.contending()) && wait > now)
    stats.retry_at = clock_.wall_now() + std::chrono::ceil<std::chrono::milliseconds>(*wait - now);
  if (!destination_)
    stats.state = DestinationState::unconfigured;
  else if (stats.paused)
    stats.state = DestinationState::paused;
  else if (breaker_.failing() || breaker_.contending())
    stats.state = DestinationState::backing_off;
  else if (destination_->connected())
    stats.state = DestinationState::connected;
  recorder_.publish(std::move(stats));
}

RelayStats Machine::stats() const {
  RelayStats stats = recorder_.snapshot();
  if (destination_) stats.connects = destination_->connects();
  return stats;
}

}  // namespace holdfast::relay
