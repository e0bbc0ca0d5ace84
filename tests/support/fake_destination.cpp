#include "support/fake_destination.hpp"

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <utility>

namespace holdfast::support {

DeliveryFailure failure_of(DeliveryClass delivery_class, std::string sqlstate,
                           std::string message) {
  DeliveryFailure failure;
  failure.delivery_class = delivery_class;
  failure.session_lost = delivery_class == DeliveryClass::connection;
  failure.sqlstate = std::move(sqlstate);
  failure.message =
      message.empty() ? "scripted " + std::string(to_string(delivery_class)) : std::move(message);
  return failure;
}

struct FakeDestination::Server {
  [[nodiscard]] std::optional<Scripted> next_failure(std::span<const Entry> batch);
  [[nodiscard]] std::vector<Delivered> store(std::span<const Entry> batch);

  std::mutex mutex;
  std::condition_variable interrupted;
  // Guarded by mutex: any thread.
  std::vector<Scripted> script;
  Rule rule;
  std::optional<DeliveryFailure> probe_failure;
  std::size_t probes = 0;
  std::vector<Call> calls;
  std::vector<Row> rows;
  std::set<Uuid> ids;
  std::map<std::pair<std::string, std::string>, Uuid> keys;
  std::map<std::string, std::uint64_t> counters;
  std::size_t calls_made = 0;
  bool stall = false;
  bool stalled = false;
  std::size_t sessions = 1;
};

FakeDestination::FakeDestination() : FakeDestination(std::make_shared<Server>(), 0) {}

FakeDestination::FakeDestination(std::shared_ptr<Server> server, std::size_t session)
    : server_(std::move(server)), session_(session) {}

std::unique_ptr<FakeDestination> FakeDestination::another_session() {
  const std::scoped_lock lock(server_->mutex);
  return std::unique_ptr<FakeDestination>(new FakeDestination(server_, server_->sessions++));
}

void FakeDestination::fail_next(DeliveryFailure failure, int times) {
  const std::scoped_lock lock(server_->mutex);
  for (int i = 0; i < times; ++i) server_->script.push_back({failure, false});
}

void FakeDestination::commit_in_doubt_next() {
  DeliveryFailure failure = failure_of(DeliveryClass::connection);
  failure.in_doubt = true;
  const std::scoped_lock lock(server_->mutex);
  server_->script.push_back({std::move(failure), true});
}

void FakeDestination::set_rule(Rule rule) {
  const std::scoped_lock lock(server_->mutex);
  server_->rule = std::move(rule);
}

void FakeDestination::refuse_bodies(std::set<std::string> bodies, DeliveryFailure failure) {
  set_rule([bodies = std::move(bodies), failure = std::move(failure)](
               std::span<const Entry> batch) -> std::optional<DeliveryFailure> {
    const bool refused =
        std::ranges::any_of(batch, [&](const Entry& entry) { return bodies.contains(entry.body); });
    return refused ? std::optional(failure) : std::nullopt;
  });
}

void FakeDestination::refuse_statement_of(const std::string& source, DeliveryFailure failure) {
  failure.source = source;
  set_rule([source, failure = std::move(failure)](
               std::span<const Entry> batch) -> std::optional<DeliveryFailure> {
    const bool theirs = std::ranges::contains(batch, source, &Entry::source);
    return theirs ? std::optional(failure) : std::nullopt;
  });
}

void FakeDestination::stall_next() {
  const std::scoped_lock lock(server_->mutex);
  server_->stall = true;
}

void FakeDestination::heal() {
  const std::scoped_lock lock(server_->mutex);
  server_->script.clear();
  server_->rule = nullptr;
  server_->stall = false;
  server_->probe_failure.reset();
}

std::vector<FakeDestination::Call> FakeDestination::calls() const {
  const std::scoped_lock lock(server_->mutex);
  return server_->calls;
}

void FakeDestination::forget_calls() {
  const std::scoped_lock lock(server_->mutex);
  server_->calls.clear();
}

std::vector<FakeDestination::Row> FakeDestination::rows() const {
  const std::scoped_lock lock(server_->mutex);
  return server_->rows;
}

std::vector<FakeDestination::Row> FakeDestination::rows_from(std::size_t first) const {
  const std::scoped_lock lock(server_->mutex);
  const auto& rows = server_->rows;
  const auto begin = std::min(first, rows.size());
  return {rows.begin() + static_cast<std::ptrdiff_t>(begin), rows.end()};
}

std::uint64_t FakeDestination::counter(const std::string& source) const {
  const std::scoped_lock lock(server_->mutex);
  const auto found = server_->counters.find(source);
  return found == server_->counters.end() ? 0 : found->second;
}

std::size_t FakeDestination::calls_made() const {
  const std::scoped_lock lock(server_->mutex);
  return server_->calls_made;
}

bool FakeDestination::stalled() const {
  const std::scoped_lock lock(server_->mutex);
  return server_->stalled;
}

std::uint64_t FakeDestination::closes() const {
  const std::scoped_lock lock(server_->mutex);
  return closes_;
}

std::expected<std::vector<Delivered>, DeliveryFailure> FakeDestination::deliver(
    std::span<const Entry> batch) {
  std::unique_lock lock(server_->mutex);
  ++server_->calls_made;
  Call& call = server_->calls.emplace_back();
  call.session = session_;
  const std::size_t number = server_->calls.size() - 1;
  for (const Entry& entry : batch) call.seqs.push_back(entry.seq);
  if (!std::exchange(connected_, true)) ++connects_;
  std::optional<Scripted> failed;
  if (std::exchange(server_->stall, false)) {
    server_->stalled = true;
    server_->interrupted.wait(lock, [&] { return !server_->stalled; });
    failed = Scripted{failure_of(DeliveryClass::connection), false};
  } else {
    failed = server_->next_failure(batch);
  }
  if (!failed) {
    session_had_lived_ = true;
    return server_->store(batch);
  }
  if (failed->commits_first) static_cast<void>(server_->store(batch));
  DeliveryFailure failure = failed->failure;
  if (failure.session_lost) {
    failure.session_had_lived = session_had_lived_;
    session_had_lived_ = connected_ = false;
  }
  if (number < server_->calls.size()) server_->calls[number].failure = failure;
  return std::unexpected(std::move(failure));
}

std::expected<std::vector<Delivered>, DeliveryFailure> FakeDestination::deliver_and_prepare(
    std::span<const Entry> batch, const NextBatch& next) {
  static_cast<void>(next());
  return deliver(batch);
}

void FakeDestination::fail_probes(std::optional<DeliveryFailure> failure) {
  const std::scoped_lock lock(server_->mutex);
  server_->probe_failure = std::move(failure);
}

std::size_t FakeDestination::probes() const {
  const std::scoped_lock lock(server_->mutex);
  return server_->probes;
}

std::expected<void, DeliveryFailure> FakeDestination::probe() {
  const std::scoped_lock lock(server_->mutex);
  ++server_->probes;
  if (server_->probe_failure) return std::unexpected(*server_->probe_failure);
  if (!std::exchange(connected_, true)) ++connects_;
  return {};
}

std::optional<FakeDestination::Scripted> FakeDestination::Server::next_failure(
    std::span<const Entry> batch) {
  if (!script.empty()) {
    Scripted first = std::move(script.front());
    script.erase(script.begin());
    return first;
  }
  if (!rule) return std::nullopt;
  auto failure = rule(batch);
  if (!failure) return std::nullopt;
  const bool in_doubt = failure->in_doubt;  // A rule's commit in doubt did happen.
  return Scripted{std::move(*failure), in_doubt};
}

std::vector<Delivered> FakeDestination::Server::store(std::span<const Entry> batch) {
  std::vector<Delivered> outcomes;
  for (const Entry& entry : batch) {
    Delivered& outcome = outcomes.emplace_back();
    if (ids.contains(entry.id)) continue;
    if (entry.dedupe_key) {
      const auto [held, added] = keys.try_emplace({entry.source, *entry.dedupe_key}, entry.id);
      if (!added) {
        outcome.duplicate_of = held->second;
        continue;
      }
    }
    ids.insert(entry.id);
    ++counters[entry.source];
    rows.push_back(
        {entry.id, entry.seq, entry.source, entry.order_hash, entry.dedupe_key, entry.body});
  }
  return outcomes;
}

bool FakeDestination::connected() const {
  const std::scoped_lock lock(server_->mutex);
  return connected_;
}

void FakeDestination::close() {
  const std::scoped_lock lock(server_->mutex);
  if (std::exchange(connected_, false)) ++closes_;
  session_had_lived_ = false;
}

void FakeDestination::interrupt() {
  const std::scoped_lock lock(server_->mutex);
  server_->stalled = false;
  server_->interrupted.notify_all();
}

std::uint64_t FakeDestination::connects() const {
  const std::scoped_lock lock(server_->mutex);
  return connects_;
}

}  // namespace holdfast::support
