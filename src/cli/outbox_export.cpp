#include <format>

#include "base/entry_json.hpp"
#include "cli/app.hpp"
#include "cli/outbox_filters.hpp"
#include "cli/outbox_place.hpp"
#include "cli/output.hpp"
#include "cli/output_file.hpp"
#include "cli/terminal.hpp"
#include "holdfast/outbox_reader.hpp"

namespace holdfast::cli {
namespace {

/// One document a line. Bytes that are not UTF-8, which only a damaged file has, are replaced.
std::string line_of(const Entry& entry, std::optional<bool> held) {
  return base::entry_json(entry, held)
             .dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) +
         '\n';
}

/// What is written, page by page. Each page and each entry is a read of its own: the outbox is
/// never held while the output is written, however slow its reader is.
class Export {
 public:
  Export(OutboxReader& reader, const OutboxPlace& place, OutputFile& output, Progress& progress)
      : reader_(reader), place_(place), output_(output), progress_(progress) {}

  std::expected<std::uint64_t, Failure> run(ListRequest request) {
    // What comes in meanwhile is not chased: the end is the newest entry of now.
    ListRequest last;
    last.limit = 1;
    const auto newest = reader_.list(last);
    if (!newest) return std::unexpected(newest.error());
    if (newest->empty()) return written_;
    const auto last_seq = newest->front().seq;
    request.oldest_first = true;
    request.limit = list_limit_max;
    for (;;) {
      const auto page = reader_.list(request);
      if (!page) return std::unexpected(page.error());
      for (const auto& entry : *page) {
        if (entry.seq > last_seq) return written_;
        if (auto done = write(entry); !done) return std::unexpected(done.error());
      }
      if (page->size() < request.limit) return written_;
      request.beyond_seq = page->back().seq;
    }
  }

 private:
  std::expected<void, Failure> write(const EntrySummary& summary) {
    const auto entry = reader_.find(summary.id);
    if (!entry) return std::unexpected(entry.error());
    // Retention has taken it since the page was read.
    if (!*entry) return {};
    if (auto done = output_.write(line_of(**entry, place_.held(**entry))); !done) return done;
    ++written_;
    progress_.add(1);
    return {};
  }

  OutboxReader& reader_;
  const OutboxPlace& place_;
  OutputFile& output_;
  Progress& progress_;
  std::uint64_t written_ = 0;
};

int export_entries(const Context& context, const std::string& outbox_path,
                   const ListArguments& arguments, const std::string& file) {
  const auto request = list_request(arguments, context.clock.wall_now());
  const auto place = find_place(context, outbox_path);
  if (!place) return place.error();
  auto reader = OutboxReader::open(place->path);
  if (!reader) return report(reader.error());
  auto output = OutputFile::open(file);
  if (!output) return report(output.error());
  Progress progress(context.clock, "exporting");
  const auto written = Export(*reader, *place, *output, progress).run(request);
  progress.clear();
  if (!written) return report(written.error());
  if (const auto finished = output->finish(); !finished) return report(finished.error());
  if (!file.empty() && file != "-")
    print(std::format("exported {} to {}\n",
                      *written == 1 ? "1 entry" : std::format("{} entries", *written),
                      printable(file)));
  return exit_good;
}

}  // namespace

void add_outbox_export(CLI::App& outbox, Context& context, const SharedPath& path) {
  struct Options {
    ListArguments arguments;
    std::string file;
    bool json = false;  ///< It is all that there is.
  };
  const auto options = std::make_shared<Options>();
  auto* command =
      outbox
          .add_subcommand("export",
                          "Write entries with their payload as JSON, one a line, oldest "
                          "first; \"import\" reads it")
          ->fallthrough();
  add_filter_options(*command, options->arguments);
  command
      ->add_option("-o,--output", options->file,
                   "Write to this file, of mode 0600; it is there whole or not at all, and takes "
                   "the place of an older one. Else standard output")
      ->type_name("FILE")
      ->check(not_empty());
  command->add_flag("--json", options->json, "Changes nothing: each line is JSON in any case");
  command->callback([options, path, &context] {
    context.command = [options, path, &context] {
      return export_entries(context, *path, options->arguments, options->file);
    };
  });
}

}  // namespace holdfast::cli
