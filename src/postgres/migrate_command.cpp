#include <format>

#include "postgres/interrupt.hpp"
#include "postgres/migrations.hpp"

/// `holdfast migrate`: the same steps as the relay's, on a session of its own.
namespace holdfast::postgres {
namespace {

Failure failure_of(std::string_view doing, const SqlError& error, Phase phase) {
  const auto verdict = classify(error.sqlstate, error.message, phase);
  const bool refused = verdict.delivery_class == DeliveryClass::config ||
                       verdict.delivery_class == DeliveryClass::quota ||
                       verdict.delivery_class == DeliveryClass::defect;
  const std::string code = error.sqlstate.empty() ? "" : std::format(" ({})", error.sqlstate);
  return {
      refused ? FailureKind::refused : FailureKind::unavailable,
      std::format("{}: {}{}; {}", doing, error.message, code,
                  refused ? "check destination.url, the role's privileges and destination.schema"
                          : "try again when Postgres can be reached")};
}

/// Opens a session and runs a function on it.
template <class F>
auto with_session(std::string_view doing, const DestinationConfig& config, const Clock& clock,
                  F&& function)
    -> std::expected<
        typename decltype(function(std::declval<Session&>(), SteadyTime{}))::value_type, Failure> {
  const auto conninfo = parse_conninfo(config);
  if (!conninfo) return std::unexpected(conninfo.error());
  const Interrupt never;
  auto session = Session::open(*conninfo, clock, never);
  if (!session)
    return std::unexpected(failure_of("connecting to Postgres", session.error(), Phase::connect));
  auto result = function(*session, clock.steady_now() + config.deliver_timeout);
  if (!result) return std::unexpected(failure_of(doing, result.error(), Phase::query));
  return std::move(*result);
}

}  // namespace

std::expected<std::vector<Migration>, Failure> plan_migrations(const DestinationConfig& config,
                                                               const Clock& clock) {
  return with_session("planning migrations", config, clock,
                      [&](Session& session, SteadyTime deadline) {
                        return pending_migrations(session, config.schema, deadline);
                      });
}

std::expected<std::vector<std::string>, Failure> apply_migrations(const DestinationConfig& config,
                                                                  const Clock& clock) {
  return with_session("applying migrations", config, clock,
                      [&](Session& session, SteadyTime deadline) {
                        return ensure_schema(session, {config.schema, true}, clock, deadline);
                      });
}

}  // namespace holdfast::postgres
