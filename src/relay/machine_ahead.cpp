#include <algorithm>
#include <utility>

#include "relay/machine.hpp"

/// What is done while the destination works on a batch, so that it waits for nothing of it between
/// two: what became of the one before it is written, and the one after it is claimed. A claim marks
/// nothing, so whatever comes in between costs a claim at most: it is thrown away, and the next one
/// is made as if there had been none.
namespace holdfast::relay {

/// Called in the middle of a delivery, which an exception must not leave.
std::span<const Entry> Machine::claim_ahead(const Batch& current) {
  ahead_.reset();
  try {
    std::vector<std::int64_t> sent;
    for (const Entry& entry : current) sent.push_back(entry.seq);
    for (const Entry& entry : landing_.batch) sent.push_back(entry.seq);
    std::ranges::sort(sent);
    std::optional<Ahead> next;
    if (settle_delivered() && may_claim_ahead(sent.size())) next = claim_behind(sent);
    // The writer has had the time of a claim. Who changes an entry waits for this, so it comes
    // before what may take long.
    if (!land() || !next) return {};
    ahead_ = std::move(next);
    return ahead_->batch;
  } catch (...) {
    ahead_.reset();
    return {};
  }
}

/// Nothing if less than a whole batch is there: to what is not full more may come until it is its
/// turn, and larger batches cost less.
std::optional<Ahead> Machine::claim_behind(const std::vector<std::int64_t>& sent) {
  const auto except = holds_.groups();
  Ahead next{.batch = {},
             .changes = shared_.flights->changes(),
             .reopened = outbox_.reopened(),
             .pauses = paused_.pauses};
  next.batch = outbox_.claim({.sources = active_,
                              .shard = shard_,
                              .except = except,
                              .except_seqs = sent,
                              .entries_max = breaker_.entries_max(),
                              .bytes_max = config_.batch_bytes});
  std::uint64_t bytes = 0;
  for (const Entry& entry : next.batch) bytes += entry.body.size();
  const bool full = next.batch.size() >= breaker_.entries_max() || bytes > config_.batch_bytes / 2;
  return full ? std::optional(std::move(next)) : std::nullopt;
}

/// Only where all is well, so that no outcome of this delivery changes what a claim asks for.
bool Machine::may_claim_ahead(std::size_t on_their_way) const {
  if (!pass_is_smooth_ || breaker_.half_open() || breaker_.failing() || !apart_.empty() ||
      stop_.stop_requested() || shared_.paused)
    return false;
  // Batches grow with what the one before them has shown.
  if (breaker_.entries_max() < config_.batch_entries) return false;
  return outbox_.backlog().entries >= on_their_way + breaker_.entries_max();
}

/// The batch claimed ahead, if a claim of now would find the same one.
std::optional<Batch> Machine::take_ahead() {
  if (!ahead_) return std::nullopt;
  const bool is_current = ahead_->changes == changes_ && ahead_->reopened == reopened_ &&
                          ahead_->pauses == paused_.pauses;
  Batch batch = std::move(ahead_->batch);
  ahead_.reset();
  return is_current ? std::optional(std::move(batch)) : std::nullopt;
}

/// Waits until what became of the batch before is written. False: it could not be.
bool Machine::land() {
  const bool settled = settle_delivered();
  const bool landed = outbox_.land() && settled;
  if (!landed) return false;
  for (const auto& flight : landing_.flights) flight->told();
  landing_ = {};
  return true;
}

/// As if nothing had been done ahead.
bool Machine::stop_ahead() {
  ahead_.reset();
  return land();
}

}  // namespace holdfast::relay
