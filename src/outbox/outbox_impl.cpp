#include "outbox/outbox_impl.hpp"

#include <algorithm>
#include <chrono>

#include "base/encoding.hpp"
#include "outbox/filesystem_check.hpp"
#include "outbox/ledger.hpp"
#include "outbox/open_ledger.hpp"

namespace holdfast {
namespace {

/// What an entry takes in the file beside its body: its row, headers and indexes, and what is lost
/// at the ends of pages. Measured by "outbox: what it says cannot be removed fits the file".
constexpr std::uint64_t entry_overhead_bytes = 1024;
/// Bodies of dead and discarded entries are added up nowhere; this is a large one among webhooks.
constexpr std::uint64_t aside_body_bytes = 4 * kib;
/// SQLite takes values below 2^30 bytes; far below that a row is no webhook any more.
constexpr std::size_t body_bytes_max = 512 * mib;

/// Of the used bytes those that stay, however little room there is: delivered entries go early.
std::uint64_t estimate_kept_bytes(const outbox::Meta& meta, std::uint64_t used_bytes) {
  const auto aside = meta.count(EntryState::dead) + meta.count(EntryState::discarded);
  const auto kept = meta.pending_bytes + aside * aside_body_bytes +
                    (meta.count(EntryState::pending) + aside) * entry_overhead_bytes;
  return std::min(kept, used_bytes);
}

}  // namespace

Outbox::Impl::Impl(OutboxConfig config_given, Dependencies dependencies)
    : commit_in_caller(dependencies.commit_in_caller),
      config(std::move(config_given)),
      clock(dependencies.clock),
      files(outbox::resolve_files(config.path)),
      state(files),
      log(dependencies.log),
      on_broken(std::move(dependencies.on_broken)) {
  // OpenSSL makes itself ready at its first use, and never again where that found no memory: better
  // a start that fails than a daemon that can accept nothing.
  static_cast<void>(base::sha256({}));
  outbox::check_filesystem(files.folder, config.allow_unsafe_filesystem, log);
  lock = std::make_unique<outbox::LockFile>(files.lock);
  auto ledger = outbox::open_ledger({files, config, dependencies.clock, log, state,
                                     dependencies.vfs, dependencies.checkpoint_on_open});
  node = ledger->view().meta.node;
  const auto broken = [this](const Failure& failure) {
    suspect();
    if (!broken_down.exchange(true) && on_broken) on_broken(failure);
  };
  writer = std::make_unique<outbox::Writer>(
      std::move(ledger), queue, config,
      outbox::Writer::Dependencies{dependencies.clock, std::move(dependencies.log), broken});
  reader.with(
      [&](auto& slot) { slot.emplace(outbox::open_reader(files.database, dependencies.vfs)); });
  state.opened();
}

void Outbox::Impl::close() {
  // First the reader: the last connection to go is the one that removes the WAL.
  const bool open = reader.with([](auto& slot) {
    const bool was_open = slot.has_value();
    slot.reset();
    return was_open;
  });
  if (open && !suspected) state.closing();
  if (writer) writer->close();
  if (open && !suspected) state.closed();
}

void Outbox::Impl::suspect() noexcept {
  suspected = true;
  state.suspect();
}

void Outbox::Impl::break_down(const Failure& failure) {
  if (broken_down.exchange(true)) return;
  queue.refuse(failure);
  suspect();
  log({LogLevel::error, "outbox_broken", failure.message, {}});
  if (on_broken) on_broken(failure);
}

std::shared_ptr<AppendTicket::Shared> Outbox::Impl::submit(NewEntry entry,
                                                           OnAppendAnswered answered) {
  const bool too_large = entry.body.size() > body_bytes_max;
  if (too_large) entry.body.clear();
  auto shared = std::make_shared<AppendTicket::Shared>(std::move(entry));
  shared->on_answered = std::move(answered);
  if (too_large) {
    shared->settle(std::unexpected(Failure{
        FailureKind::invalid, "storing the entry: its body is over 512 MiB; send a smaller one"}));
  } else {
    queue.push(shared);
  }
  return shared;
}

void Outbox::Impl::make_way() {
  // The writer needs a commit for it; a reader of another process may hold it up for longer.
  constexpr std::chrono::seconds patience{1};
  if (!commit_in_caller) writer->await_short_wal(patience);
}

/// They are settled here and not by who claimed: what is not what was accepted goes nowhere.
void Outbox::Impl::set_damaged_aside(const std::vector<outbox::DamagedEntry>& damaged) {
  if (damaged.empty()) return;
  auto work = std::make_shared<outbox::SettleWork>();
  for (const auto& entry : damaged) {
    Settlement& settlement = work->settlements.emplace_back();
    settlement.seq = entry.seq;
    settlement.state = EntryState::dead;
    settlement.reason = outbox::damaged_reason;
    log({LogLevel::error,
         "entry_damaged",
         "What the outbox holds of an entry is not what was accepted. It is kept as dead and not "
         "delivered; the next start looks at all of the file.",
         {{"id", entry.id.to_string()}, {"source", entry.source}}});
  }
  // Nobody waits: the writer may be this very thread. Until it is written the entry is passed over.
  queue.push(std::move(work));
  suspect();
}

OutboxStats Outbox::Impl::stats() const {
  const auto view = writer->view();
  auto outlook = view.outlook;
  // The disk is shared with others, so it is asked now and not when the writer last came by.
  outlook.use.disk_free_bytes = outbox::disk_free_bytes(files.folder);
  OutboxStats stats;
  stats.entries = view.meta.entries;
  stats.pending_body_bytes = view.meta.pending_bytes;
  stats.bytes = outlook.use.used_bytes + outlook.use.wal_bytes;
  stats.bytes_max = config.max_size_bytes;
  stats.disk_free_bytes = outlook.use.disk_free_bytes;
  stats.disk_reserve_bytes = config.disk_reserve_bytes;
  stats.appended = static_cast<std::uint64_t>(view.meta.next_seq - 1);
  stats.kept_bytes = estimate_kept_bytes(view.meta, outlook.use.used_bytes);
  stats.file_bytes = stats.bytes + outlook.use.free_page_bytes;
  stats.oldest_pending_received_at = view.oldest_pending_received_at;
  const auto refusal = queue.refusal();
  stats.cannot_store_reason =
      refusal ? refusal->message : outbox::reason_not_to_store(outlook, config);
  stats.can_store = stats.cannot_store_reason.empty();
  stats.commit_seconds = writer->commit_seconds();
  stats.group_entries = writer->group_entries();
  return stats;
}

}  // namespace holdfast
