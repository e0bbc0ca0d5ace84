#include <algorithm>
#include <format>

#include "cli/app.hpp"
#include "cli/outbox_place.hpp"
#include "cli/output.hpp"

namespace holdfast::cli {

std::optional<bool> OutboxPlace::held(const EntrySummary& entry) const {
  if (!sources) return std::nullopt;
  return entry.state == EntryState::pending && !std::ranges::contains(*sources, entry.source);
}

std::expected<OutboxPlace, int> find_place(const Context& context, const std::string& outbox_path) {
  if (!outbox_path.empty() && !context.config_path) return OutboxPlace{outbox_path, std::nullopt};
  const auto config = load_config(context);
  if (!config) {
    print_error(
        "the outbox can be read without a configuration: add --outbox FILE, without --config");
    return std::unexpected(config.error());
  }
  OutboxPlace place{outbox_path.empty() ? config->outbox.path : outbox_path,
                    std::vector<std::string>{}};
  for (const auto& source : config->sources) place.sources->push_back(source.name);
  return place;
}

Uuid parse_id(const std::string& text) {
  const auto id = Uuid::parse(text);
  if (!id)
    throw UsageError(
        std::format("{}: this is no id; copy one from \"holdfast outbox list\"", printable(text)));
  return *id;
}

int report(const Failure& failure) {
  print_error(failure.message);
  return exit_failed;
}

void add_outbox(CLI::App& app, Context& context) {
  const auto path = std::make_shared<std::string>();
  auto* outbox = app.add_subcommand("outbox", "Look into the outbox, and decide about dead entries")
                     ->fallthrough()
                     ->require_subcommand(1);
  outbox
      ->add_option("--outbox", *path,
                   "The file to read; else outbox.path of the configuration. Without --config no "
                   "configuration is read. list, show and export only")
      ->type_name("FILE")
      ->check(not_empty());
  // Inherited by the commands below, whose help does not list the options of their parents.
  outbox->footer("Takes --outbox FILE and --config FILE, too: \"holdfast outbox --help\"\n" +
                 app.get_footer());
  add_outbox_list(*outbox, context, path);
  add_outbox_show(*outbox, context, path);
  add_outbox_export(*outbox, context, path);
  // These go through the daemon, which alone may write.
  outbox->footer("Takes --config FILE, too: \"holdfast outbox --help\"\n" + app.get_footer());
  add_outbox_changes(*outbox, context, path);
  add_outbox_import(*outbox, context, path);
  outbox->footer(
      "list, show and export read the file, read-only, whether a daemon runs or not.\n"
      "retry, discard, replay, erase and import ask the running daemon of the configuration.\n" +
      app.get_footer());
}

}  // namespace holdfast::cli
