#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "holdfast/clock.hpp"
#include "holdfast/config.hpp"
#include "holdfast/destination.hpp"
#include "holdfast/export.hpp"
#include "holdfast/failure.hpp"
#include "holdfast/health.hpp"
#include "holdfast/log.hpp"
#include "holdfast/outbox.hpp"
#include "holdfast/relay.hpp"

namespace holdfast {

/// What an EmbeddedOutbox is made of. The limits are those of the daemon's file
/// (docs/configuration.md).
struct EmbeddedOptions {
  /// The file, its size and what is kept for how long. At least `path` should be given.
  OutboxConfig outbox = {};
  /// Where Postgres is and how it is written to. Without `url` entries wait in the file: for a
  /// later run, or for a daemon that is given the same file.
  DestinationConfig destination = {};
  /// Who writes. Of each the name, the operations and the statements count; the rest is about HTTP.
  /// At least one; entries in the file of a source that is missing here stay pending.
  std::vector<SourceConfig> sources = {};
  /// The longest body of an entry. 4 MiB, as the daemon's; from 1 byte to 64 MiB.
  std::uint64_t body_bytes_max = 4 * mib;
  /// How long append waits for the disk. 5 s; from 10 ms to 5 min.
  std::chrono::milliseconds append_timeout{5'000};
};

/// The durable outbox in a program of one's own: what append has answered is on disk, and a relay
/// drains it into Postgres, through outages, restarts and kill -9, once. The file is that of the
/// daemon, which can take it over when the program has ended; a lock lets in one at a time.
///
/// Two threads belong to it: the writer and the relay. It installs no signal handler, has no global
/// state, prints nothing, and never ends the process.
///
/// Threads:  any, but stop and the destructor: one owner.
class HOLDFAST_EXPORT EmbeddedOutbox {
 public:
  /// What the program may bring along; all of it can be left out.
  struct Dependencies {
    /// Where time comes from; it must outlive the outbox. nullptr: the machine's. The threads sleep
    /// by the machine's steady clock, so `steady_now` must move with it; `wall_now` need not.
    const Clock* clock = nullptr;
    /// Gets each event. Empty: nobody does.
    LogSink log = {};
    /// Called once when the disk failed in a way that leaves it open what is stored, or a page of
    /// the file is damaged. From then on every append is refused with `broken`; only a new process
    /// can tell what survived, so end this one soon. Called from any thread; must not call back.
    std::function<void(const Failure&)> on_broken = {};
    /// Where to deliver, in place of Postgres, one for each thread that shall deliver. Empty:
    /// Postgres, as the options say.
    std::vector<std::unique_ptr<Destination>> destinations = {};
  };

  /// Checks the options, opens the file (recovered, migrated, locked) and starts both threads.
  ///
  /// Promise:  Postgres is not needed for it, and nothing is sent before there is an entry.
  /// Errors:   invalid (an option, with its name and the cure; nothing was opened), and those of
  ///           Outbox::open: refused (another process has the file, an unsafe file system, no
  ///           permission), broken (I/O error).
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
  /// Errors:   invalid (unknown source, a body or key over its limit, a key that is no UTF-8),
  ///           overloaded (full, disk reserve, time-out: it may still have been stored),
  ///           unavailable (stopped), broken.
  [[nodiscard]] std::expected<Appended, Failure> append(NewEntry entry);
  /// The first half of append, for a thread that has better to do than to wait; AppendTicket::wait
  /// is the other.
  ///
  /// Blocks:   never.
  [[nodiscard]] AppendTicket submit(NewEntry entry);
  /// Waits until nothing is pending, such as before a short-lived program ends.
  ///
  /// Returns:  false if something still is after `limit`: it is safe, and delivered by the next
  /// run.
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

  /// To look: find, list, stats.
  [[nodiscard]] Outbox& outbox();
  /// The destination's state, the time of the next try, what was delivered.
  [[nodiscard]] RelayStats relay_stats() const;

  /// Ends the running batch, commits what waits, checkpoints and closes; every call after it is
  /// refused. What was not delivered stays pending.
  ///
  /// Blocks:   for the batch at most `destination.shutdown_timeout`, then it is interrupted, and 2
  /// s
  ///           more.
  /// Returns:  false if the destination did not come back in time.
  bool stop();

 private:
  class Impl;
  explicit EmbeddedOutbox(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast
