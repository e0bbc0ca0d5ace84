#include <unistd.h>

#include <algorithm>
#include <format>

#include "base/cursor.hpp"
#include "base/entry_json.hpp"
#include "cli/app.hpp"
#include "cli/entry_text.hpp"
#include "cli/outbox_request.hpp"
#include "cli/output.hpp"
#include "holdfast/outbox_reader.hpp"

namespace holdfast::cli {
namespace {

/// The file to read, and the sources that are configured, if that is known.
struct Place {
  std::string path;
  std::optional<std::vector<std::string>> sources;

  [[nodiscard]] std::optional<bool> held(const EntrySummary& entry) const {
    if (!sources) return std::nullopt;
    return entry.state == EntryState::pending && !std::ranges::contains(*sources, entry.source);
  }
};

/// With --outbox alone no configuration is read: the file must be readable even where the variables
/// of the daemon are not set.
std::expected<Place, int> find_place(const Context& context, const std::string& outbox_path) {
  if (!outbox_path.empty() && !context.config_path) return Place{outbox_path, std::nullopt};
  const auto config = load_config(context);
  if (!config) {
    print_error(
        "the outbox can be read without a configuration: add --outbox FILE, without --config");
    return std::unexpected(config.error());
  }
  Place place{outbox_path.empty() ? config->outbox.path : outbox_path, std::vector<std::string>{}};
  for (const auto& source : config->sources) place.sources->push_back(source.name);
  return place;
}

int report(const Failure& failure) {
  print_error(failure.message);
  return exit_failed;
}

/// True if something comes after the last of a full page.
std::expected<bool, Failure> has_more(OutboxReader& reader, ListRequest request,
                                      std::span<const EntrySummary> page) {
  if (page.size() < request.limit) return false;
  request.beyond_seq = page.back().seq;
  request.limit = 1;
  return reader.list(request).transform([](const auto& rest) { return !rest.empty(); });
}

int list(const Context& context, const std::string& outbox_path, const ListArguments& arguments,
         bool as_json) {
  const auto request = list_request(arguments, context.clock.wall_now());
  const auto place = find_place(context, outbox_path);
  if (!place) return place.error();
  auto reader = OutboxReader::open(place->path);
  if (!reader) return report(reader.error());
  const auto entries = reader->list(request);
  if (!entries) return report(entries.error());
  const auto more = has_more(*reader, request, *entries);
  if (!more) return report(more.error());
  const std::string next =
      *more ? base::to_text(base::Cursor{request.oldest_first, entries->back().seq,
                                         base::filters_digest(request)})
            : std::string();
  if (as_json) {
    nlohmann::ordered_json document{{"entries", nlohmann::ordered_json::array()}};
    for (const auto& entry : *entries)
      document["entries"].push_back(base::summary_json(entry, place->held(entry)));
    document["next_cursor"] =
        next.empty() ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(next);
    print(base::document_text(document));
    return exit_good;
  }
  const auto held = [&](const EntrySummary& entry) { return place->held(entry).value_or(false); };
  print(list_text(*entries, held, output_style()));
  if (!next.empty()) print(std::format("more: add --cursor {}\n", next));
  return exit_good;
}

/// The body alone: as it was received to a pipe or file, made harmless to a terminal.
int print_body(const Entry& entry) {
  if (!entry.payload_kept) {
    print_error(std::format("printing the body of {}: retention removed it; its receipt is left",
                            entry.id.to_string()));
    return exit_failed;
  }
  print(isatty(STDOUT_FILENO) != 0 ? printable_lines(entry.body) : entry.body);
  return exit_good;
}

int show(const Context& context, const std::string& outbox_path, const std::string& id_text,
         bool as_json, bool body) {
  const auto id = Uuid::parse(id_text);
  if (!id) throw UsageError("ID: this is no id; copy one from \"holdfast outbox list\"");
  const auto place = find_place(context, outbox_path);
  if (!place) return place.error();
  auto reader = OutboxReader::open(place->path);
  if (!reader) return report(reader.error());
  const auto found = reader->find(*id);
  if (!found) return report(found.error());
  if (!*found) {
    print_error(std::format("looking for {}: {} has no such entry; retention may have removed it",
                            id->to_string(), place->path));
    return exit_failed;
  }
  const Entry& entry = **found;
  if (body) return print_body(entry);
  print(as_json ? base::document_text(base::entry_json(entry, place->held(entry)))
                : entry_text(entry, place->held(entry).value_or(false)));
  return exit_good;
}

void add_list(CLI::App& outbox, Context& context, const std::shared_ptr<std::string>& path) {
  struct Options {
    ListArguments arguments;
    bool json = false;
  };
  const auto options = std::make_shared<Options>();
  auto& arguments = options->arguments;
  auto* command =
      outbox.add_subcommand("list", "List entries, without their payload")->fallthrough();
  command->add_option("--state", arguments.state, "Only those in this state")
      ->check(CLI::IsMember({"pending", "delivered", "dead", "discarded"}));
  command->add_option("--source", arguments.source, "Only those of this source")->type_name("NAME");
  command->add_option("--key", arguments.key, "Only the one with this dedupe key")
      ->type_name("KEY");
  command
      ->add_option("--sqlstate", arguments.sqlstate,
                   "Only those that failed with it, such as 23514")
      ->type_name("CODE");
  command
      ->add_option("--since", arguments.since,
                   "Received then or later: RFC 3339, or 24h for a day ago")
      ->type_name("TIME");
  command->add_option("--until", arguments.until, "Received before: the same forms")
      ->type_name("TIME");
  auto* order = command->add_option("--order", arguments.order, "Which come first")
                    ->check(CLI::IsMember({"newest", "oldest"}))
                    ->capture_default_str();
  command->add_option("--limit", arguments.limit, "How many at the most")
      ->check(CLI::Range(std::uint32_t{1}, list_limit_max))
      ->capture_default_str();
  command->add_option("--cursor", arguments.cursor, "Go on where the page before ended")
      ->type_name("CURSOR");
  command->add_flag("--json", options->json, "Print as JSON");
  command->callback([options, order, path, &context] {
    options->arguments.order_given = order->count() > 0;
    context.command = [options, path, &context] {
      return list(context, *path, options->arguments, options->json);
    };
  });
}

void add_show(CLI::App& outbox, Context& context, const std::shared_ptr<std::string>& path) {
  struct Options {
    std::string id;
    bool json = false;
    bool body = false;
  };
  const auto options = std::make_shared<Options>();
  auto* command =
      outbox.add_subcommand("show", "Show one entry with its headers and attempts")->fallthrough();
  command->add_option("ID", options->id, "Id of the entry")->required();
  auto* json = command->add_flag("--json", options->json, "Print as JSON, with the body");
  command
      ->add_flag("--body", options->body,
                 "Print the body alone; to a pipe or file byte for byte as received")
      ->excludes(json);
  command->callback([options, path, &context] {
    context.command = [options, path, &context] {
      return show(context, *path, options->id, options->json, options->body);
    };
  });
}

}  // namespace

void add_outbox(CLI::App& app, Context& context) {
  const auto path = std::make_shared<std::string>();
  auto* outbox = app.add_subcommand("outbox", "Look into the outbox file, read-only, at any time")
                     ->fallthrough()
                     ->require_subcommand(1);
  outbox
      ->add_option(
          "--outbox", *path,
          "The file; else outbox.path of the configuration. Without --config no configuration "
          "is read")
      ->type_name("FILE");
  // Inherited by the commands below, whose help does not list the options of their parents.
  outbox->footer("Takes --outbox FILE and --config FILE, too: \"holdfast outbox --help\"\n" +
                 app.get_footer());
  add_list(*outbox, context, path);
  add_show(*outbox, context, path);
}

}  // namespace holdfast::cli
