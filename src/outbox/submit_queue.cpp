#include "outbox/submit_queue.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace holdfast::outbox {

void SubmitQueue::push(Work work) {
  const std::uint64_t bytes = bytes_of(work);
  const bool appends = is_append(work);
  std::optional<Failure> refused;
  bool wakes = false;
  bool enough = false;
  {
    const std::scoped_lock lock(mutex_);
    if (refusal_) {
      refused = refusal_;
    } else if (appends && bytes_ != 0 && bytes_ + bytes > bytes_max_) {
      // Outcomes and changes always get in: they are few, and only outcomes can make room.
      refused =
          Failure{FailureKind::overloaded,
                  "storing the entry: too much waits for the disk already; look at how long a "
                  "sync of the disk takes"};
    } else {
      bytes_ += bytes;
      // The writer empties the queue before it sleeps, so only the first has to wake it.
      wakes = waiting_.empty() && awaited_ == 0;
      waiting_.push_back(std::move(work));
      enough = waiting_.size() == awaited_;
    }
  }
  if (enough) enough_.notify_one();
  if (refused) fail(work, *refused);  // NOLINT(bugprone-use-after-move): kept where refused.
  if (wakes) wake_.raise();
}

void SubmitQueue::take(std::deque<Work>& into) {
  const std::scoped_lock lock(mutex_);
  if (into.empty()) {
    std::swap(into, waiting_);
    return;
  }
  std::ranges::move(waiting_, std::back_inserter(into));
  waiting_.clear();
}

std::size_t SubmitQueue::size() const {
  const std::scoped_lock lock(mutex_);
  return waiting_.size();
}

void SubmitQueue::await(std::size_t count, SteadyTime deadline) {
  std::unique_lock lock(mutex_);
  awaited_ = count;
  enough_.wait_until(lock, deadline, [&] { return waiting_.size() >= count; });
  awaited_ = 0;
}

void SubmitQueue::release(std::uint64_t bytes) {
  const std::scoped_lock lock(mutex_);
  bytes_ -= std::min(bytes, bytes_);
}

void SubmitQueue::refuse(const Failure& failure) {
  std::deque<Work> waiting;
  {
    const std::scoped_lock lock(mutex_);
    if (!refusal_ || refusal_->kind != FailureKind::broken) refusal_ = failure;
    waiting.swap(waiting_);
    for (const auto& work : waiting) bytes_ -= std::min(bytes_of(work), bytes_);
  }
  for (const auto& work : waiting) fail(work, failure);
}

void SubmitQueue::accept() {
  const std::scoped_lock lock(mutex_);
  if (refusal_ && refusal_->kind != FailureKind::broken) refusal_.reset();
}

std::optional<Failure> SubmitQueue::refusal() const {
  const std::scoped_lock lock(mutex_);
  return refusal_;
}

}  // namespace holdfast::outbox
