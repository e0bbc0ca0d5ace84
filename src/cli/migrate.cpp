#include <format>
#include <nlohmann/json.hpp>

#include "cli/app.hpp"
#include "cli/output.hpp"
#include "postgres/migrations.hpp"

namespace holdfast::cli {
namespace {

/// The destination of the configuration; the value of an error is the exit code.
std::expected<DestinationConfig, int> load_destination(const Context& context) {
  auto config = load_config(context);
  if (!config) return std::unexpected(config.error());
  if (!config->destination.url.empty()) return std::move(config->destination);
  print_error("migrating Postgres: no destination is configured; set destination.url");
  return std::unexpected(exit_usage);
}

int plan(const Context& context, bool json) {
  const auto destination = load_destination(context);
  if (!destination) return destination.error();
  const auto pending = postgres::plan_migrations(*destination, context.clock);
  if (!pending) {
    print_error(pending.error().message);
    return exit_failed;
  }
  if (json) {
    nlohmann::ordered_json document;
    document["pending"] = nlohmann::ordered_json::array();
    for (const auto& step : *pending)
      document["pending"].push_back(
          {{"name", step.name}, {"sha256", step.sha256}, {"sql", step.sql}});
    print(document.dump(2) + '\n');
    return exit_good;
  }
  if (pending->empty()) print("Nothing to do: Postgres has every migration of this version.\n");
  for (const auto& step : *pending) print(std::format("-- {}\n{}\n", step.name, step.sql));
  return exit_good;
}

int apply(const Context& context, bool json) {
  const auto destination = load_destination(context);
  if (!destination) return destination.error();
  const auto applied = postgres::apply_migrations(*destination, context.clock);
  if (!applied) {
    print_error(applied.error().message);
    return exit_failed;
  }
  if (json) {
    print(nlohmann::ordered_json{{"applied", *applied}}.dump(2) + '\n');
    return exit_good;
  }
  if (applied->empty()) print("Nothing to do: Postgres has every migration of this version.\n");
  for (const auto& name : *applied) print(std::format("applied {}\n", name));
  return exit_good;
}

}  // namespace

void add_migrate(CLI::App& app, Context& context) {
  auto* family = app.add_subcommand("migrate", "Look at or make Holdfast's tables in Postgres");
  family->fallthrough()->require_subcommand(1);
  const auto add = [&](const char* name, const char* text, int (*run)(const Context&, bool)) {
    const auto json = std::make_shared<bool>(false);
    auto* command = family->add_subcommand(name, text)->fallthrough();
    command->add_flag("--json", *json, "Print the result as JSON");
    command->callback([json, run, &context] {
      context.command = [json, run, &context] { return run(context, *json); };
    });
  };
  add("plan", "Print the SQL that apply would run; changes nothing", plan);
  add("apply", "Make what is missing, in one transaction", apply);
}

}  // namespace holdfast::cli
