#include "cli/destination_check.hpp"

#include "config/load.hpp"
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

std::expected<Config, config::ConfigErrors> load_checked(const std::optional<std::string>& chosen) {
  auto config = config::load_chosen(chosen);
  if (!config) return config;
  const auto fault = destination_fault(*config);
  if (!fault) return config;
  return std::unexpected(config::ConfigErrors{
      config->origin, {{config->destination.url_line, "destination.url", fault->message}}});
}

}  // namespace holdfast::cli
