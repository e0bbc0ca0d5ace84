#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/clock.hpp"
#include "holdfast/config.hpp"
#include "outbox/appender.hpp"
#include "outbox/auditor.hpp"
#include "outbox/changer.hpp"
#include "outbox/connection.hpp"
#include "outbox/files.hpp"
#include "outbox/group.hpp"
#include "outbox/housekeeping.hpp"
#include "outbox/key_index.hpp"
#include "outbox/meta.hpp"
#include "outbox/retention.hpp"
#include "outbox/settler.hpp"
#include "outbox/space.hpp"

namespace holdfast::outbox {

/// One group may remove this many steps of delivered entries early; the rest of it gets 503.
inline constexpr int early_steps_max = 64;

/// What became of one group.
struct GroupOutcome {
  std::vector<AppendAnswer> answers;  ///< In the order of the group; of a settlement only errors.
  bool committed = false;             ///< False: nothing had to be written, or nothing could be.
  bool added_pending = false;
  std::size_t appends = 0;                   ///< Appends answered by this commit.
  std::chrono::duration<double> duration{};  ///< Without what it waited for more.
  std::chrono::nanoseconds sync{};           ///< Of it, the commit itself with its sync.
  std::optional<Failure> failure;            ///< Why it was rolled back: overloaded.
};

/// What others may know of the outbox after a commit.
struct LedgerView {
  Meta meta;
  StoreOutlook outlook;
  std::uint64_t wal_frame_bytes = 0;  ///< Since the WAL last began anew.
  std::optional<WallTime> oldest_pending_received_at;
};

/// The content of the outbox as the writer sees it: transactions over appends, settlements and
/// retention, with the counters, ids and limits that go with them.
///
/// Threads:  the writer.
/// Errors:   each transaction throws Error (broken) if durability is uncertain; never use it again
///           then.
class Ledger {
 public:
  /// Needs:    a connection to a migrated file.
  Ledger(std::unique_ptr<Connection> connection, OutboxFiles files, const OutboxConfig& config,
         const Clock& clock);

  /// Commits what can be committed of the group as one transaction. Answers nobody. Each time when
  /// all of the group is in the transaction `more` is called, which may add to it.
  [[nodiscard]] GroupOutcome commit(const std::vector<Work>& group,
                                    const std::function<void()>& more);
  /// Removes one step of what has been kept long enough; the number of rows.
  [[nodiscard]] std::expected<int, Failure> retain(const RetentionStep& limits);
  [[nodiscard]] std::optional<WallTime> retention_due();
  [[nodiscard]] std::expected<CheckpointResult, Failure> checkpoint(CheckpointMode mode);
  /// As those of Connection.
  void sync_early() noexcept { connection_->sync_early(); }
  void give_up() noexcept { connection_->give_up(); }
  /// Fills a part of the filter before the index of keys; false: none is due.
  [[nodiscard]] std::expected<bool, Failure> fill_key_filter();
  [[nodiscard]] bool key_filter_is_due() const { return keys_.filter_is_due(); }
  /// Merges a little of the index of keys, as commits do, in a transaction of its own.
  [[nodiscard]] std::expected<void, Failure> merge_keys();
  /// Where there is no room it waits: merging takes some before it gives some back.
  [[nodiscard]] bool merging_is_due() const {
    return keys_.has_work() && !needs_probe() &&
           find_shortage(space_, config_, 0) == Shortage::none;
  }
  /// Empties the WAL for the last time; what cannot be moved now is recovered by the next start.
  [[nodiscard]] std::expected<void, Failure> wind_up();
  /// After the disk refused a write: tries whether it takes one again.
  [[nodiscard]] std::expected<void, Failure> probe();
  /// True while an append may be refused for a reason that only a try of ours can find gone.
  [[nodiscard]] bool needs_probe() const { return !disk_refusal_.empty() || wal_is_held_; }

  [[nodiscard]] LedgerView view() const;
  /// Without what only the writer knows: what waits, and since when nothing came.
  [[nodiscard]] WalSituation wal() const;

 private:
  /// State of the transaction that is open; becomes that of the ledger with the commit.
  struct Transaction {
    Meta meta;
    WallTime now{};
    int changes = 0;
    std::uint64_t settled = 0;            ///< Entries that settlements made leave `pending`.
    bool oldest_may_differ = false;       ///< The oldest pending entry may be another one now.
    std::uint64_t planned_wal_bytes = 0;  ///< What its entries will take in the WAL.
    int early_steps_left = early_steps_max;
    bool committing = false;  ///< From here on only BUSY and FULL leave no doubt.
  };
  [[nodiscard]] std::expected<void, Failure> transact(
      std::string_view doing, const std::function<void(Transaction&)>& body);
  void finish(Transaction& transaction);
  /// True if so many bytes fit by estimate, so that no entry of theirs has to be checked by itself.
  [[nodiscard]] bool prepare_room(std::uint64_t bytes);
  void do_work(const Work& work, bool roomy, Transaction& transaction, GroupOutcome& outcome);
  /// Makes room for one entry by removing delivered ones early; the refusal if that is not enough.
  [[nodiscard]] std::optional<Failure> make_room(std::uint64_t bytes, Transaction& transaction);
  [[nodiscard]] AppendAnswer append(const AppendTicket::Shared& append, bool roomy,
                                    Transaction& transaction);
  void settle(const SettleWork& work, Transaction& transaction);
  void change(ChangeWork& work, Transaction& transaction);
  void note(NoteWork& work, Transaction& transaction);
  void check_files();
  [[nodiscard]] std::optional<WallTime> find_oldest();

  // Constant after construction.
  const OutboxFiles files_;
  const OutboxConfig& config_;
  const Clock& clock_;
  // Owned by the writer thread.
  std::unique_ptr<Connection> connection_;
  Meta meta_;
  MetaWriter meta_writer_;
  KeyIndex keys_;
  Appender appender_;
  Settler settler_;
  Changer changer_;
  Auditor auditor_;
  Retention retention_;
  SQLite::Statement find_oldest_;
  std::optional<WallTime> oldest_;  ///< When the first pending entry was received.
  SpaceUse space_;
  FileIdentity database_identity_;
  FileIdentity wal_identity_;
  std::chrono::nanoseconds sync_{};  ///< What the last commit took.
  std::uint64_t refused_bytes_ = 0;  ///< What the last refused entry would have taken.
  bool wal_holds_erased_ = false;    ///< Frames of the WAL file may hold what was erased since.
  bool wal_is_held_ = false;         ///< A reader kept the WAL from being emptied.
  std::string disk_refusal_;         ///< The disk refused a write, and none has worked since.
};

}  // namespace holdfast::outbox
