#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/append.hpp"
#include "holdfast/change.hpp"
#include "holdfast/claim.hpp"
#include "holdfast/clock.hpp"
#include "holdfast/config.hpp"
#include "holdfast/entry.hpp"
#include "holdfast/export.hpp"
#include "holdfast/failure.hpp"
#include "holdfast/health.hpp"
#include "holdfast/listing.hpp"
#include "holdfast/log.hpp"
#include "holdfast/settle_ticket.hpp"

/// A durable outbox in front of Postgres, and calls to Postgres that outlive lost connections.
namespace holdfast {

/// The local durable queue: every accepted write is here before its sender is told so.
/// One connection writes and checkpoints, all others read; docs/decisions/0002.
///
/// Threads:  submit, append, claim, settle, the reads and the operators' changes: any, at once.
///           run_once and run_writer: only one thread, the writer. on_appended: before the writer
///           starts. close: when no other call runs.
/// Blocks:   reads, on each other, and each for a snapshot of well under a second.
/// Errors:   of reads: unavailable (closed, or SQLite has no memory or lock), broken (damage: the
///           outbox stops for good, and on_broken is called).
class HOLDFAST_EXPORT Outbox {
 public:
  /// What an outbox uses of the program around it.
  struct Dependencies {
    const Clock& clock;  ///< Where time comes from; outlives the outbox.
    LogSink log;         ///< Takes its events; empty: nobody does.
    /// Called, after the waiting requests were refused, by the writer when a commit met an I/O
    /// error, and by any thread whose read met damage. The daemon leaves by _Exit(1) here; it must
    /// not return to normal work. Empty: the outbox refuses everything, and that is all.
    std::function<void(const Failure&)> on_broken;
    /// SQLite VFS to use; empty: the default one. The seam of the fault tests.
    std::string vfs;
    /// True: checkpoint on open (always, but in the test that shows why).
    bool checkpoint_on_open = true;
    /// True: nobody runs the writer; append and settle commit at once, in the calling thread, which
    /// must be the only one. For programs and simulations of one thread.
    bool commit_in_caller = false;
  };

  /// Opens or makes the file, recovers, migrates, checkpoints and locks it.
  ///
  /// Promise:  on success nothing that was recovered lives in the page cache alone. A damaged file
  ///           is put aside and salvaged; docs/decisions/0013.
  /// Blocks:   for the disk: longer after a crash, and for a look at all of the file after damage.
  /// Errors:   refused (locked by another process, unsafe file system, newer schema: file
  ///           untouched, pragmas not in force, damaged and no room to salvage it), broken (I/O
  ///           error).
  [[nodiscard]] static std::expected<std::unique_ptr<Outbox>, Failure> open(
      const OutboxConfig& config, Dependencies dependencies);
  /// As close().
  ~Outbox();
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;

  /// Hands the entry to the writer; never touches the disk itself.
  ///
  /// Promise:  nothing yet; the ticket's wait has it. Two submits of one thread keep their order.
  /// Blocks:   never on the disk. What waits is bounded: beyond 256 MiB it is refused (overloaded).
  [[nodiscard]] AppendTicket submit(NewEntry entry);
  /// The same for who does not wait: `answered` is called, and has what the ticket would have.
  void submit(NewEntry entry, OnAppendAnswered answered);
  /// submit and wait in one.
  ///
  /// Promise:  as AppendTicket::wait.
  /// Blocks:   at most `timeout`.
  /// Errors:   as AppendTicket::wait.
  [[nodiscard]] std::expected<Appended, Failure> append(NewEntry entry,
                                                        std::chrono::milliseconds timeout);

  /// Pending entries in commit order, payload included. It marks nothing, but one whose bytes are
  /// not what was accepted is left out, and becomes dead with the reason "damaged".
  ///
  /// Needs:    a shard that is one of all.
  [[nodiscard]] std::expected<std::vector<Entry>, Failure> claim(const ClaimRequest& request);
  /// Writes outcomes in one commit shared with appends. Entries that are no longer pending are
  /// skipped.
  ///
  /// Needs:    no settlement as pending; whoever runs the writer.
  /// Blocks:   until durable.
  /// Errors:   overloaded (the commit found no room or memory: nothing of it was written),
  ///           unavailable (closed, or the writer stopped), broken.
  [[nodiscard]] std::expected<void, Failure> settle(std::vector<Settlement> settlements,
                                                    std::vector<AttemptRecord> attempts = {});
  /// The same for who does not wait now: the ticket's wait has promise, wait and errors.
  [[nodiscard]] SettleTicket settle_later(std::vector<Settlement> settlements);

