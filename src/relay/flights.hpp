#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <stop_token>
#include <vector>

#include "relay/split_queue.hpp"

namespace holdfast::relay {

/// Which entries are on their way to the destination, so that an operator's change of one waits for
/// its outcome, and none that was changed is sent from an old claim.
///
/// An entry is in flight from before its batch is sent until what became of it is written; after a
/// commit in doubt it stays so until another try has told.
///
/// Threads:  any.
class Flights {
 public:
  /// Grows with each change; what was claimed before it may be out of date.
  [[nodiscard]] std::uint64_t changes() const;

  /// A batch is about to be sent, until the guard ends.
  class [[nodiscard]] Flight {
   public:
    /// `changes`: as it was before the batch was claimed.
    /// `before_wait` is called before it would block, without a lock.
    /// Blocks:   while an operator changes one of the entries: for a commit of the outbox.
    Flight(Flights& flights, std::uint32_t machine, const Batch& batch, std::uint64_t changes,
           const std::stop_token& stop, const std::function<void()>& before_wait = {});
    ~Flight();
    Flight(const Flight&) = delete;
    Flight& operator=(const Flight&) = delete;
    /// False: claim again, this batch may be out of date.
    [[nodiscard]] bool begun() const { return begun_; }
    /// The outcome is known, and written if it was a delivery. Whatever ends without this, such as
    /// by an exception, leaves the batch in doubt.
    void told() { told_ = true; }

   private:
    Flights& flights_;
    const std::uint32_t machine_;
    bool begun_ = false;
    bool told_ = false;
  };

  /// Waits until the entry is not in flight, and keeps it from being sent until release.
  /// Returns:  false if it still was after `limit`.
  [[nodiscard]] bool hold_back(std::int64_t seq, std::chrono::milliseconds limit);
  /// Nothing will change any more: whoever waits is answered now.
  void close();
  /// It was changed, or not, and may be sent if it is still pending.
  void release(std::int64_t seq);

 private:
  struct Sent {
    /// Of each flight, sorted: one may be on its way while the outcome of another is written.
    std::map<const Flight*, std::vector<std::int64_t>> now;
    std::set<std::int64_t> in_doubt;  ///< Of earlier tries.
  };
  [[nodiscard]] bool in_flight(std::int64_t seq) const;
  void told(const std::vector<std::int64_t>& seqs);

  // Guarded by mutex_: any thread.
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::map<std::uint32_t, Sent> sent_;  ///< By machine.
  std::multiset<std::int64_t> held_back_;
  std::uint64_t changes_ = 0;
  bool closed_ = false;
};

}  // namespace holdfast::relay
