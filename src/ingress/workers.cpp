#include "ingress/workers.hpp"
#include "base/thread_name.hpp"

#include <system_error>
#include <utility>

namespace holdfast::ingress {

Workers::~Workers() {
  join();
}

bool Workers::offer(Job& job) {
  const std::scoped_lock lock(mutex_);
  if (ending_) return false;
  if (jobs_.size() >= idle_ && !make_thread() && threads_.empty()) return false;
  jobs_.push_back(std::move(job));
  work_.notify_one();
  return true;
}

/// False if there are as many as may be, or the system has none left.
bool Workers::make_thread() {
  if (threads_.size() >= threads_max_) return false;
  try {
    threads_.emplace_back([this] { run(); });
  } catch (const std::system_error&) {
    return false;
  }
  ++idle_;
  return true;
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
  base::name_this_thread("hf-pool");
  std::unique_lock lock(mutex_);
  for (;;) {
    work_.wait(lock, [&] { return ending_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    --idle_;
    auto job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job();
    job = nullptr;
    lock.lock();
    ++idle_;
  }
}

}  // namespace holdfast::ingress
