#include <format>
#include <nlohmann/json.hpp>

#include "cli/app.hpp"
#include "cli/destination_check.hpp"
#include "cli/output.hpp"
#include "config/load.hpp"
#include "config/masked.hpp"

namespace holdfast::cli {
namespace {

int validate_as_json(const Context& context) {
  const auto config = config::load_chosen(context.config_path);
  nlohmann::ordered_json document;
  document["file"] = config ? config->origin : config.error().origin;
  const auto fault = config ? destination_fault(*config) : std::nullopt;
  document["ok"] = config.has_value() && !fault;
  document["sources"] = config ? config->sources.size() : 0;
  document["errors"] = nlohmann::ordered_json::array();
  if (!config) {
    for (const auto& error : config.error().list)
      document["errors"].push_back(
          {{"line", error.line}, {"key", error.key}, {"message", error.message}});
  }
  if (fault)
    document["errors"].push_back({{"line", config->destination.url_line},
                                  {"key", "destination.url"},
                                  {"message", fault->message}});
  print(document.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n');
  return document["ok"] == true ? exit_good : exit_usage;
}

int validate(const Context& context, bool show) {
  const auto config = load_config(context);
  if (!config) return config.error();
  if (show) {
    print(config::to_masked_toml(*config));
    return exit_good;
  }
  const std::size_t count = config->sources.size();
  print(std::format("{}: ok ({} source{})\n", printable(config->origin), count,
                    count == 1 ? "" : "s"));
  return exit_good;
}

}  // namespace

void add_validate(CLI::App& app, Context& context) {
  struct Options {
    bool show = false;
    bool json = false;
  };
  const auto options = std::make_shared<Options>();
  auto* command =
      app.add_subcommand("validate",
                         "Check the configuration and list everything that is wrong with it")
          ->fallthrough();
  auto* show =
      command->add_flag("--show", options->show,
                        "Print the configuration in force, defaults included, secrets masked");
  command->add_flag("--json", options->json, "Print the result as JSON")->excludes(show);
  command->callback([options, &context] {
    context.command = [options, &context] {
      return options->json ? validate_as_json(context) : validate(context, options->show);
    };
  });
}

}  // namespace holdfast::cli
