#include <format>
#include <nlohmann/json.hpp>

#include "cli/app.hpp"
#include "cli/destination_check.hpp"
#include "cli/output.hpp"
#include "config/load.hpp"
#include "config/masked.hpp"
#include "postgres/statement_check.hpp"

namespace holdfast::cli {
namespace {

struct Options {
  bool show = false;
  bool json = false;
  bool database = false;
};

/// All that validate found. A failure is no fault of the configuration: nobody could be asked.
struct Findings {
  std::vector<config::ConfigError> errors;
  std::vector<ConfigWarning> warnings;
  std::string failure;
  [[nodiscard]] int exit_code() const {
    if (!errors.empty()) return exit_usage;
    return failure.empty() ? exit_good : exit_failed;
  }
};

/// Source, number, line and SQLSTATE of a statement that the server refused.
config::ConfigError to_error(const postgres::StatementFault& fault) {
  return {fault.line,
          std::format("source[{}].write[{}].statement", fault.source, fault.statement - 1),
          std::format("Postgres refuses statement {} of source {}: {} (SQLSTATE {})",
                      fault.statement, fault.source, fault.message, fault.sqlstate)};
}

void ask_database(const Config& config, const Clock& clock, Findings& findings) {
  if (config.destination.url.empty()) {
    findings.errors.push_back({config.destination.url_line, "destination.url",
                               "is empty, so that there is no database to ask; set it, or leave "
                               "--database out"});
    return;
  }
  const auto faults = postgres::check_statements(config.destination, config.sources, clock);
  if (!faults) {
    findings.failure = faults.error().message;
    return;
  }
  for (const auto& fault : *faults) findings.errors.push_back(to_error(fault));
}

Findings check(const std::expected<Config, config::ConfigErrors>& config, const Clock& clock,
               bool database) {
  Findings findings;
  if (!config) {
    findings.errors = config.error().list;
    return findings;
  }
  findings.warnings = config->warnings;
  if (const auto fault = destination_fault(*config))
    findings.errors.push_back({config->destination.url_line, "destination.url", fault->message});
  else if (database)
    ask_database(*config, clock, findings);
  return findings;
}

void print_json(const std::string& origin, std::size_t sources, const Findings& findings) {
  const auto list = [](const auto& items) {
    auto array = nlohmann::ordered_json::array();
    for (const auto& item : items)
      array.push_back({{"line", item.line}, {"key", item.key}, {"message", item.message}});
    return array;
  };
  nlohmann::ordered_json document;
  document["file"] = origin;
  document["ok"] = findings.exit_code() == exit_good;
  document["sources"] = sources;
  document["errors"] = list(findings.errors);
  document["warnings"] = list(findings.warnings);
  if (!findings.failure.empty()) document["failure"] = findings.failure;
  print(document.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n');
}

int validate(const Context& context, const Options& options) {
  const auto config = config::load_chosen(context.config_path);
  const auto findings = check(config, context.clock, options.database);
  const std::string& origin = config ? config->origin : config.error().origin;
  const std::size_t sources = config ? config->sources.size() : 0;
  if (options.json) {
    print_json(origin, sources, findings);
    return findings.exit_code();
  }
  for (const auto& warning : findings.warnings)
    print_error(config::to_warning_line(origin, warning));
  for (const auto& error : findings.errors) print_error(config::to_line(origin, error));
  if (!findings.failure.empty()) print_error(findings.failure);
  if (findings.exit_code() != exit_good) return findings.exit_code();
  if (options.show)
    print(config::to_masked_toml(*config));
  else
    print(
        std::format("{}: ok ({} source{})\n", printable(origin), sources, sources == 1 ? "" : "s"));
  return exit_good;
}

}  // namespace

void add_validate(CLI::App& app, Context& context) {
  const auto options = std::make_shared<Options>();
  auto* command =
      app.add_subcommand("validate",
                         "Check the configuration and list everything that is wrong with it")
          ->fallthrough();
  auto* show =
      command->add_flag("--show", options->show,
                        "Print the configuration in force, defaults included, secrets masked");
  command->add_flag("--json", options->json, "Print the result as JSON")->excludes(show);
  command->add_flag("--database", options->database,
                    "Also ask Postgres whether it would run each statement; runs none");
  command->callback([options, &context] {
    context.command = [options, &context] { return validate(context, *options); };
  });
}

}  // namespace holdfast::cli
