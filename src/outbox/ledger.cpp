#include "outbox/ledger.hpp"

#include <algorithm>
#include <format>
#include <new>
#include <span>
#include <utility>

#include "outbox/sqlite.hpp"

namespace holdfast::outbox {
namespace {

/// The oldest pending entry of each source is one step into the index of pending ones, so this
/// takes as many steps as there are sources, however many entries wait.
constexpr const char* find_oldest_sql =
    "SELECT entry.seq, entry.received_at FROM source CROSS JOIN entry ON entry.seq = "
    "(SELECT min(seq) FROM entry INDEXED BY entry_pending WHERE state = 0 AND source_id = "
    "source.id) "
    "ORDER BY entry.seq LIMIT 1";

}  // namespace

Ledger::Ledger(std::unique_ptr<Connection> connection, OutboxFiles files,
               const OutboxConfig& config, const Clock& clock)
    : files_(std::move(files)),
      config_(config),
      clock_(clock),
      connection_(std::move(connection)),
      meta_(load_meta(connection_->database())),
      meta_writer_(connection_->database()),
      keys_(*connection_),
      appender_(connection_->database(), meta_.last_id, keys_),
      settler_(connection_->database()),
      changer_(connection_->database()),
      auditor_(connection_->database()),
      retention_(connection_->database(), config, keys_),
      find_oldest_(connection_->database(), find_oldest_sql),
      oldest_(find_oldest()),
      database_identity_(identify(files_.database)),
      wal_identity_(identify(files_.wal)) {
  space_ = {connection_->used_bytes(), wal_identity_.size, disk_free_bytes(files_.folder),
            connection_->free_page_bytes()};
}

GroupOutcome Ledger::commit(const std::vector<Work>& group, const std::function<void()>& more) {
  GroupOutcome outcome;
  const auto append_bytes = [&](std::size_t from) {
    std::uint64_t bytes = 0;
    for (const auto& work : std::span(group).subspan(from))
      if (is_append(work)) bytes += std::get<0>(work)->stored_bytes;
    return bytes;
  };
  std::uint64_t bytes = append_bytes(0);
  bool roomy = bytes == 0 || prepare_room(bytes);
  const auto started = clock_.steady_now();
  std::chrono::nanoseconds waited{};
  const auto pending_seq = meta_.next_seq;
  const auto pending_before = meta_.count(EntryState::pending);
  std::uint64_t settled = 0;
  const auto result = transact("storing entries", [&](Transaction& transaction) {
    for (std::size_t done = 0; done < group.size();) {
      for (; done < group.size(); ++done) do_work(group[done], roomy, transaction, outcome);
      appender_.flush();
      const auto before = clock_.steady_now();
      more();
      waited += clock_.steady_now() - before;
      if (done == group.size()) break;
      bytes += append_bytes(done);
      roomy = roomy && find_shortage(space_, config_, bytes) == Shortage::none;
    }
    settled = transaction.settled;
    outcome.committed = transaction.changes > 0;
  });
  outcome.duration = clock_.steady_now() - started - waited;
  outcome.sync = sync_;
  outcome.appends = static_cast<std::size_t>(std::ranges::count_if(group, is_append));
  if (result) {
    outcome.added_pending =
        meta_.next_seq > pending_seq && meta_.count(EntryState::pending) + settled > pending_before;
    return outcome;
  }
  outcome.committed = false;
  outcome.failure = result.error();
  outcome.answers.assign(group.size(), std::unexpected(result.error()));
  return outcome;
}

void Ledger::do_work(const Work& work, bool roomy, Transaction& transaction,
                     GroupOutcome& outcome) {
  AppendAnswer answer;
  if (!is_append(work)) appender_.flush();
  if (const auto* settling = std::get_if<std::shared_ptr<SettleWork>>(&work)) {
    settle(**settling, transaction);
  } else if (const auto* changing = std::get_if<std::shared_ptr<ChangeWork>>(&work)) {
    change(**changing, transaction);
  } else if (const auto* noting = std::get_if<std::shared_ptr<NoteWork>>(&work)) {
    note(**noting, transaction);
  } else {
    answer = append(*std::get<0>(work), roomy, transaction);
  }
  outcome.answers.push_back(std::move(answer));
}

std::expected<void, Failure> Ledger::transact(std::string_view doing,
                                              const std::function<void(Transaction&)>& body) {
  Transaction transaction{.meta = meta_, .now = clock_.wall_now()};
  Failure failure;
  try {
    connection_->begin();
    body(transaction);
    if (transaction.changes == 0) {
      connection_->rollback();
      return {};
    }
    finish(transaction);
    return {};
  } catch (const SQLite::Exception& error) {
    failure = write_failure(doing, error);
    if (reaction_to(error.getErrorCode()) == Reaction::no_room) disk_refusal_ = failure.message;
    // Out of memory after the sync leaves a commit in doubt.
    const bool in_doubt = reaction_to(error.getErrorCode()) == Reaction::no_memory;
    if (transaction.committing && in_doubt) failure.kind = FailureKind::broken;
  } catch (const std::bad_alloc&) {
    failure = {transaction.committing ? FailureKind::broken : FailureKind::overloaded,
               std::format("{}: out of memory; give the process more memory", doing)};
  } catch (const Error& error) {
    failure = error.failure();
  }
  connection_->rollback();
  appender_.forget();
  keys_.rolled_back();
  if (failure.kind == FailureKind::broken) throw Error(failure);
  return std::unexpected(failure);
}

void Ledger::finish(Transaction& transaction) {
  keys_.merge();
  meta_writer_.save(transaction.meta);
  auto oldest = oldest_;
  if (transaction.oldest_may_differ || !oldest) oldest = find_oldest();
  const std::uint64_t used_bytes = connection_->used_bytes();
  const std::uint64_t free_page_bytes = connection_->free_page_bytes();
  if (is_mark_due(connection_->unmoved_wal_bytes(), connection_->wal_frame_bytes()))
    connection_->mark();
  transaction.committing = true;
  const auto before = clock_.steady_now();
  connection_->commit();
  sync_ = clock_.steady_now() - before;
  meta_ = transaction.meta;
  keys_.committed(meta_.next_seq);
  oldest_ = oldest;
  space_.used_bytes = used_bytes;
  space_.free_page_bytes = free_page_bytes;
  disk_refusal_.clear();
  check_files();
}

/// A commit into a file that somebody removed would be lost with the process, so the names are
/// looked at after each commit and before any answer.
void Ledger::check_files() {
  const auto database = identify(files_.database);
  const auto wal = identify(files_.wal);
  space_.wal_bytes = wal.size;
  // Nothing of ours ever makes the database file shorter.
  const bool whole = database.size >= database_identity_.size;
  if (whole && database.same_file(database_identity_) && wal.same_file(wal_identity_)) {
    database_identity_.size = database.size;
    return;
  }
  throw Error(
      {FailureKind::broken,
       std::format("storing entries: {} or its -wal file was removed, replaced or cut short "
                   "while the process ran; stop it, put the files back, and start it again",
                   files_.database)});
}

void Ledger::settle(const SettleWork& work, Transaction& transaction) {
  const auto before = transaction.meta.count(EntryState::pending);
  transaction.changes += settler_.apply(work, transaction.now, transaction.meta);
  transaction.settled += before - transaction.meta.count(EntryState::pending);
  transaction.oldest_may_differ = true;
}

void Ledger::change(ChangeWork& work, Transaction& transaction) {
  const int changed = changer_.apply(work, transaction.now, transaction.meta);
  transaction.oldest_may_differ = true;
  if (changed == 0) return;
  transaction.changes += changed;
  if (work.action == EntryAction::erase) wal_holds_erased_ = true;
  AuditEvent event = work.event;
  if (work.ids.size() > 1) event.detail = std::format("{} entries", changed);
  auditor_.write(event, transaction.now);
}

void Ledger::note(NoteWork& work, Transaction& transaction) {
  transaction.changes += auditor_.apply(work, transaction.now);
}

AppendAnswer Ledger::append(const AppendTicket::Shared& append, bool roomy,
                            Transaction& transaction) {
  const auto known = appender_.find_known(append);
  if (known && (known->same_body || known->body_kept))
    return Appended{known->first_id, true, !known->same_body};
  if (!roomy) {
    appender_.flush();
    if (auto refusal = make_room(append.stored_bytes, transaction))
      return std::unexpected(*std::move(refusal));
  }
  ++transaction.changes;
  refused_bytes_ = 0;
  if (known) {
    appender_.insert_conflict(append, known->first_id, transaction.now, transaction.meta);
    return Appended{known->first_id, true, true};
  }
  const Uuid id = appender_.insert(append, transaction.now, transaction.meta);
  if (append.replay_event) {
    AuditEvent event = *append.replay_event;
    event.detail = "as " + id.to_string();
    auditor_.write(event, transaction.now);
  }
  return Appended{id, false, false};
}

bool Ledger::prepare_room(std::uint64_t bytes) {
  space_.disk_free_bytes = disk_free_bytes(files_.folder);
  const auto fits = [&] { return find_shortage(space_, config_, bytes) == Shortage::none; };
  if (fits()) return true;
  // What a reader held up before would hold up this group too; the writer tries again when idle.
  if (space_.wal_bytes == 0 || wal_is_held_) return false;
  return checkpoint(CheckpointMode::truncate).has_value() && fits();
}

std::optional<Failure> Ledger::make_room(std::uint64_t bytes, Transaction& transaction) {
  for (;;) {
    const SpaceUse use{connection_->used_bytes(), space_.wal_bytes + transaction.planned_wal_bytes,
                       space_.disk_free_bytes, connection_->free_page_bytes()};
    const auto shortage = find_shortage(use, config_, bytes);
    if (shortage == Shortage::none) break;
    int removed = 0;
    if (removal_helps(shortage, use, config_, bytes) && transaction.early_steps_left-- > 0)
      removed = retention_.remove_early({}, transaction.meta);
    transaction.changes += removed;
    if (removed > 0) continue;
    refused_bytes_ = bytes;
    return Failure{FailureKind::overloaded, describe(shortage, use, config_)};
  }
  transaction.planned_wal_bytes += bytes;
  return std::nullopt;
}

std::optional<WallTime> Ledger::find_oldest() {
  Use find(find_oldest_);
  if (!find.step()) return std::nullopt;
  return time_from(find.column(1));
}

std::expected<int, Failure> Ledger::retain(const RetentionStep& limits) {
  int removed = 0;
  const auto result = transact("removing what was kept long enough", [&](Transaction& transaction) {
    removed = retention_.remove_due(transaction.now, limits, transaction.meta);
    transaction.changes += removed;
  });
  if (!result) return std::unexpected(result.error());
  return removed;
}

std::optional<WallTime> Ledger::retention_due() {
  return retention_.next_due();
}

std::expected<CheckpointResult, Failure> Ledger::checkpoint(CheckpointMode mode) {
  try {
    const auto result = connection_->checkpoint(mode);
    if (result.complete) wal_is_held_ = false;
    if (result.complete && mode == CheckpointMode::truncate) wal_holds_erased_ = false;
    if (!result.complete && mode == CheckpointMode::truncate) wal_is_held_ = true;
    check_files();
    return result;
  } catch (const SQLite::Exception& error) {
    auto failure = write_failure("checkpointing", error);
    if (failure.kind == FailureKind::broken) throw Error(failure);
    return std::unexpected(std::move(failure));
  }
}

std::expected<bool, Failure> Ledger::fill_key_filter() {
  try {
    return keys_.fill_filter();
  } catch (const SQLite::Exception& error) {
    auto failure = write_failure("reading the index of keys", error);
    if (failure.kind == FailureKind::broken) throw Error(failure);
    return std::unexpected(std::move(failure));
  } catch (const std::bad_alloc&) {
    return std::unexpected(
        Failure{FailureKind::overloaded,
                "reading the index of keys: out of memory; give the process more memory"});
  }
}

std::expected<void, Failure> Ledger::merge_keys() {
  return transact("merging the index of keys", [&](Transaction& transaction) {
    keys_.merge_more();
    ++transaction.changes;
  });
}

std::expected<void, Failure> Ledger::wind_up() {
  const auto result = checkpoint(CheckpointMode::truncate);
  if (!result) return std::unexpected(result.error());
  if (result->complete) connection_->remove_wal_on_close();
  return {};
}

std::expected<void, Failure> Ledger::probe() {
  if (wal_is_held_) {
    if (auto result = checkpoint(CheckpointMode::passive); !result)
      return std::unexpected(result.error());
  }
  if (disk_refusal_.empty()) return {};
  return transact("trying the disk", [&](Transaction& transaction) {
    // SQLite writes nothing where a row stays as it was.
    appender_.skip_id(transaction.now, transaction.meta);
    ++transaction.changes;
  });
}

WalSituation Ledger::wal() const {
  return {.unmoved_bytes = connection_->unmoved_wal_bytes(),
          .frame_bytes = connection_->wal_frame_bytes(),
          .file_bytes = space_.wal_bytes,
          .holds_erased = wal_holds_erased_,
          .marked = connection_->is_marked()};
}

LedgerView Ledger::view() const {
  return {
      meta_,
      {space_, wal_is_held_, meta_.count(EntryState::delivered) > 0, refused_bytes_, disk_refusal_},
      connection_->wal_frame_bytes(),
      oldest_};
}

}  // namespace holdfast::outbox
