#include "postgres/command_session.hpp"

#include <format>

namespace holdfast::postgres {

Failure command_failure(std::string_view doing, const SqlError& error, Phase phase) {
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

}  // namespace holdfast::postgres
