#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "holdfast/clock.hpp"

namespace holdfast::ingress {

class Session;

/// A bounded pool of threads, made when they are first needed, and the sessions that wait for one.
///
/// Threads:  any; join: one owner. The function runs on the pool's threads.
class Workers {
 public:
  using Work = std::unique_ptr<Session>;
  struct Limits {
    std::size_t threads_max = 0;
    std::size_t queue_max = 0;  ///< Sessions for which no thread is free.
  };
  /// `serve` must not throw.
  Workers(Limits limits, const Clock& clock, std::function<void(Work)> serve);
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  /// Takes the work if a thread is free for it; else it stays the caller's, and false.
  [[nodiscard]] bool offer_to_free(Work& work);
  /// Takes the work, and lets it wait for a thread; false if too many wait already.
  [[nodiscard]] bool offer(Work& work);
  /// True while work waits for a thread: whoever holds one should give it back soon.
  [[nodiscard]] bool crowded() const { return crowded_.load(std::memory_order_relaxed); }
  /// Takes back what has waited since before `limit`.
  [[nodiscard]] std::vector<Work> take_older(SteadyTime limit);
  /// Serves what waits, then ends and joins all threads.
  void join();

 private:
  struct Waiting {
    Work work;
    SteadyTime since;
  };
  void run();
  void push(Work& work);
  [[nodiscard]] bool make_thread();
  void note_crowd() { crowded_.store(queue_.size() > idle_, std::memory_order_relaxed); }

  // Constant after construction.
  const Limits limits_;
  const Clock& clock_;
  const std::function<void(Work)> serve_;
  std::atomic<bool> crowded_{false};
  // Guarded by mutex_: any thread.
  std::mutex mutex_;
  std::condition_variable work_;
  std::deque<Waiting> queue_;
  std::size_t idle_ = 0;  ///< Threads that wait for work, or were made for it.
  bool ending_ = false;
  std::vector<std::jthread> threads_;
};

}  // namespace holdfast::ingress
