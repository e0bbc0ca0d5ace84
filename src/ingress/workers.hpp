#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace holdfast::ingress {

/// A few threads, made when they are first needed, for what would hold up the event loop.
///
/// Threads:  any; join: one owner. The jobs run on the pool's threads.
class Workers {
 public:
  /// Must not throw.
  using Job = std::move_only_function<void()>;
  explicit Workers(std::size_t threads_max) : threads_max_(threads_max) {}
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  /// Takes the job, to be done after those before it; false, and nothing was taken, if there is no
  /// thread and the system has none, or after join.
  [[nodiscard]] bool offer(Job& job);
  /// Does what waits, then ends and joins all threads.
  void join();

 private:
  void run();
  [[nodiscard]] bool make_thread();

  // Constant after construction.
  const std::size_t threads_max_;
  // Guarded by mutex_: any thread.
  std::mutex mutex_;
  std::condition_variable work_;
  std::deque<Job> jobs_;
  std::size_t idle_ = 0;  ///< Threads that wait for work, or were made for it.
  bool ending_ = false;
  std::vector<std::jthread> threads_;
};

}  // namespace holdfast::ingress
