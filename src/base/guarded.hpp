#pragma once

#include <mutex>
#include <utility>

namespace holdfast::base {

/// A value that can be reached only while its lock is held.
///
/// Threads:  any.
/// Blocks:   on the lock; keep the function short and call nothing that locks in it.
template <class T>
class Guarded {
 public:
  template <class... Args>
  explicit Guarded(Args&&... args) : value_(std::forward<Args>(args)...) {}

  template <class F>
  decltype(auto) with(F&& function) {
    const std::scoped_lock lock(mutex_);
    return std::forward<F>(function)(value_);
  }
  template <class F>
  decltype(auto) with(F&& function) const {
    const std::scoped_lock lock(mutex_);
    return std::forward<F>(function)(std::as_const(value_));
  }
  [[nodiscard]] T copy() const {
    const std::scoped_lock lock(mutex_);
    return value_;
  }

 private:
  mutable std::mutex mutex_;
  T value_;
};

}  // namespace holdfast::base
