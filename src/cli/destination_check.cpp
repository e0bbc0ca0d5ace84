#include "cli/destination_check.hpp"

#include "postgres/destination.hpp"

namespace holdfast::cli {

std::optional<Failure> destination_fault(const Config& config) {
  if (config.destination.url.empty()) return std::nullopt;
  const SystemClock clock;
  const auto created = postgres::PostgresDestination::create(config.destination, config.sources,
                                                             Uuid{}, clock, [](const LogEvent&) {});
  if (created) return std::nullopt;
  return created.error();
}

}  // namespace holdfast::cli
