#include "postgres/destination.hpp"

#include <chrono>
#include <utility>

#include "base/check.hpp"
#include "base/encoding.hpp"
#include "postgres/classify.hpp"
#include "postgres/limits.hpp"
#include "postgres/migrations.hpp"

namespace holdfast::postgres {
namespace {

/// A failure before any entry was sent: whatever its code says of data or time, no entry did it.
DeliveryFailure blaming_no_entry(DeliveryFailure failure) {
  switch (failure.delivery_class) {
    case DeliveryClass::data:
    case DeliveryClass::foreign_key:
    case DeliveryClass::timeout: failure.delivery_class = DeliveryClass::server; break;
    default: break;
  }
  return failure;
}

/// Longer names are cut by Postgres without a word, and then nothing is found under them.
constexpr std::size_t identifier_bytes_max = 63;

std::optional<Failure> fault_of(const DestinationConfig& config) {
  if (config.url.empty())
    return Failure{FailureKind::refused,
                   "reading destination.url: it is empty; set it to a libpq URL"};
  const std::string& schema = config.schema;
  if (schema.empty() || schema.size() > identifier_bytes_max || schema.contains('\0') ||
      !base::is_utf8(schema))
    return Failure{
        FailureKind::refused,
        "reading destination.schema: it is not a name for Postgres; use 1 to 63 bytes of UTF-8"};
  return std::nullopt;
}

}  // namespace

std::expected<std::unique_ptr<PostgresDestination>, Failure> PostgresDestination::create(
    const DestinationConfig& config, const Uuid& node, const Clock& clock, LogSink log) {
  if (auto fault = fault_of(config)) return std::unexpected(std::move(*fault));
  auto conninfo = parse_conninfo(config);
  if (!conninfo) return std::unexpected(conninfo.error());
  return std::unique_ptr<PostgresDestination>(
      new PostgresDestination(config, std::move(*conninfo), node, clock, std::move(log)));
}

PostgresDestination::PostgresDestination(const DestinationConfig& config, Conninfo conninfo,
                                         const Uuid& node, const Clock& clock, LogSink log)
    : config_(config),
      conninfo_(std::move(conninfo)),
      inbox_(config.schema, node),
      clock_(clock),
      log_(std::move(log)) {}

PostgresDestination::~PostgresDestination() = default;

std::expected<std::vector<Delivered>, DeliveryFailure> PostgresDestination::deliver(
    std::span<const Entry> batch) {
  HOLDFAST_CHECK(!batch.empty(), "a batch that is not empty");
  auto outcome = attempt(batch);
  // Whatever was meant to end this delivery has had its effect.
  interrupt_.consume();
  return outcome;
}

PostgresDestination::Outcome PostgresDestination::attempt(std::span<const Entry> batch) {
  // Neon suspends idle computes: a session that is known to be gone before anything was sent is no
  // failure.
  if (session_ && !session_->looks_alive())
    drop_session(LogLevel::info, "ended by the server while idle");
  if (!session_)
    if (auto opened = open_session(); !opened) return std::unexpected(opened.error());
  const SteadyTime deadline = clock_.steady_now() + config_.deliver_timeout;
  if (!schema_ready_)
    if (auto ready = make_schema_ready(deadline); !ready) return std::unexpected(ready.error());
  auto outcome = transact(batch, PayloadUse::parsed, deadline);
  // What only jsonb refuses is no fault of the entry: its bytes are stored all the same.
  if (!outcome && batch.size() == 1 && is_jsonb_failure(outcome.error().sqlstate) && session_)
    return transact(batch, PayloadUse::none, deadline);
  return outcome;
}

std::expected<void, DeliveryFailure> PostgresDestination::open_session() {
  auto session = Session::open(conninfo_, clock_, interrupt_);
  if (!session) return std::unexpected(blaming_no_entry(fail(session.error(), Phase::connect)));
  session_ = std::move(*session);
  session_has_lived_ = false;
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

PostgresDestination::Outcome PostgresDestination::transact(std::span<const Entry> batch,
                                                           PayloadUse payload_use,
                                                           SteadyTime deadline) {
  const auto left = std::chrono::floor<std::chrono::milliseconds>(deadline - clock_.steady_now());
  if (const auto begun = session_->run(begin_statement(left), deadline); !begun)
    return std::unexpected(blaming_no_entry(roll_back(begun.error(), deadline)));
  auto outcomes = inbox_.insert(*session_, batch, payload_use, deadline);
  if (!outcomes) return std::unexpected(roll_back(outcomes.error(), deadline));
  const auto committed = session_->run("COMMIT", deadline);
  if (!committed) return std::unexpected(fail(committed.error(), Phase::commit));
  // A transaction that had failed unnoticed answers COMMIT with ROLLBACK, which is no error.
  if (committed->tag() != "COMMIT")
    return std::unexpected(
        fail({"40000", "", "the server rolled back instead", true}, Phase::query));
  session_has_lived_ = true;
  return std::move(*outcomes);
}

DeliveryFailure PostgresDestination::roll_back(const SqlError& error, SteadyTime deadline) {
  DeliveryFailure failure = fail(error, Phase::query);
  if (session_ && !session_->run("ROLLBACK", deadline)) {
    failure.session_lost = true;
    failure.session_had_lived = session_has_lived_;
    drop_session(LogLevel::info, "rolling back failed");
  }
  return failure;
}

DeliveryFailure PostgresDestination::fail(const SqlError& error, Phase phase) {
  const Verdict verdict = classify(error.sqlstate, error.message, phase);
  DeliveryFailure failure;
  failure.delivery_class = verdict.delivery_class;
  failure.sqlstate = error.sqlstate;
  failure.constraint = error.constraint;
  failure.message = without_values(error.sqlstate, error.message);
  failure.in_doubt = verdict.in_doubt;
  failure.slow_start = verdict.slow_start;
  // The tables may have been dropped, and made again by the time of the next try.
  if (is_schema_failure(error.sqlstate) || verdict.delivery_class == DeliveryClass::config)
    schema_ready_ = false;
  if (session_ && (verdict.drop_session || error.session_dead)) {
    failure.session_lost = true;
    failure.session_had_lived = session_has_lived_;
    drop_session(LogLevel::info, "failed: " + failure.message);
  }
  return failure;
}

void PostgresDestination::drop_session(LogLevel level, const std::string& reason) {
  session_.reset();
  log_({level, "destination_closed", "Closed the connection to Postgres.", {{"reason", reason}}});
}

bool PostgresDestination::connected() const {
  return session_ && session_->looks_alive();
}

void PostgresDestination::close() {
  if (session_) drop_session(LogLevel::info, "idle");
}

}  // namespace holdfast::postgres