  /// An operator's change, with its line in the audit log in the same commit. An entry that is
  /// being delivered at this moment may reach Postgres all the same; Relay::hold_back.
  ///
  /// Blocks:   until durable.
  /// Errors:   as settle. An entry that is not there, or not in a state for it, is no error.
  [[nodiscard]] std::expected<EntryChange, Failure> change(EntryAction action, const Uuid& id,
                                                           const Actor& by = {});
  /// The same for many in one commit, with one line; the answers are in the order of the ids.
  [[nodiscard]] std::expected<std::vector<EntryChange>, Failure> change(EntryAction action,
                                                                        std::vector<Uuid> ids,
                                                                        const Actor& by);
  /// Appends a copy with replay_of and the key "replay:<new id>", so that the writes run again.
  ///
  /// Blocks:   until durable, at most 30 s.
  /// Errors:   of the reads and of AppendTicket::wait.
  [[nodiscard]] std::expected<Replayed, Failure> replay(const Uuid& id, const Actor& by = {});
  /// Keeps an operator's pause of a source, or of everything, and its end; false: it was so.
  ///
  /// Promise:  kept, no more: Relay::pause is what stops delivery.
  /// Blocks:   until durable.
  /// Errors:   as settle.
  [[nodiscard]] std::expected<bool, Failure> keep_pause(const std::optional<std::string>& source,
                                                        bool paused, const Actor& by);
  /// The pauses that were kept and have not ended, by name; that of everything comes first.
  [[nodiscard]] std::expected<std::vector<OperatorPause>, Failure> pauses();
  /// A line of its own, for a change that is none of the outbox; number and time are set here.
  ///
  /// Blocks:   until durable.
  /// Errors:   as settle.
  [[nodiscard]] std::expected<void, Failure> note(AuditEvent event);
  /// The newest lines with a number below `before`, newest first; at most list_limit_max.
  [[nodiscard]] std::expected<std::vector<AuditEvent>, Failure> audit(
      std::uint32_t limit, std::optional<std::int64_t> before = {});

  /// One entry with payload and attempts; nullopt if unknown.
  [[nodiscard]] std::expected<std::optional<Entry>, Failure> find(const Uuid& id);
  /// A page of entries without payload, in short snapshots: what changes meanwhile may show or not.
  ///
  /// Blocks:   for the disk, and between two snapshots at most 1 s, for a long WAL to begin anew.
  [[nodiscard]] std::expected<std::vector<EntrySummary>, Failure> list(const ListRequest& request);

  /// Counts, sizes and times as of the last commit.
  ///
  /// Blocks:   never on the writer; it asks the file system how much is free.
  [[nodiscard]] OutboxStats stats() const;
  /// How many changes made entries pending again since it was opened.
  [[nodiscard]] std::uint64_t reopened() const;
  /// Made with the file and kept in it: tells this outbox from all others.
  [[nodiscard]] const Uuid& node() const;
  /// Called by the writer after each commit that added pending entries, and by whoever makes one
  /// pending again; it must not block.
  ///
  /// Needs:    to be set before the writer starts.
  void on_appended(std::function<void()> callback);
  /// Waits until no entry is pending: all were delivered, or are dead or discarded.
  /// Returns:  false if some still are after `limit`.
  /// Blocks:   at most `limit`.
  [[nodiscard]] bool await_drained(std::chrono::milliseconds limit);

  /// Commits one group of what waits and does one step of housekeeping; true if there was work.
  [[nodiscard]] bool run_once();
  /// run_once until `stop`, sleeping while there is nothing to do; then commits what still waits.
  ///
  /// Promise:  what is submitted after it has returned is refused (unavailable).
  void run_writer(std::stop_token stop);
  /// Checkpoints and closes. After this every call fails. Called by the destructor if not before.
  ///
  /// Needs:    run_writer has returned.
  void close();

 private:
  class Impl;
  explicit Outbox(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast
