#pragma once

#include <chrono>
#include <expected>
#include <functional>
#include <memory>

#include "holdfast/entry.hpp"
#include "holdfast/export.hpp"
#include "holdfast/failure.hpp"

namespace holdfast {

/// What an append came to, once it is durable.
struct Appended {
  Uuid id;                 ///< Of the entry, or of the first copy if this was a duplicate.
  bool duplicate = false;  ///< True: the key was known and no second row was made.
  bool conflict = false;   ///< True: same key, other body; the body was kept as a discarded entry.
};

/// Takes the answer to one Outbox::submit, once. Called by the writer after the commit, by whoever
/// closes the outbox, or by the submit itself where that is refused at once; must not block, throw
/// or call the outbox. Errors as AppendTicket::wait has them, without the time-out.
using OnAppendAnswered = std::function<void(const std::expected<Appended, Failure>&)>;

/// The pending answer to one Outbox::submit. Movable; dropping it does not undo the append.
///
/// Threads:  one at a time.
class HOLDFAST_EXPORT AppendTicket {
 public:
  struct Shared;
  AppendTicket();                                         ///< Of nothing: only to be assigned to.
  explicit AppendTicket(std::shared_ptr<Shared> shared);  ///< For the outbox.
  AppendTicket(AppendTicket&&) noexcept;                  ///< The other is of nothing then.
  AppendTicket& operator=(AppendTicket&&) noexcept;       ///< The other is of nothing then.
  ~AppendTicket();
  /// Waits until the group that holds the entry is committed and synced.
  ///
  /// Promise:  a value means that the entry (or its first copy) survives a power cut.
  /// Needs:    a ticket of a submit; a thread that runs the writer.
  /// Blocks:   at most `timeout`, of which a day counts at most.
  /// Errors:   overloaded (full, disk reserve, too much waits; or time-out: it may still be stored,
  ///           and a later wait tells), unavailable (the outbox is closed, or the writer stopped),
  ///           invalid (a body over 512 MiB), broken.
  [[nodiscard]] std::expected<Appended, Failure> wait(std::chrono::milliseconds timeout);

 private:
  friend class Outbox;
  std::shared_ptr<Shared> shared_;
};

}  // namespace holdfast
