#include "support/fake_destination.hpp"

#include <algorithm>
#include <utility>

namespace holdfast::support {

DeliveryFailure failure_of(DeliveryClass delivery_class, std::string sqlstate,
                           std::string message) {
  DeliveryFailure failure;
  failure.delivery_class = delivery_class;
  failure.session_lost = delivery_class == DeliveryClass::connection;
  failure.sqlstate = std::move(sqlstate);
  failure.message =
      message.empty() ? "scripted " + std::string(to_string(delivery_class)) : std::move(message);
  return failure;
}

void FakeDestination::fail_next(DeliveryFailure failure, int times) {
  const std::scoped_lock lock(mutex_);
  for (int i = 0; i < times; ++i) script_.push_back({failure, false});
}

void FakeDestination::commit_in_doubt_next() {
  DeliveryFailure failure = failure_of(DeliveryClass::connection);
  failure.in_doubt = true;
  const std::scoped_lock lock(mutex_);
  script_.push_back({std::move(failure), true});
}

void FakeDestination::set_rule(Rule rule) {
  const std::scoped_lock lock(mutex_);
  rule_ = std::move(rule);
}

void FakeDestination::refuse_bodies(std::set<std::string> bodies, DeliveryFailure failure) {
  set_rule([bodies = std::move(bodies), failure = std::move(failure)](
               std::span<const Entry> batch) -> std::optional<DeliveryFailure> {
    const bool refused =
        std::ranges::any_of(batch, [&](const Entry& entry) { return bodies.contains(entry.body); });
    return refused ? std::optional(failure) : std::nullopt;
  });
}

void FakeDestination::stall_next() {
  const std::scoped_lock lock(mutex_);
  stall_ = true;
}

void FakeDestination::heal() {
  const std::scoped_lock lock(mutex_);
  script_.clear();
  rule_ = nullptr;
  stall_ = false;
}

std::vector<FakeDestination::Call> FakeDestination::calls() const {
  const std::scoped_lock lock(mutex_);
  return calls_;
}

void FakeDestination::forget_calls() {
  const std::scoped_lock lock(mutex_);
  calls_.clear();
}

std::vector<FakeDestination::Row> FakeDestination::rows() const {
  const std::scoped_lock lock(mutex_);
  return rows_;
}

bool FakeDestination::stalled() const {
  const std::scoped_lock lock(mutex_);
  return stalled_;
}

std::uint64_t FakeDestination::closes() const {
  const std::scoped_lock lock(mutex_);
  return closes_;
}

std::expected<std::vector<Delivered>, DeliveryFailure> FakeDestination::deliver(
    std::span<const Entry> batch) {
  std::unique_lock lock(mutex_);
  Call& call = calls_.emplace_back();
  for (const Entry& entry : batch) call.seqs.push_back(entry.seq);
  if (!std::exchange(connected_, true)) ++connects_;
  if (std::exchange(stall_, false)) {
    stalled_ = true;
    interrupted_.wait(lock, [&] { return !stalled_; });
    script_.insert(script_.begin(), {failure_of(DeliveryClass::connection), false});
  }
  const auto failed = next_failure(batch);
  if (!failed) {
    session_had_lived_ = true;
    return store(batch);
  }
  if (failed->commits_first) static_cast<void>(store(batch));
  DeliveryFailure failure = failed->failure;
  if (failure.session_lost) {
    failure.session_had_lived = session_had_lived_;
    session_had_lived_ = connected_ = false;
  }
  calls_.back().failure = failure;
  return std::unexpected(std::move(failure));
}

std::optional<FakeDestination::Scripted> FakeDestination::next_failure(
    std::span<const Entry> batch) {
  if (!script_.empty()) {
    Scripted first = std::move(script_.front());
    script_.erase(script_.begin());
    return first;
  }
  if (!rule_) return std::nullopt;
  auto failure = rule_(batch);
  if (!failure) return std::nullopt;
  const bool in_doubt = failure->in_doubt;  // A rule's commit in doubt did happen.
  return Scripted{std::move(*failure), in_doubt};
}

std::vector<Delivered> FakeDestination::store(std::span<const Entry> batch) {
  std::vector<Delivered> outcomes;
  for (const Entry& entry : batch) {
    Delivered& outcome = outcomes.emplace_back();
    if (ids_.contains(entry.id)) continue;
    if (entry.dedupe_key) {
      const auto [held, added] = keys_.try_emplace({entry.source, *entry.dedupe_key}, entry.id);
      if (!added) {
        outcome.duplicate_of = held->second;
        continue;
      }
    }
    ids_.insert(entry.id);
    rows_.push_back({entry.id, entry.seq, entry.source, entry.dedupe_key, entry.body});
  }
  return outcomes;
}

bool FakeDestination::connected() const {
  const std::scoped_lock lock(mutex_);
  return connected_;
}

void FakeDestination::close() {
  const std::scoped_lock lock(mutex_);
  if (std::exchange(connected_, false)) ++closes_;
  session_had_lived_ = false;
}

void FakeDestination::interrupt() {
  const std::scoped_lock lock(mutex_);
  stalled_ = false;
  interrupted_.notify_all();
}

std::uint64_t FakeDestination::connects() const {
  const std::scoped_lock lock(mutex_);
  return connects_;
}

}  // namespace holdfast::support
