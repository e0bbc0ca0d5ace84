#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>

#include "holdfast/relay.hpp"

namespace holdfast::relay {

/// Where operators ask for a try of the destination, and the first machine answers.
///
/// Threads:  any.
class ProbeDesk {
 public:
  /// Registers a wish; its number.
  [[nodiscard]] std::uint64_t ask() {
    const std::scoped_lock lock(mutex_);
    return ++asked_;
  }
  [[nodiscard]] bool wanted() const {
    const std::scoped_lock lock(mutex_);
    return asked_ > answered_;
  }
  /// How many wishes the try that begins now will answer.
  [[nodiscard]] std::uint64_t begin() const {
    const std::scoped_lock lock(mutex_);
    return asked_;
  }
  void answer(std::uint64_t up_to, DestinationProbe result) {
    {
      const std::scoped_lock lock(mutex_);
      answered_ = up_to;
      result_ = std::move(result);
    }
    answered_one_.notify_all();
  }
  /// nullopt: no answer within `limit`.
  [[nodiscard]] std::optional<DestinationProbe> wait(std::uint64_t number,
                                                     std::chrono::milliseconds limit) {
    std::unique_lock lock(mutex_);
    if (!answered_one_.wait_for(lock, limit, [&] { return answered_ >= number; }))
      return std::nullopt;
    return result_;
  }

 private:
  // Guarded by mutex_: any thread.
  mutable std::mutex mutex_;
  std::condition_variable answered_one_;
  std::uint64_t asked_ = 0;
  std::uint64_t answered_ = 0;
  DestinationProbe result_;
};

}  // namespace holdfast::relay
