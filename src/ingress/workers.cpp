#include "ingress/workers.hpp"

#include <system_error>
#include <utility>

#include "ingress/session.hpp"

namespace holdfast::ingress {

Workers::Workers(Limits limits, const Clock& clock, std::function<void(Work)> serve)
    : limits_(limits), clock_(clock), serve_(std::move(serve)) {}

Workers::~Workers() {
  join();
}

bool Workers::offer_to_free(Work& work) {
  const std::scoped_lock lock(mutex_);
  if (ending_ || (queue_.size() >= idle_ && !make_thread())) return false;
  push(work);
  return true;
}

bool Workers::offer(Work& work) {
  const std::scoped_lock lock(mutex_);
  if (ending_) return false;
  if (queue_.size() >= idle_ && !make_thread() && queue_.size() >= idle_ + limits_.queue_max)
    return false;
  push(work);
  return true;
}

void Workers::push(Work& work) {
  queue_.push_back({std::move(work), clock_.steady_now()});
  note_crowd();
  work_.notify_one();
}

/// False if there are as many as may be, or the system has none left.
bool Workers::make_thread() {
  if (threads_.size() >= limits_.threads_max) return false;
  try {
    threads_.emplace_back([this] { run(); });
  } catch (const std::system_error&) {
    return false;
  }
  ++idle_;
  return true;
}

std::vector<Workers::Work> Workers::take_older(SteadyTime limit) {
  std::vector<Work> older;
  const std::scoped_lock lock(mutex_);
  while (queue_.size() > idle_ && queue_.front().since < limit) {
    older.push_back(std::move(queue_.front().work));
    queue_.pop_front();
  }
  note_crowd();
  return older;
}

void Workers::join() {
  std::vector<std::jthread> threads;
  {
    const std::scoped_lock lock(mutex_);
    ending_ = true;
    threads.swap(threads_);
  }
  work_.notify_all();
  threads.clear();
}

void Workers::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    work_.wait(lock, [&] { return ending_ || !queue_.empty(); });
    if (queue_.empty()) return;
    --idle_;
    auto work = std::move(queue_.front().work);
    queue_.pop_front();
    note_crowd();
    lock.unlock();
    serve_(std::move(work));
    lock.lock();
    ++idle_;
    note_crowd();
  }
}

}  // namespace holdfast::ingress
