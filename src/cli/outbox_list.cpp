#include <format>

#include "base/cursor.hpp"
#include "base/entry_json.hpp"
#include "cli/app.hpp"
#include "cli/entry_text.hpp"
#include "cli/outbox_filters.hpp"
#include "cli/outbox_place.hpp"
#include "cli/outbox_request.hpp"
#include "cli/output.hpp"
#include "holdfast/outbox_reader.hpp"

namespace holdfast::cli {
namespace {

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

}  // namespace

void add_outbox_list(CLI::App& outbox, Context& context, const SharedPath& path) {
  struct Options {
    ListArguments arguments;
    bool json = false;
  };
  const auto options = std::make_shared<Options>();
  auto& arguments = options->arguments;
  auto* command =
      outbox.add_subcommand("list", "List entries, without their payload")->fallthrough();
  add_filter_options(*command, arguments);
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

}  // namespace holdfast::cli
