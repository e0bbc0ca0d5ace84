#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "base/guarded.hpp"
#include "holdfast/outbox.hpp"
#include "outbox/damage.hpp"
#include "outbox/files.hpp"
#include "outbox/lock_file.hpp"
#include "outbox/open.hpp"
#include "outbox/open_ledger.hpp"
#include "outbox/read_access.hpp"
#include "outbox/submit_queue.hpp"
#include "outbox/writer.hpp"

namespace holdfast {

/// The parts of an open outbox, and what its calls share.
class HOLDFAST_HIDDEN Outbox::Impl {
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
  /// Between two snapshots of a long read: one that follows the other at once would keep the WAL
  /// from ever being emptied.
  void make_way();
  void set_damaged_aside(const std::vector<outbox::DamagedEntry>& damaged);
  [[nodiscard]] OutboxStats stats() const;
  /// Hands it to the writer and waits for the answer.
  template <class Work>
  auto ask(const std::shared_ptr<Work>& work) {
    queue.push(work);
    commit_if_alone(work->answer);
    return work->answer.wait();
  }
  /// Hands an append to the writer.
  [[nodiscard]] std::shared_ptr<AppendTicket::Shared> submit(NewEntry entry,
                                                             OnAppendAnswered answered);
  /// Commits until this is answered, where no writer thread will.
  template <class T>
  void commit_if_alone(outbox::Completion<T>& answer) {
    commit_while([&] { return !answer.wait_for({}); });
  }
  template <class Waiting>
  void commit_while(Waiting&& waiting) {
    while (commit_in_caller && waiting() && writer->run_once()) {
    }
  }

  // Constant after construction.
  const bool commit_in_caller;
  const OutboxConfig config;
  const Clock& clock;
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

template <class F>
auto Outbox::Impl::with_reader(F&& function) {
  return reader.with([&](std::optional<outbox::Reader>& slot) {
    const auto refusal = queue.refusal();
    if (refusal && refusal->kind == FailureKind::broken) throw Error(*refusal);
    if (!slot)
      throw Error({FailureKind::unavailable, "reading the outbox: it is closed; open it again"});
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

}  // namespace holdfast
