#include "postgres/destination.hpp"

#include <algorithm>
#include <chrono>
#include <format>
#include <utility>

#include "base/check.hpp"
#include "postgres/classify.hpp"
#include "postgres/limits.hpp"
#include "postgres/migrations.hpp"

namespace holdfast::postgres {
namespace {

/// A failure before any entry was sent: whatever its code says of data or time, no entry did it,
/// and none can be stored.
DeliveryFailure blaming_no_entry(DeliveryFailure failure) {
  failure.in_doubt = false;
  switch (failure.delivery_class) {
    case DeliveryClass::data:
    case DeliveryClass::foreign_key:
    case DeliveryClass::timeout: failure.delivery_class = DeliveryClass::server; break;
    default: break;
  }
  return failure;
}

/// An entry is blamed by an answer about it alone, and what came with the end of the session is
/// none: the server may have been on its way out (0008).
bool blame_lost_session(DeliveryFailure& failure) {
  const bool blames = failure.delivery_class == DeliveryClass::data ||
                      failure.delivery_class == DeliveryClass::foreign_key;
  if (!failure.session_lost || !blames) return false;
  failure.delivery_class = DeliveryClass::server;
  return true;
}

/// The message of a write that failed, without names and values.
std::string shown(const WriteFailure& failed) {
  const SqlError& error = failed.error;
  if (error.session_dead) return without_names(error.message);
  return failed.statement > 0 && failed.described
             ? own_without_values(error.sqlstate, error.message, failed.text)
             : without_values(error.sqlstate, error.message);
}

std::size_t body_bytes(std::span<const Entry> batch) {
  std::size_t bytes = 0;
  for (const auto& entry : batch) bytes += entry.body.size();
  return bytes;
}

std::optional<Failure> fault_of(const DestinationConfig& config) {
  if (config.url.empty())
    return Failure{FailureKind::refused,
                   "reading destination.url: it is empty; set it to a libpq URL"};
  if (!is_identifier(config.schema))
    return Failure{
        FailureKind::refused,
        std::format(
            "reading destination.schema: it is not a name for Postgres; use 1 to {} bytes of UTF-8",
            identifier_bytes_max)};
  return std::nullopt;
}

}  // namespace

std::expected<std::unique_ptr<PostgresDestination>, Failure> PostgresDestination::create(
    const DestinationConfig& config, std::span<const SourceConfig> sources, const Uuid& node,
    const Clock& clock, LogSink log) {
  if (auto fault = fault_of(config)) return std::unexpected(std::move(*fault));
  auto conninfo = parse_conninfo(config);
  if (!conninfo) return std::unexpected(conninfo.error());
  auto writes = SourceWrites::create(config.schema, sources);
  if (!writes) return std::unexpected(writes.error());
  return std::unique_ptr<PostgresDestination>(new PostgresDestination(
      config, std::move(*conninfo), std::move(*writes), node, clock, std::move(log)));
}

PostgresDestination::PostgresDestination(const DestinationConfig& config, Conninfo conninfo,
                                         SourceWrites writes, const Uuid& node, const Clock& clock,
                                         LogSink log)
    : config_(config),
      conninfo_(std::move(conninfo)),
      inbox_(config.schema, node),
      clock_(clock),
      log_(std::move(log)),
      writes_(std::move(writes)) {}

PostgresDestination::~PostgresDestination() = default;

std::expected<std::vector<Delivered>, DeliveryFailure> PostgresDestination::deliver(
    std::span<const Entry> batch) {
  return deliver_and_prepare(batch, {});
}

std::expected<std::vector<Delivered>, DeliveryFailure> PostgresDestination::deliver_and_prepare(
    std::span<const Entry> batch, const NextBatch& next) {
  HOLDFAST_CHECK(!batch.empty(), "a batch that is not empty");
  std::function<void()> meanwhile;
  if (next) meanwhile = [&] { prepare_next(next); };
  try {
    auto outcome = attempt(batch, std::move(meanwhile));
    // Whatever was meant to end this delivery has had its effect.
    interrupt_.consume();
    return outcome;
  } catch (...) {
    // A transaction that is open would go on with the next batch, and be committed with it.
    next_.reset();
    session_.reset();
    throw;
  }
}

PostgresDestination::Prepared PostgresDestination::prepare(std::span<const Entry> batch) {
  Prepared prepared;
  for (const auto& entry : batch) {
    prepared.ids.push_back(entry.id);
    prepared.payloads.push_back(payload_of(entry.content_type, entry.body));
  }
  prepared.columns = Inbox::encode(batch, prepared.payloads, PayloadUse::parsed);
  return prepared;
}

PostgresDestination::Prepared PostgresDestination::take_prepared(std::span<const Entry> batch) {
  auto ready = std::exchange(next_, std::nullopt);
  if (ready && std::ranges::equal(ready->ids, batch, {}, {}, &Entry::id)) return *std::move(ready);
  return prepare(batch);
}

/// In the middle of a statement, which nothing must leave; what is not ready is made later.
void PostgresDestination::prepare_next(const NextBatch& next) noexcept {
  spent_.reset();
  try {
    if (const auto batch = next(); !batch.empty()) next_ = prepare(batch);
  } catch (...) {
    next_.reset();
  }
}

PostgresDestination::Outcome PostgresDestination::attempt(std::span<const Entry> batch,
                                                          std::function<void()> meanwhile) {
  if (auto opened = have_session(); !opened) return std::unexpected(opened.error());
  const SteadyTime now = clock_.steady_now();
  const SteadyTime deadline = now + config_.deliver_timeout;
  if (!schema_ready_)
    if (auto ready = make_schema_ready(deadline); !ready) return std::unexpected(ready.error());
  Work work{batch, take_prepared(batch), PayloadUse::parsed, now, std::move(meanwhile)};
  for (;;) {
    auto outcomes = transact(work, deadline);
    work.meanwhile = nullptr;
    if (outcomes) {
      // Large memory goes back to the system, and Postgres would wait for that between two batches.
      if (next_) spent_ = std::move(work.prepared);
      return std::move(*outcomes);
    }
    if (!session_ || !another_way(work, outcomes.error()))
      return std::unexpected(std::move(outcomes.error().failure));
  }
}

/// Each way is tried once, so the attempts end: a source that runs entry by entry does not ask
/// again.
bool PostgresDestination::another_way(Work& work, const Failed& failed) {
  if (failed.again_helps) return true;
  // What only jsonb refuses is no fault of the entry: its bytes are stored all the same. The same
  // code out of a statement of the source's own is another matter.
  const bool unfit = failed.stage == Stage::inbox && work.batch.size() == 1 &&
                     work.payload_use == PayloadUse::parsed &&
                     is_jsonb_failure(failed.failure.sqlstate);
  if (!unfit) return false;
  work.payload_use = PayloadUse::none;
  work.prepared.columns = Inbox::encode(work.batch, work.prepared.payloads, work.payload_use);
  return true;
}

std::expected<void, DeliveryFailure> PostgresDestination::probe() {
  auto reached = have_session();
  if (reached) {
    const auto answer = session_->run("SELECT 1", clock_.steady_now() + config_.deliver_timeout);
    if (!answer) reached = std::unexpected(blaming_no_entry(fail(answer.error(), Phase::query)));
  }
  interrupt_.consume();
  return reached;
}

std::expected<void, DeliveryFailure> PostgresDestination::have_session() {
  // Neon suspends idle computes: a session that is known to be gone before anything was sent is no
  // failure.
  if (session_ && !session_->looks_alive())
    drop_session(LogLevel::info, "ended by the server while idle");
  if (session_) return {};
  return open_session();
}

std::expected<void, DeliveryFailure> PostgresDestination::open_session() {
  auto session = Session::open(conninfo_, clock_, interrupt_);
  if (!session) return std::unexpected(blaming_no_entry(fail(session.error(), Phase::connect)));
  session_ = std::move(*session);
  writes_.forget_descriptions();
  session_has_lived_ = false;
  memory_kept_ = false;
  const std::uint64_t number = ++connects_;
  log_({LogLevel::info,
        "destination_connected",
        "Connected to Postgres.",
        {{"connects", std::to_string(number)}}});
  return {};
}

std::expected<void, DeliveryFailure> PostgresDestination::make_schema_ready(SteadyTime deadline) {
  const auto applied =
      ensure_schema(*session_, {config_.schema, config_.migrate}, clock_, deadline);
  // Not a delivery: no batch can be in doubt.
  if (!applied) return std::unexpected(blaming_no_entry(fail(applied.error(), Phase::query)));
  for (const auto& name : *applied)
    log_({LogLevel::info,
          "migration_applied",
          "Applied a migration to Postgres.",
          {{"name", name}}});
  schema_ready_ = true;
  return {};
}

std::expected<std::vector<Delivered>, PostgresDestination::Failed> PostgresDestination::transact(
    const Work& work, SteadyTime deadline) {
  const auto rolled_back = [&](DeliveryFailure failure, Stage stage, bool again_helps) {
    roll_back(failure, deadline);
    blame_lost_session(failure);
    return std::unexpected(Failed{std::move(failure), stage, again_helps});
  };
  const auto left = std::chrono::floor<std::chrono::milliseconds>(deadline - clock_.steady_now());
  auto begin = begin_statements(left);
  if (!memory_kept_ && body_bytes(work.batch) >= large_batch_bytes) {
    begin.emplace_back(keep_memory_statement);
    memory_kept_ = true;
  }
  auto stored = inbox_.insert(*session_, begin, work.batch, work.prepared.payloads,
                              work.payload_use, work.prepared.columns, deadline, work.meanwhile);
  if (!stored) {
    const auto& [error, step, too_slow] = stored.error();
    auto failure = fail(error, Phase::query);
    if (step < begin.size()) return rolled_back(blaming_no_entry(failure), Stage::begin, false);
    return rolled_back(std::move(failure), Stage::inbox, false);
  }
  const auto wrote = writes_.run(*session_, work.batch, work.prepared.payloads, stored->added,
                                 work.started_at, deadline);
  if (!wrote) return rolled_back(fail_own(wrote.error()), Stage::writes, wrote.error().again_helps);
  if (auto done = commit(*wrote, deadline); !done)
    return std::unexpected(Failed{std::move(done.error()), Stage::commit, false});
  session_has_lived_ = true;
  return std::move(stored->outcomes);
}

std::expected<void, DeliveryFailure> PostgresDestination::commit(
    const std::vector<std::string>& wrote, SteadyTime deadline) {
  const auto committed = session_->run("COMMIT", deadline);
  if (!committed) {
    const SqlError& error = committed.error();
    // A trigger that was put off has refused a row in a code of its own: nothing is in doubt.
    const bool raised = !error.session_dead && is_raised_by_function(error.sqlstate);
    auto failure = fail(error, raised ? Phase::query : Phase::commit);
    // Only what a source wrote can have put a check off until now; the inbox has none.
    if (!error.session_dead && wrote.size() == 1) failure.source = wrote.front();
    if (blame_lost_session(failure)) failure.in_doubt = true;
    return std::unexpected(std::move(failure));
  }
  // A transaction that had failed unnoticed answers COMMIT with ROLLBACK, which is no error.
  if (committed->tag() != "COMMIT")
    return std::unexpected(
        fail({"40000", "", "the server rolled back instead", true}, Phase::query));
  return {};
}

void PostgresDestination::roll_back(DeliveryFailure& failure, SteadyTime deadline) {
  if (!session_ || session_->run("ROLLBACK", deadline)) return;
  failure.session_lost = true;
  failure.session_had_lived = session_has_lived_;
  drop_session(LogLevel::info, "rolling back failed");
}

DeliveryFailure PostgresDestination::fail(const SqlError& error, Phase phase) {
  // No trigger ends a session: an unknown code is as one at connect then, and blames no entry. A
  // pooler names users and databases then, as at connect.
  const bool ended = error.session_dead;
  const Verdict verdict = classify(error.sqlstate, error.message,
                                   ended && phase == Phase::query ? Phase::connect : phase);
  // The tables may have been dropped, and made again by the time of the next try.
  if (is_schema_failure(error.sqlstate) || verdict.delivery_class == DeliveryClass::config)
    schema_ready_ = false;
  return describe(
      error, verdict,
      ended ? without_names(error.message) : without_values(error.sqlstate, error.message));
}

DeliveryFailure PostgresDestination::fail_own(const WriteFailure& failed) {
  Verdict verdict =
      classify_own(failed.error.sqlstate, failed.error.message, failed.error.session_dead);
  // A statement that cannot even be described would refuse every entry.
  if (!failed.described && !failed.error.session_dead &&
      (verdict.delivery_class == DeliveryClass::data ||
       verdict.delivery_class == DeliveryClass::foreign_key))
    verdict.delivery_class = DeliveryClass::config;
  // Fewer entries at a time may be in time.
  if (failed.too_slow) verdict.delivery_class = DeliveryClass::timeout;
  // Operations write into our own tables, which may have been dropped; a table of the user's is not
  // ours to make.
  if (failed.statement == 0 && is_schema_failure(failed.error.sqlstate)) schema_ready_ = false;
  DeliveryFailure failure = describe(failed.error, verdict, shown(failed));
  failure.source = failed.source;
  if (failed.statement > 0)
    failure.message = std::format("statement {}: {}", failed.statement, failure.message);
  return failure;
}

DeliveryFailure PostgresDestination::describe(const SqlError& error, const Verdict& verdict,
                                              std::string message) {
  DeliveryFailure failure;
  failure.delivery_class = verdict.delivery_class;
  failure.sqlstate = error.sqlstate;
  failure.constraint = error.constraint;
  failure.message = std::move(message);
  failure.in_doubt = verdict.in_doubt;
  failure.slow_start = verdict.slow_start;
  if (verdict.delivery_class == DeliveryClass::config) writes_.forget_descriptions();
  if (session_ && (verdict.drop_session || error.session_dead)) {
    failure.session_lost = true;
    failure.session_had_lived = session_has_lived_;
    drop_session(LogLevel::info, "failed: " + failure.message);
  }
  return failure;
}

void PostgresDestination::drop_session(LogLevel level, const std::string& reason) {
  session_.reset();
  spent_.reset();
  log_({level, "destination_closed", "Closed the connection to Postgres.", {{"reason", reason}}});
}

bool PostgresDestination::connected() const {
  return session_ && session_->looks_alive();
}

void PostgresDestination::close() {
  next_.reset();
  spent_.reset();
  if (session_) drop_session(LogLevel::info, "idle");
}

}  // namespace holdfast::postgres
