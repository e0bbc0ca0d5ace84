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

#include "holdfast/change.hpp"
#include "holdfast/clock.hpp"
#include "holdfast/config.hpp"
#include "holdfast/entry.hpp"
#include "holdfast/failure.hpp"
#include "holdfast/health.hpp"
#include "holdfast/listing.hpp"
#include "holdfast/log.hpp"

namespace holdfast {

/// What an append came to, once it is durable.
struct Appended {
  Uuid id;                 ///< Of the entry, or of the first copy if this was a duplicate.
  bool duplicate = false;  ///< True: the key was known and no second row was made.
  bool conflict = false;   ///< True: same key, other body; the body was kept as a discarded entry.
};

/// The pending answer to one submit. Movable; dropping it does not undo the append.
class AppendTicket {
 public:
  struct Shared;
  AppendTicket();
  explicit AppendTicket(std::shared_ptr<Shared> shared);
  AppendTicket(AppendTicket&&) noexcept;
  AppendTicket& operator=(AppendTicket&&) noexcept;
  ~AppendTicket();
  /// Waits until the group that holds the entry is committed and synced.
  ///
  /// Promise:  a value means that the entry (or its first copy) survives a power cut.
  /// Blocks:   at most `timeout`.
  /// Errors:   overloaded (full, disk reserve, time-out: it may still have been stored), broken.
  [[nodiscard]] std::expected<Appended, Failure> wait(std::chrono::milliseconds timeout);

 private:
  friend class Outbox;
  std::shared_ptr<Shared> shared_;
};

/// The outcome that the relay reports for one entry.
struct Settlement {
  std::int64_t seq = 0;
  EntryState state = EntryState::delivered;  ///< delivered, dead or discarded.
  std::optional<Uuid> duplicate_of;
  std::optional<std::string> reason;  ///< Stable snake_case word.
  std::optional<std::string> sqlstate;
  std::optional<std::string> constraint;
  std::optional<std::string> error;
};

/// A failed try that is charged to an entry but does not settle it yet.
struct AttemptRecord {
  std::int64_t seq = 0;
  Attempt attempt;
};

/// What must stay in order: a source, or one value of `order_by` in it.
struct OrderGroup {
  std::string source;
  std::optional<std::int64_t> order_hash;
  auto operator<=>(const OrderGroup&) const = default;
};
/// The share of all order groups that one of several relays delivers.
struct Shard {
  std::uint32_t index = 0;
  std::uint32_t count = 1;
};
/// The shard of a group; every group is in one.
[[nodiscard]] std::uint32_t shard_of(const OrderGroup& group, std::uint32_t shards);

/// Which pending entries to claim.
struct ClaimRequest {
  std::span<const std::string> sources;     ///< Only these; entries of other sources stay pending.
  Shard shard = {};                         ///< Only groups of this share.
  std::span<const OrderGroup> except = {};  ///< Not of these groups. Needs:  sorted.
  std::optional<OrderGroup> only = {};      ///< Of this group alone.
  std::int64_t after_seq = 0;               ///< Only entries with a larger seq.
  std::uint32_t entries_max = 1000;
  std::uint64_t bytes_max = 4 * mib;  ///< At least one entry is returned, whatever its bytes.
};

/// The local durable queue: every accepted write is here before its sender is told so.
/// One connection writes and checkpoints, all others read; docs/decisions/0002.
///
/// Threads:  submit, append, claim, find, list, stats and the setters: any. run_once and
/// run_writer:
///           only one thread, the writer.
class Outbox {
 public:
  struct Dependencies {
    const Clock& clock;
    LogSink log;
    /// Called, after the waiting requests were refused, by the writer when a commit met an I/O
    /// error, and by any thread whose read met damage. The daemon
    /// leaves by _Exit(1) here; it must not return to normal work.
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
  /// Promise:  on success nothing that was recovered lives in the page cache alone.
  /// Errors:   refused (locked by another process, unsafe file system, newer schema: file
  /// untouched,
  ///           pragmas not in force, damaged and no room to salvage it), broken (I/O error). A
  ///           damaged file is put aside and salvaged; docs/decisions/0013.
  [[nodiscard]] static std::expected<std::unique_ptr<Outbox>, Failure> open(
      const OutboxConfig& config, Dependencies dependencies);
  ~Outbox();
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;

