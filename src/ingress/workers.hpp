#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace holdfast::ingress {

/// A bounded pool: one thread per connection, made when it is first needed.
///
/// Threads:  offer and stop: one owner each; the function runs on the pool's threads.
class Workers {
 public:
  struct Limits {
    std::size_t threads_max = 0;
    std::size_t queue_max = 0;
  };
  /// `serve` gets a socket and owns it. It must not throw.
  Workers(Limits limits, std::function<void(int)> serve);
  /// Needs:    drain() was called, or nothing was ever offered.
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  /// False if the queue is full: the socket stays the caller's.
  [[nodiscard]] bool offer(int socket);
  /// Blocks:   until nothing is queued or being served, at most `limit`. Returns false if not so.
  [[nodiscard]] bool wait_until_empty(std::chrono::milliseconds limit);
  /// Serves what is queued, then ends and joins all threads.
  void join();

 private:
  void run();

  // Constant after construction.
  const Limits limits_;
  const std::function<void(int)> serve_;
  // Guarded by mutex_: any thread.
  std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable empty_;
  std::deque<int> queue_;
  std::size_t idle_ = 0;  ///< Threads that wait for work.
  std::size_t busy_ = 0;
  bool ending_ = false;
  std::vector<std::jthread> threads_;
};

}  // namespace holdfast::ingress
