#include "postgres/command_session.hpp"
#include "postgres/migrations.hpp"

/// `holdfast migrate`: the same steps as the relay's, on a session of its own.
namespace holdfast::postgres {

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
