#include <format>
#include <nlohmann/json.hpp>

#include "cli/app.hpp"
#include "cli/output.hpp"
#include "config/load.hpp"
#include "config/masked.hpp"
#include "config/masked_json.hpp"

namespace holdfast::cli {
namespace {

int show_config(const Context& context, bool json) {
  const auto config = load_config(context);
  if (!config) return config.error();
  if (json) {
    nlohmann::ordered_json document;
    document["file"] = config->origin;
    document.update(nlohmann::ordered_json(config::to_masked_json(*config)));
    print(document.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n');
    return exit_good;
  }
  for (const auto& warning : config->warnings)
    print_error(config::to_warning_line(config->origin, warning));
  print(std::format("# In force, from {}; \"***\" stands for a secret.\n{}",
                    printable(config->origin), config::to_masked_toml(*config)));
  return exit_good;
}

}  // namespace

void add_config(CLI::App& app, Context& context) {
  const auto json = std::make_shared<bool>(false);
  auto* command =
      app.add_subcommand("config",
                         "Print the configuration in force, defaults included, secrets masked")
          ->fallthrough();
  command->add_flag("--json", *json, "Print as JSON");
  command->callback([json, &context] {
    context.command = [json, &context] { return show_config(context, *json); };
  });
}

}  // namespace holdfast::cli
