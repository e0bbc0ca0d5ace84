#pragma once

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <expected>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "holdfast/outbox.hpp"

namespace holdfast::outbox {

/// A result that one thread sets once and another waits for. Shared by both, because the waiter may
/// give up, and because the setter must not touch memory that a woken waiter has already freed.
///
/// Threads:  any.
template <class T>
class Completion {
 public:
  void set(T value) {
    {
      const std::scoped_lock lock(mutex_);
      if (value_) return;
      value_ = std::move(value);
    }
    ready_.notify_all();
  }
  [[nodiscard]] T wait() {
    std::unique_lock lock(mutex_);
    ready_.wait(lock, [&] { return value_.has_value(); });
    return *value_;
  }
  /// nullopt after `timeout`; a later call may still get the result.
  [[nodiscard]] std::optional<T> wait_for(std::chrono::milliseconds timeout) {
    std::unique_lock lock(mutex_);
    // With a time-out of nothing it would still put the thread to sleep.
    if (timeout > timeout.zero())
      ready_.wait_for(lock, timeout, [&] { return value_.has_value(); });
    return value_;
  }

 private:
  // Guarded: any thread.
  std::mutex mutex_;
  std::condition_variable ready_;
  std::optional<T> value_;
};

using AppendAnswer = std::expected<Appended, Failure>;
using SettleAnswer = std::expected<void, Failure>;

/// First 64 bits of SHA-256 over source and key, by which the first copy of a key is found.
[[nodiscard]] std::int64_t first_copy_hash(std::string_view source, std::string_view key);
/// The same for a differing body that is kept as key_conflict.
[[nodiscard]] std::int64_t conflict_hash(std::string_view source, std::string_view key,
                                         const std::array<std::uint8_t, 32>& compared_by);
/// The same for the order group of a value of `order_by`.
[[nodiscard]] std::int64_t order_hash(std::string_view source, std::string_view order_key);

}  // namespace holdfast::outbox

namespace holdfast {

/// An append on its way: prepared by the caller, committed and answered by the writer.
struct HOLDFAST_HIDDEN AppendTicket::Shared {
  /// Does the costly part, hashes and encoding, on the caller's thread.
  explicit Shared(NewEntry new_entry);
  /// Tells who waits, in whichever way it wanted.
  void settle(const outbox::AppendAnswer& result) {
    if (on_answered) {
      std::exchange(on_answered, nullptr)(result);
    } else {
      answer.set(result);
    }
  }
  /// The digest that tells a repeat of the key from a conflict.
  [[nodiscard]] const std::array<std::uint8_t, 32>& compared_by() const {
    return entry.compare_sha256 ? *entry.compare_sha256 : body_sha256;
  }

  // Constant after construction.
  NewEntry entry;  ///< Without headers: they are in encoded_headers.
  std::string encoded_headers;
  std::array<std::uint8_t, 32> body_sha256;
  std::optional<std::int64_t> key_hash;
  std::optional<std::int64_t> order_hash;
  /// Of a replay: its key is made of its id, and this goes to the audit log.
  std::optional<AuditEvent> replay_event;
  std::uint64_t stored_bytes;  ///< Estimate of what it takes in the database file.

  // Whoever has the work: the submitter, the queue, the writer.
  OnAppendAnswered on_answered;  ///< Empty: somebody waits for the answer below, or called it.
  outbox::Completion<outbox::AppendAnswer> answer;
};

}  // namespace holdfast
