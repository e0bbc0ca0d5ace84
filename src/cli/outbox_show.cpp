#include <unistd.h>

#include <format>

#include "base/entry_json.hpp"
#include "cli/app.hpp"
#include "cli/entry_text.hpp"
#include "cli/outbox_place.hpp"
#include "cli/output.hpp"
#include "holdfast/outbox_reader.hpp"

namespace holdfast::cli {
namespace {

/// The body alone: as it was received to a pipe or file, made harmless to a terminal.
int print_body(const Entry& entry) {
  if (!entry.payload_kept) {
    print_error(std::format("printing the body of {}: it was removed; its receipt is left",
                            entry.id.to_string()));
    return exit_failed;
  }
  print(isatty(STDOUT_FILENO) != 0 ? printable_lines(entry.body) : entry.body);
  return exit_good;
}

int show(const Context& context, const std::string& outbox_path, const std::string& id_text,
         bool as_json, bool body) {
  const Uuid id = parse_id(id_text);
  const auto place = find_place(context, outbox_path);
  if (!place) return place.error();
  auto reader = OutboxReader::open(place->path);
  if (!reader) return report(reader.error());
  const auto found = reader->find(id);
  if (!found) return report(found.error());
  if (!*found) {
    print_error(std::format("looking for {}: {} has no such entry; retention may have removed it",
                            id.to_string(), place->path));
    return exit_failed;
  }
  const Entry& entry = **found;
  if (body) return print_body(entry);
  print(as_json ? base::document_text(base::entry_json(entry, place->held(entry)))
                : entry_text(entry, place->held(entry).value_or(false)));
  return exit_good;
}

}  // namespace

void add_outbox_show(CLI::App& outbox, Context& context, const SharedPath& path) {
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

}  // namespace holdfast::cli
