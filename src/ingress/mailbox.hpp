#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <expected>
#include <mutex>
#include <optional>
#include <variant>
#include <vector>

#include "holdfast/append.hpp"
#include "ingress/replies.hpp"

namespace holdfast::ingress {

/// Whose request it is that is served elsewhere.
struct Requester {
  int socket = -1;
  std::uint64_t number = 0;  ///< Of the connection: a socket's number is used again.
};

/// What became of it.
struct Outcome {
  Requester requester;
  /// The answer itself, or what the outbox said.
  std::variant<Reply, std::expected<Appended, Failure>> result;
};

/// Wakes the event loop, and brings it what others have done. Shared with them, since what they do
/// may end after the server has.
///
/// Threads:  put, wake, await_served: any but the loop. The others: the loop.
class Mailbox {
 public:
  Mailbox();
  ~Mailbox();
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  /// Without memory for it the outcome is dropped: its request ends by its time-out.
  void put(Outcome outcome) noexcept;
  void wake() const noexcept;
  /// Waits until all that was put has been taken and served.
  /// Returns:  false if it was not within `limit`.
  bool await_served(std::chrono::milliseconds limit);

  /// Replaces the content of `into` by what has come since the last time.
  void take(std::vector<Outcome>& into);
  /// What was taken last has been told.
  void served();
  /// Readable after wake and put, until clear.
  [[nodiscard]] int descriptor() const { return wake_; }
  void clear() const;

 private:
  // Constant after construction.
  const int wake_;  ///< An eventfd.
  // Guarded by mutex_: any thread.
  std::mutex mutex_;
  std::vector<Outcome> outcomes_;
  bool serving_ = false;
  std::condition_variable served_;
};

}  // namespace holdfast::ingress
