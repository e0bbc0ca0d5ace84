#pragma once

#include <chrono>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "holdfast/clock.hpp"
#include "holdfast/destination.hpp"
#include "holdfast/embedded_options.hpp"
#include "holdfast/export.hpp"
#include "holdfast/failure.hpp"
#include "holdfast/health.hpp"
#include "holdfast/log.hpp"
#include "holdfast/outbox.hpp"
#include "holdfast/relay.hpp"

namespace holdfast {

/// The durable outbox in a program of one's own: what append has answered is on disk, and a relay
/// drains it into Postgres, through outages, restarts and kill -9, once. The file is that of the
/// daemon, which can take it over when the program has ended; a lock lets in one at a time.
///
/// Its threads are the writer and one for each destination. It installs no signal handler, has no
/// global state and prints nothing. It ends the process for a defect alone (HOLDFAST_CHECK): of its
/// own, or of a Destination that does not answer for each entry.
///
/// Threads:  any, but stop and the destructor: one owner, and for the destructor no call under way.
class HOLDFAST_EXPORT EmbeddedOutbox {
 public:
  /// What the program may bring along; all of it can be left out.
  struct Dependencies {
    /// Where time comes from; it must outlive the outbox. nullptr: the machine's. The threads sleep
    /// by the machine's steady clock, so `steady_now` must have its value, or what is due is asked
    /// for without a pause. `wall_now` is free.
    const Clock* clock = nullptr;
    /// Gets each event, from any thread. Must not call back. Empty: nobody does.
    LogSink log = {};
    /// Called once when the disk failed in a way that leaves it open what is stored, or a page of
    /// the file is damaged. From then on every append is refused with `broken`; only a new process
    /// can tell what survived, so end this one soon. Called from any thread; must not call back.
    std::function<void(const Failure&)> on_broken = {};
    /// Where to deliver, in place of Postgres: one for each thread that shall deliver, 64 at most.
    /// Empty: Postgres, as the options say. What one throws is logged (`relay_failed`), and the
    /// batch is sent again after a second.
    std::vector<std::unique_ptr<Destination>> destinations = {};
  };

  /// Checks the options, opens the file (recovered, migrated, locked) and starts the threads.
  ///
  /// Promise:  Postgres is not needed for it, and nothing is sent before there is an entry.
  /// Errors:   before anything is opened: invalid (an option, with its name and the cure), refused
  ///           (a URL, schema or statement that cannot be used, without the URL). Then those of
  ///           Outbox::open: refused (another process has the file, an unsafe file system, no
  ///           permission), broken (I/O error); unavailable (no thread, descriptor or memory).
  [[nodiscard]] static std::expected<std::unique_ptr<EmbeddedOutbox>, Failure> open(
      EmbeddedOptions options, Dependencies dependencies);
  /// The same with nothing brought along.
  [[nodiscard]] static std::expected<std::unique_ptr<EmbeddedOutbox>, Failure> open(
      EmbeddedOptions options);
  /// As stop().
  ///
  /// Blocks:   as stop, and beyond it for a Destination that does not come back.
  ~EmbeddedOutbox();
  EmbeddedOutbox(const EmbeddedOutbox&) = delete;
  EmbeddedOutbox& operator=(const EmbeddedOutbox&) = delete;

  /// Stores an entry. `received_at` may be left out: it is now, then. With a `dedupe_key` a repeat
  /// stores nothing and gets the id of the first one.
  ///
  /// Promise:  a value means that it survives a power cut and will reach its destination once.
  /// Blocks:   until the group commit that holds it is synced, at most `append_timeout`. Many
  ///           threads share one sync.
  /// Errors:   invalid (unknown source, a body, key, text or headers over their limits, a key that
  ///           is no UTF-8), overloaded (full, disk reserve, time-out: it may still have been
  ///           stored), unavailable (stopped), broken.
  [[nodiscard]] std::expected<Appended, Failure> append(NewEntry entry);
  /// The first half of append, for a thread that has better to do than to wait; AppendTicket::wait
  /// is the other.
  ///
  /// Blocks:   never.
  [[nodiscard]] AppendTicket submit(NewEntry entry);
  /// Waits until nothing is pending, such as before a short-lived program ends. An entry counts
  /// once its append was answered.
  ///
  /// Blocks:   at most `limit`, a day at the longest; not beyond stop() or on_broken.
  /// Returns:  false if something is still pending: it is safe, and the next run delivers it.
  [[nodiscard]] bool await_drained(std::chrono::milliseconds limit);

  /// Nothing is delivered until resume: of one source, or of all. Kept in the file.
  ///
  /// Returns:  false if it was so already.
  /// Errors:   invalid (no such source), and those of Outbox::keep_pause.
  [[nodiscard]] std::expected<bool, Failure> pause(const std::optional<std::string>& source = {});
  /// Ends a pause; what the relay paused by itself is tried at once.
  [[nodiscard]] std::expected<bool, Failure> resume(const std::optional<std::string>& source = {});
  /// Retries, discards or erases an entry. Never crosses its delivery; docs/decisions/0015.
  ///
  /// Blocks:   while the entry is on its way, at most `limit`.
  /// Errors:   unavailable (still on its way after `limit`), and those of Outbox::change.
  [[nodiscard]] std::expected<EntryChange, Failure> change(
      EntryAction action, const Uuid& id,
      std::chrono::milliseconds limit = std::chrono::seconds(5));

  /// One entry with payload and attempts; nullopt if unknown.
  [[nodiscard]] std::expected<std::optional<Entry>, Failure> find(const Uuid& id);
  /// A page of entries without payload, in one short read snapshot.
  [[nodiscard]] std::expected<std::vector<EntrySummary>, Failure> list(const ListRequest& request);
  /// The outbox at this moment, from memory.
  [[nodiscard]] OutboxStats outbox_stats() const;
  /// The destination's state, the time of the next try, what was delivered.
  [[nodiscard]] RelayStats relay_stats() const;

  /// Ends the running batch, commits what waits, checkpoints and closes; every call after it is
  /// refused. What was not delivered stays pending.
  ///
  /// Blocks:   for the batch at most `destination.shutdown_timeout`. Then it is interrupted, and
  ///           has two seconds.
  /// Returns:  false if the destination did not come back in time.
  bool stop();

 private:
  class Impl;
  explicit EmbeddedOutbox(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast
