#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>

#include "base/wake_signal.hpp"
#include "outbox/group.hpp"

namespace holdfast::outbox {

/// What waits for the writer. Bounded by bytes, so that a disk that hangs cannot fill the memory
/// with requests whose senders have long given up.
///
/// Threads:  push, refusal: any. The others: the writer, or whoever closes.
class SubmitQueue {
 public:
  explicit SubmitQueue(std::uint64_t bytes_max = 256 * mib) : bytes_max_(bytes_max) {}

  /// Hands work over and wakes the writer; if refused, the work is failed at once.
  void push(Work work);
  /// Moves all that waits behind `into`; its bytes count until release().
  void take(std::deque<Work>& into);
  [[nodiscard]] std::size_t size() const;
  /// Blocks:   until so much waits, at most until `deadline`. Only one thread at a time.
  void await(std::size_t count, SteadyTime deadline);
  /// The work of so many bytes is done.
  void release(std::uint64_t bytes);

  /// From now on all work is failed with this; what waits is failed now. The first refusal for
  /// broken stays for ever, others give way.
  void refuse(const Failure& failure);
  /// Takes work again after a refusal that was not for broken.
  void accept();
  [[nodiscard]] std::optional<Failure> refusal() const;

  [[nodiscard]] base::WakeSignal& wake() { return wake_; }

 private:
  // Constant after construction.
  const std::uint64_t bytes_max_;
  // Guarded by mutex_: any thread.
  mutable std::mutex mutex_;
  std::deque<Work> waiting_;
  std::condition_variable enough_;
  std::size_t awaited_ = 0;  ///< How much waiting work somebody waits for; 0: nobody does.
  std::uint64_t bytes_ = 0;  ///< Waiting, or taken and not released.
  std::optional<Failure> refusal_;
  // Has its own lock: any thread.
  base::WakeSignal wake_;
};

}  // namespace holdfast::outbox
