#include "ingress/workers.hpp"

#include <system_error>
#include <utility>

namespace holdfast::ingress {

Workers::Workers(Limits limits, std::function<void(int)> serve)
    : limits_(limits), serve_(std::move(serve)) {}

Workers::~Workers() {
  join();
}

bool Workers::offer(int socket) {
  const std::scoped_lock lock(mutex_);
  if (ending_ || queue_.size() >= limits_.queue_max) return false;
  if (idle_ <= queue_.size() && threads_.size() < limits_.threads_max) {
    try {
      threads_.emplace_back([this] { run(); });
    } catch (const std::system_error&) {
      // The system has no thread left: those that there are will come to it.
      if (threads_.empty()) return false;
    }
  }
  queue_.push_back(socket);
  work_.notify_one();
  return true;
}

bool Workers::wait_until_empty(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  return empty_.wait_for(lock, limit, [&] { return queue_.empty() && busy_ == 0; });
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
    ++idle_;
    work_.wait(lock, [&] { return ending_ || !queue_.empty(); });
    --idle_;
    if (queue_.empty()) return;
    const int socket = queue_.front();
    queue_.pop_front();
    ++busy_;
    lock.unlock();
    serve_(socket);
    lock.lock();
    --busy_;
    if (queue_.empty() && busy_ == 0) empty_.notify_all();
  }
}

}  // namespace holdfast::ingress
