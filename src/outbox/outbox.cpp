#include "holdfast/outbox.hpp"

#include <atomic>
#include <memory>
#include <set>
#include <utility>

#include "base/encoding.hpp"
#include "base/guarded.hpp"
#include "outbox/files.hpp"
#include "outbox/filesystem_check.hpp"
#include "outbox/ledger.hpp"
#include "outbox/lock_file.hpp"
#include "outbox/open.hpp"
#include "outbox/open_ledger.hpp"
#include "outbox/read_access.hpp"
#include "outbox/submit_queue.hpp"
#include "outbox/writer.hpp"

namespace holdfast {
namespace {

/// SQLite takes values below 2^30 bytes; far below that a row is no webhook any more.
constexpr std::size_t body_bytes_max = 512 * mib;

}  // namespace

class Outbox::Impl {
 public:
  Impl(OutboxConfig config, Dependencies dependencies);
  ~Impl() { close(); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void close();
  template <class F>
  auto with_reader(F&& function);
  /// Durability is uncertain: the next start looks at all of the file.
  void suspect() noexcept;
  /// A read met what cannot have been written: only a new start can mend that.
  void break_down(const Failure& failure);
  void set_damaged_aside(const std::vector<outbox::DamagedEntry>& damaged);
  [[nodiscard]] OutboxStats stats() const;
  [[nodiscard]] outbox::ChangeAnswer change(const Uuid& id, EntryState to);
  /// Commits until this is answered, where no writer thread will.
  template <class T>
  void commit_if_alone(outbox::Completion<T>& answer) {
    while (commit_in_caller && !answer.wait_for({}) && writer->run_once()) {
    }
  }

  // Constant after construction.
  const bool commit_in_caller;
  const OutboxConfig config;
  const outbox::OutboxFiles files;
  const outbox::StateFile state;
  LogSink log;
  std::function<void(const Failure&)> on_broken;
  // Destroyed last, so that no second process gets in before the file is closed.
  std::unique_ptr<outbox::LockFile> lock;
  outbox::SubmitQueue queue;
  std::unique_ptr<outbox::Writer> writer;
  Uuid node;
  std::atomic<bool> suspected = false;
  std::atomic<bool> broken_down = false;
  std::atomic<std::uint64_t> reopened = 0;
  // Guarded: any thread.
  base::Guarded<std::optional<outbox::Reader>> reader;
};

Outbox::Impl::Impl(OutboxConfig config_given, Dependencies dependencies)
    : commit_in_caller(dependencies.commit_in_caller),
      config(std::move(config_given)),
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
  node = ledger->meta().node;
  const auto broken = [this](const Failure& failure) {
    suspect();
    if (on_broken) on_broken(failure);
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

outbox::ChangeAnswer Outbox::Impl::change(const Uuid& id, EntryState to) {
  auto work = std::make_shared<outbox::ChangeWork>();
  work->id = id;
  work->to = to;
  queue.push(work);
  commit_if_alone(work->answer);
  return work->answer.wait();
}

template <class F>
auto Outbox::Impl::with_reader(F&& function) {
  return reader.with([&](std::optional<outbox::Reader>& slot) {
    const auto refusal = queue.refusal();
    if (refusal && refusal->kind == FailureKind::broken) throw Error(*refusal);
    if (!slot)
      throw Error(
          {FailureKind::unavailable, "reading the outbox: it is closed; start the process again"});
    try {
      return std::forward<F>(function)(*slot);
    } catch (const SQLite::Exception& error) {
      if (outbox::is_damage(error)) break_down(outbox::read_failure("reading the outbox", error));
      throw;
    } catch (const Error& error) {
      if (error.failure().kind == FailureKind::broken) break_down(error.failure());
      throw;
    }
  });
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
  stats.oldest_pending_received_at = view.oldest_pending_received_at;
  const auto refusal = queue.refusal();
  stats.cannot_store_reason =
      refusal ? refusal->message : outbox::reason_not_to_store(outlook, config);
  stats.can_store = stats.cannot_store_reason.empty();
  stats.commit_seconds = writer->commit_seconds();
  stats.group_entries = writer->group_entries();
  return stats;
}

Outbox::Outbox(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Outbox::~Outbox() = default;

std::expected<std::unique_ptr<Outbox>, Failure> Outbox::open(const OutboxConfig& config,
                                                             Dependencies dependencies) {
  try {
    if (!dependencies.log) dependencies.log = [](const LogEvent&) {};
    return std::unique_ptr<Outbox>(
        new Outbox(std::make_unique<Impl>(config, std::move(dependencies))));
  } catch (const Error& error) {
    return std::unexpected(error.failure());
  } catch (const SQLite::Exception& error) {
    return std::unexpected(outbox::open_failure(config.path, error));
  }
}

AppendTicket Outbox::submit(NewEntry entry) {
  const bool too_large = entry.body.size() > body_bytes_max;
  if (too_large) entry.body.clear();
  auto shared = std::make_shared<AppendTicket::Shared>(std::move(entry));
  if (too_large) {
    shared->answer.set(std::unexpected(
        Failure{FailureKind::invalid,
                "storing the entry: its body is over 512 MiB; lower ingress.max_body"}));
  } else {
    impl_->queue.push(shared);
  }
  return AppendTicket(std::move(shared));
}

std::expected<Appended, Failure> Outbox::append(NewEntry entry, std::chrono::milliseconds timeout) {
  auto ticket = submit(std::move(entry));
  impl_->commit_if_alone(ticket.shared_->answer);
  return ticket.wait(timeout);
}

std::expected<std::vector<Entry>, Failure> Outbox::claim(const ClaimRequest& request) {
  auto claimed = outbox::reading("claiming entries", [&] {
    return impl_->with_reader([&](outbox::Reader& reader) { return reader.claim(request); });
  });
  if (!claimed) return std::unexpected(std::move(claimed.error()));
  impl_->set_damaged_aside(claimed->damaged);
  return std::move(claimed->entries);
}

std::expected<void, Failure> Outbox::settle(std::vector<Settlement> settlements,
                                            std::vector<AttemptRecord> attempts) {
  if (settlements.empty() && attempts.empty()) return {};
  auto work = std::make_shared<outbox::SettleWork>();
  work->settlements = std::move(settlements);
  work->attempts = std::move(attempts);
  impl_->queue.push(work);
  impl_->commit_if_alone(work->answer);
  return work->answer.wait();
}

std::expected<EntryChange, Failure> Outbox::retry(const Uuid& id) {
  auto changed = impl_->change(id, EntryState::pending);
  if (!changed || !changed->changed) return changed;
  // The relay has looked past it; only now it may be told.
  impl_->reader.with([](auto& slot) {
    if (slot) slot->look_again();
  });
  ++impl_->reopened;
  impl_->writer->announce();
  return changed;
}

std::expected<EntryChange, Failure> Outbox::discard(const Uuid& id) {
  return impl_->change(id, EntryState::discarded);
}

std::expected<std::optional<Entry>, Failure> Outbox::find(const Uuid& id) {
  return outbox::reading("reading an entry", [&] {
    return impl_->with_reader([&](outbox::Reader& reader) { return reader.find(id); });
  });
}

std::expected<std::vector<EntrySummary>, Failure> Outbox::list(const ListRequest& request) {
  return outbox::reading("listing entries", [&] {
    return outbox::list_page(request, [&](auto&& use) { return impl_->with_reader(use); });
  });
}

OutboxStats Outbox::stats() const {
  return impl_->stats();
}
std::uint64_t Outbox::reopened() const {
  return impl_->reopened;
}
const Uuid& Outbox::node() const {
  return impl_->node;
}
void Outbox::on_appended(std::function<void()> callback) {
  impl_->writer->on_appended(std::move(callback));
}
bool Outbox::run_once() {
  return impl_->writer->run_once();
}
void Outbox::run_writer(std::stop_token stop) {
  impl_->writer->run(stop);
}
void Outbox::close() {
  impl_->close();
}

}  // namespace holdfast
