#include "relay/machine.hpp"

#include <algorithm>
#include <utility>

namespace holdfast::relay {
namespace {

/// The later of two moments, where none means now.
std::optional<SteadyTime> later(std::optional<SteadyTime> left, std::optional<SteadyTime> right) {
  return std::max(left, right);
}

/// The earlier of two moments, where none means never.
std::optional<SteadyTime> earlier(std::optional<SteadyTime> left, std::optional<SteadyTime> right) {
  if (!left || !right) return left ? left : right;
  return std::min(left, right);
}

}  // namespace

Machine::Machine(std::uint32_t index, const Relay::Options& options, Dependencies dependencies)
    : shard_{index, dependencies.shared.machines},
      sources_(options.sources),
      config_(options.destination),
      destination_(dependencies.destination),
      clock_(dependencies.clock),
      log_(dependencies.log),
      shared_(dependencies.shared),
      outbox_(dependencies.outbox, clock_, log_),
      breaker_(config_, options.jitter_seed + index),
      apart_(std::max(1U, config_.batch_entries)) {
  publish();
}

RelayStep Machine::step() {
  ear_.listen(true);
  RelayStep next;
  try {
    next = advance();
  } catch (...) {
    // What was on its way comes first again.
    ahead_.reset();
    pass_is_smooth_ = false;
    throw;
  }
  // Until then it would do nothing, whatever is appended.
  const auto idle_until = later(breaker_.not_before(), outbox_.retry_at());
  if (shared_.paused || (next.next && next.next <= idle_until)) ear_.listen(false);
  const bool rests = !next.next || *next.next > clock_.steady_now();
  if ((rests || !ahead_) && !stop_ahead()) next.next = earlier(next.next, outbox_.retry_at());
  publish();
  return next;
}

RelayStep Machine::advance() {
  const SteadyTime now = clock_.steady_now();
  if (shard_.index == 0 && shared_.probes.wanted()) {
    static_cast<void>(stop_ahead());
    probe_destination();
  }
  if (!outbox_.ready()) return rest(outbox_.retry_at());
  if (shared_.paused) return rest(std::nullopt);
  if (!may_contact(now)) return rest(earlier(shared_.economy->deadline(), outbox_.retry_at()));
  if (breaker_.not_before() > now) return rest(breaker_.not_before());
  const SourcePauses::Pass pass(shared_.sources, shard_.index);
  find_active();
  reopened_ = outbox_.reopened();
  changes_ = shared_.flights->changes();
  return deliver_or_rest(now);
}

RelayStep Machine::deliver_or_rest(SteadyTime now) {
  // A destination that may be down is asked with the oldest entry of all; a held one comes after.
  // Otherwise probes and passes take turns: many probes that each take long hold up nobody else.
  const bool probe_first = !breaker_.half_open() && !std::exchange(probed_, false);
  if (probe_first && probe_if_due(now)) return worked();
  std::optional<Batch> ahead = take_ahead();
  if (!ahead && !land()) return rest(outbox_.retry_at());
  Batch batch = ahead ? *std::move(ahead) : claim_next();
  if (!batch.empty() && belongs_to_drain(batch)) {
    pass_is_smooth_ = true;
    run_pass(std::move(batch));
    pass_is_smooth_ = false;
    return worked();
  }
  if (outbox_.retry_at()) return rest(outbox_.retry_at());
  if (!probe_first && probe_if_due(now)) return worked();
  if (outbox_.retry_at()) return rest(outbox_.retry_at());
  return nothing_left();
}

/// In economy mode the destination is left alone while entries are gathered.
bool Machine::may_contact(SteadyTime now) {
  if (!shared_.economy) return true;
  Economy& economy = *shared_.economy;
  const Backlog backlog = outbox_.backlog();
  auto entered = economy.enter(shard_.index, backlog.body_bytes, now);
  if (entered == Economy::Entered::no) {
    look_for_entry(backlog, now);
    entered = economy.enter(shard_.index, backlog.body_bytes, now);
  }
  if (entered == Economy::Entered::no) return false;
  if (entered == Economy::Entered::opened) shared_.sources.probe_all_at(now);
  return drain_.seen == economy.drains() || begin_drain(now);
}

/// What is paused was left alone, too, and gets its try early in each drain. What comes from now on
/// is for the next drain: with a steady flow this one would never end.
bool Machine::begin_drain(SteadyTime now) {
  const auto newest = outbox_.newest_seq();
  if (!newest) return false;
  drain_.until_seq = *newest;
  drain_.seen = shared_.economy->drains();
  holds_.probe_pauses_at(now);
  return true;
}

bool Machine::belongs_to_drain(const Batch& batch) const {
  if (!shared_.economy) return true;
  // What is apart comes behind the others, however old it is.
  return std::ranges::any_of(batch,
                             [&](const Entry& entry) { return entry.seq <= drain_.until_seq; });
}

/// The window begins with the first entry that could be delivered. Once one is known nobody looks
/// again, but for what each machine finds at the start: that may be old.
void Machine::look_for_entry(const Backlog& backlog, SteadyTime now) {
  if (!shared_.economy->waits_for_entry() && std::exchange(drain_.looked, true)) return;
  drain_.looked = true;
  if (backlog.entries == 0) return;
  find_active();
  const Batch first = claim(1, holds_.groups());
  if (!first.empty())
    shared_.economy->gather(clock_.wall_now() - first.front().received_at, now);
  else if (!paused_.paused.empty() || holds_.any_pause())
    shared_.economy->remember_pauses(now);
}

/// Nothing more to deliver. In economy mode the drain is over for this machine, unless an entry is
/// only between two tries.
RelayStep Machine::nothing_left() {
  if (shared_.economy && !holds_.any_short(paused_.paused)) {
    shared_.economy->leave(shard_.index, outbox_.backlog().body_bytes);
    return rest(std::nullopt);  // Whoever leaves last wakes all: the next window may have begun.
  }
  return rest(earlier(holds_.next_probe(paused_.paused), shared_.sources.next_probe()));
}

/// Nothing to do until then, but for closing the session in time.
RelayStep Machine::rest(std::optional<SteadyTime> until) {
  // A session that the server ended meanwhile still has its socket.
  if (!session_open_ && !destination_.connected()) return {until};
  const SteadyTime close_at = last_used_ + config_.idle_close;
  if (clock_.steady_now() < close_at) return {earlier(until, close_at)};
  close_session();
  return {until};
}

/// There may be more: again at once, or as soon as whatever went wrong allows.
RelayStep Machine::worked() const {
  return {later(clock_.steady_now(), later(breaker_.not_before(), outbox_.retry_at()))};
}

void Machine::find_active() {
  paused_ = shared_.sources.view();
  active_.clear();
  for (const std::string& source : sources_)
    if (!paused_.paused.contains(source) && !holds_.full(source)) active_.push_back(source);
}

void Machine::close_session() {
  static_cast<void>(stop_ahead());
  destination_.close();
  session_open_ = false;
}

void Machine::publish() {
  RelayStats stats;
  const bool failing = breaker_.failing() || breaker_.contending();
  stats.paused = breaker_.paused();
  stats.consecutive_failures = breaker_.failures();
  stats.paused_sources = holds_.paused_sources();
  if (stats.paused) stats.pause_reason = std::string(breaker_.pause_reason());
  const auto wait = breaker_.not_before();
  if (const auto now = clock_.steady_now(); failing && wait > now)
    stats.retry_at = clock_.wall_now() + std::chrono::ceil<std::chrono::milliseconds>(*wait - now);
  if (stats.paused)
    stats.state = DestinationState::paused;
  else if (failing)
    stats.state = DestinationState::backing_off;
  else if (destination_.connected())
    stats.state = DestinationState::connected;
  recorder_.publish(std::move(stats), clock_.wall_now());
}

RelayStats Machine::stats() const {
  RelayStats stats = recorder_.snapshot();
  stats.connects = destination_.connects();
  return stats;
}

}  // namespace holdfast::relay
