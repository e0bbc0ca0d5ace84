#include "outbox/writer.hpp"

#include <algorithm>
#include <chrono>
#include <format>
#include <utility>

#include "base/check.hpp"

namespace holdfast::outbox {
namespace {

/// Of what is no Error, in practice lack of memory: it may have come at any step of a commit.
Failure unknown_failure() {
  return {FailureKind::broken,
          "storing entries: out of memory, or a clock or log threw; give the process more memory "
          "and start it again"};
}

}  // namespace

Writer::Writer(std::unique_ptr<Ledger> ledger, SubmitQueue& queue, const OutboxConfig& config,
               Dependencies dependencies)
    : clock_(dependencies.clock),
      log_(std::move(dependencies.log)),
      on_broken_(std::move(dependencies.on_broken)),
      kept_least_(std::min({config.keep_delivered, config.keep_discarded, config.dedupe_window})),
      queue_(queue),
      ledger_(std::move(ledger)),
      last_commit_(clock_.steady_now()),
      probe_at_(last_commit_),
      checkpoint_tried_at_(last_commit_),
      checkpoint_at_(last_commit_),
      retain_at_(last_commit_),
      fill_at_(last_commit_),
      merge_at_(last_commit_),
      retention_due_(ledger_->retention_due()),
      view_(ledger_->view()),
      commit_seconds_(base::seconds_bounds),
      group_entries_(base::group_bounds) {}

Writer::~Writer() {
  close();
}

bool Writer::run_once() {
  if (!ledger_) return false;
  try {
    const bool grouped = run_group();
    const bool kept = keep_house();
    return grouped || kept;
  } catch (const Error& error) {
    break_down(error.failure());
  } catch (...) {
    break_down(unknown_failure());
  }
  return false;
}

void Writer::run(const std::stop_token& stop) {
  queue_.accept();
  gathers_ = true;
  if (ledger_) ledger_->sync_early();
  while (!stop.stop_requested()) {
    const auto seen = queue_.wake().epoch();
    if (!run_once()) queue_.wake().wait(seen, next_deadline(), stop);
  }
  try {
    while (ledger_ && run_group()) {
    }
  } catch (const Error& error) {
    break_down(error.failure());
  } catch (...) {
    break_down(unknown_failure());
  }
  // Nobody would answer what came later.
  queue_.refuse({FailureKind::unavailable, "storing entries: the process is stopping; send again"});
  drained_.raise();
}

bool Writer::run_group() {
  queue_.take(backlog_);
  if (backlog_.empty()) return false;
  gathering_.begun(clock_.steady_now());
  auto group = take_group(backlog_, {});
  try {
    commit(group);
  } catch (const Error& error) {
    for (const auto& work : group) fail(work, error.failure());
    throw;
  } catch (...) {
    for (const auto& work : group) fail(work, unknown_failure());
    throw;
  }
  return true;
}

/// Adds what has come since the group was taken, and waits a little for what is about to come.
void Writer::gather(std::vector<Work>& group) {
  if (!gathers_ || clock_.steady_now() >= gathering_.until()) return;
  if (backlog_.empty()) queue_.take(backlog_);
  if (backlog_.empty()) {
    const auto wanted = gathering_.wanted(group.size());
    if (wanted == 0) return;
    queue_.await(wanted, gathering_.handful_until(clock_.steady_now()));
    queue_.take(backlog_);
    if (backlog_.size() < wanted) gathering_.give_up(clock_.steady_now());
  }
  take_more(backlog_, {}, group);
}

void Writer::commit(std::vector<Work>& group) {
  auto outcome = ledger_->commit(group, [&] { gather(group); });
  if (outcome.failure) {
    note("outbox_commit_refused", *outcome.failure);
    settle_alone(group, outcome);
  }
  if (outcome.committed) {
    last_commit_ = clock_.steady_now();
    commit_seconds_.observe(outcome.duration.count());
    if (outcome.appends > 0) group_entries_.observe(static_cast<double>(outcome.appends));
    plan_retention();
  }
  publish();
  std::uint64_t bytes = 0;
  for (const auto& work : group) bytes += bytes_of(work);
  // Before the answers: who has one may append the next at once, and must find room.
  queue_.release(bytes);
  answer(group, outcome);
  if (outcome.committed)
    gathering_.committed(outcome.appends, backlog_.size() + queue_.size(), outcome.sync);
  if (outcome.added_pending) announce();
}

/// Appends that do not fit must not keep back the outcomes that will make room.
void Writer::settle_alone(const std::vector<Work>& group, GroupOutcome& outcome) {
  std::vector<Work> settles;
  for (const auto& work : group)
    if (!is_append(work)) settles.push_back(work);
  if (settles.empty() || settles.size() == group.size()) return;
  const auto alone = ledger_->commit(settles, [] {});
  std::size_t next = 0;
  for (std::size_t i = 0; i < group.size(); ++i)
    if (!is_append(group[i])) outcome.answers[i] = alone.answers[next++];
  outcome.committed = alone.committed;
  outcome.duration = alone.duration;
  outcome.appends = 0;
}

void Writer::answer(const std::vector<Work>& group, const GroupOutcome& outcome) {
  HOLDFAST_CHECK(outcome.answers.size() == group.size(), "a request without an answer");
  for (std::size_t i = 0; i < group.size(); ++i) {
    if (const auto* append = std::get_if<std::shared_ptr<AppendTicket::Shared>>(&group[i])) {
      (*append)->settle(outcome.answers[i]);
    } else if (const auto* settle = std::get_if<std::shared_ptr<SettleWork>>(&group[i])) {
      (*settle)->answer.set(outcome.answers[i].transform([](const Appended&) {}));
    } else if (const auto* change = std::get_if<std::shared_ptr<ChangeWork>>(&group[i])) {
      (*change)->answer.set(
          outcome.answers[i].transform([&](const Appended&) { return (*change)->changes; }));
    } else {
      const auto& note = std::get<std::shared_ptr<NoteWork>>(group[i]);
      note->answer.set(
          outcome.answers[i].transform([&](const Appended&) { return note->changed; }));
    }
  }
}

void Writer::publish() {
  constexpr auto pending = EntryState::pending;
  bool short_again = false;
  bool drained = false;
  view_.with([&](LedgerView& view) {
    const bool was_long = view.wal_frame_bytes >= long_wal_bytes;
    const bool had_pending = view.meta.count(pending) > 0;
    view = ledger_->view();
    short_again = was_long && view.wal_frame_bytes < long_wal_bytes;
    drained = had_pending && view.meta.count(pending) == 0;
  });
  if (short_again) wal_emptied_.raise();
  if (drained) drained_.raise();
}

bool Writer::await_drained(std::chrono::milliseconds limit) {
  // Beyond a day it is no limit any more, and adding it to the clock could overflow.
  constexpr std::chrono::milliseconds limit_max = std::chrono::hours(24);
  const auto deadline = clock_.steady_now() + std::min(limit, limit_max);
  for (;;) {
    const auto epoch = drained_.epoch();
    if (view().meta.count(EntryState::pending) == 0) return true;
    // Nothing will be settled any more: stopped, or broken.
    if (queue_.refusal() || clock_.steady_now() >= deadline) return false;
    drained_.wait(epoch, deadline, {});
  }
}

void Writer::await_short_wal(std::chrono::milliseconds patience) {
  const auto epoch = wal_emptied_.epoch();
  if (view().wal_frame_bytes < long_wal_bytes) return;
  ++making_way_;
  queue_.wake().raise();
  wal_emptied_.wait(epoch, clock_.steady_now() + patience, {});
  --making_way_;
}

void Writer::break_down(const Failure& failure) {
  refuse_all(failure);
  // Given up, not destroyed: a close would checkpoint, which is a second sync after one that
  // failed.
  if (ledger_) ledger_->give_up();
  static_cast<void>(ledger_.release());
  log_({LogLevel::error, "outbox_broken", failure.message, {}});
  if (on_broken_) on_broken_(failure);
}

void Writer::refuse_all(const Failure& failure) {
  for (const auto& work : backlog_) fail(work, failure);
  backlog_.clear();
  queue_.refuse(failure);
  drained_.raise();
}

void Writer::close() {
  if (!ledger_) return;
  refuse_all({FailureKind::unavailable, "using the outbox: it is closed; open it again"});
  try {
    if (const auto result = ledger_->wind_up(); !result)
      note("outbox_checkpoint_refused", result.error());
  } catch (const Error& error) {
    break_down(error.failure());
    return;
  }
  ledger_.reset();
}

}  // namespace holdfast::outbox
