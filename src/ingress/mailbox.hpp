#pragma once

#include <atomic>
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
/// Threads:  put, wake: any. The others: the loop.
class Mailbox {
 public:
  Mailbox();
  ~Mailbox();
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  /// Without memory for it the outcome is dropped: its request ends by its time-out.
  void put(Outcome outcome) noexcept;
  void wake() const noexcept;

  /// Replaces the content of `into` by what has come since the last time.
  void take(std::vector<Outcome>& into);
  /// Readable after wake and put, until clear.
  [[nodiscard]] int descriptor() const { return wake_; }
  void clear() const;

 private:
  // Constant after construction.
  const int wake_;  ///< An eventfd.
  // Guarded by mutex_: any thread.
  std::mutex mutex_;
  std::vector<Outcome> outcomes_;
};

}  // namespace holdfast::ingress