  /// Hands the entry to the writer; never touches the disk itself.
  [[nodiscard]] AppendTicket submit(NewEntry entry);
  /// submit and wait in one.
  [[nodiscard]] std::expected<Appended, Failure> append(NewEntry entry,
                                                        std::chrono::milliseconds timeout);

  /// Pending entries in commit order, payload included. It marks nothing, but one whose bytes are
  /// not what was accepted is left out, and becomes dead with the reason "damaged".
  [[nodiscard]] std::expected<std::vector<Entry>, Failure> claim(const ClaimRequest& request);
  /// Writes outcomes in one commit shared with appends. Entries that are no longer pending are
  /// skipped. Blocks:   until durable.
  [[nodiscard]] std::expected<void, Failure> settle(std::vector<Settlement> settlements,
                                                    std::vector<AttemptRecord> attempts = {});

  /// An operator's changes, each with its line in the audit log in the same commit. An entry that
  /// is being delivered at this moment may reach Postgres all the same; Relay::hold_back.
  /// Blocks:   until durable.
  [[nodiscard]] std::expected<EntryChange, Failure> change(EntryAction action, const Uuid& id,
                                                           const Actor& by = {});
  /// The same for many in one commit, with one line; the answers are in the order of the ids.
  [[nodiscard]] std::expected<std::vector<EntryChange>, Failure> change(EntryAction action,
                                                                        std::vector<Uuid> ids,
                                                                        const Actor& by);
  /// Appends a copy with replay_of and the key "replay:<new id>", so that the writes run again.
  [[nodiscard]] std::expected<Replayed, Failure> replay(const Uuid& id, const Actor& by = {});
  /// Keeps an operator's pause of a source, or of everything, and its end; false: it was so.
  [[nodiscard]] std::expected<bool, Failure> keep_pause(const std::optional<std::string>& source,
                                                        bool paused, const Actor& by);
  [[nodiscard]] std::expected<std::vector<OperatorPause>, Failure> pauses();
  /// A line of its own, for a change that is none of the outbox.
  [[nodiscard]] std::expected<void, Failure> note(AuditEvent event);
  /// The newest lines with a number below `before`, newest first.
  [[nodiscard]] std::expected<std::vector<AuditEvent>, Failure> audit(
      std::uint32_t limit, std::optional<std::int64_t> before = {});

  /// One entry with payload and attempts; nullopt if unknown.
  [[nodiscard]] std::expected<std::optional<Entry>, Failure> find(const Uuid& id);
  /// A page of entries without payload, in one short read snapshot.
  [[nodiscard]] std::expected<std::vector<EntrySummary>, Failure> list(const ListRequest& request);

  [[nodiscard]] OutboxStats stats() const;
  /// How many entries were made pending again since it was opened.
  [[nodiscard]] std::uint64_t reopened() const;
  [[nodiscard]] const Uuid& node() const;
  /// Called by the writer after each commit that added pending entries. Set before the writer
  /// starts.
  void on_appended(std::function<void()> callback);
  /// Waits until no entry is pending: all were delivered, or are dead or discarded.
  /// Returns:  false if some still are after `limit`.
  /// Blocks:   at most `limit`.
  [[nodiscard]] bool await_drained(std::chrono::milliseconds limit);

  /// Commits one group of what waits and does one step of housekeeping; true if there was work.
  [[nodiscard]] bool run_once();
  /// run_once until `stop`, sleeping while there is nothing to do; then commits what still waits.
  void run_writer(std::stop_token stop);
  /// Checkpoints and closes. After this every call fails. Called by the destructor if not before.
  void close();

 private:
  class Impl;
  explicit Outbox(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast
