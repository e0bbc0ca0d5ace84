#include <cerrno>
#include <cstring>
#include <format>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/admin_client.hpp"
#include "cli/app.hpp"
#include "cli/import_lines.hpp"
#include "cli/outbox_place.hpp"
#include "cli/output.hpp"
#include "cli/terminal.hpp"

namespace holdfast::cli {
namespace {

using nlohmann::json;

constexpr std::size_t batch_entries_max = 500;
constexpr std::size_t batch_bytes_max = 32U * 1024 * 1024;
/// 32 MiB made durable on a slow disk, behind what else waits.
constexpr std::chrono::seconds batch_timeout{120};

struct Counts {
  std::uint64_t imported = 0;
  std::uint64_t duplicates = 0;
  std::uint64_t skipped = 0;
  std::uint64_t bad = 0;
};

/// Sends the entries of the lines that it is given, many in one request.
class Import {
 public:
  Import(const Config& config, Progress& progress) : config_(config), progress_(progress) {}

  /// False if the daemon cannot take any more; the reason was printed.
  [[nodiscard]] bool take(const ImportLine& line) {
    progress_.add(1);
    if (line.text.empty() && !line.too_long) return true;
    auto entry = line.too_long ? std::unexpected(std::string("it is longer than any entry"))
                               : read_import_line(line.text);
    if (!entry) {
      bad_line(line.number, entry.error());
      return true;
    }
    if (entry->skipped) {
      ++counts_.skipped;
      return true;
    }
    const bool fits = bytes_ + entry->document.size() <= batch_bytes_max;
    if (!batch_.empty() && (!fits || batch_.size() >= batch_entries_max) && !flush()) return false;
    bytes_ += entry->document.size();
    batch_.push_back({line.number, std::move(entry->document)});
    return true;
  }

  [[nodiscard]] bool flush() {
    const auto batch = std::exchange(batch_, {});
    bytes_ = 0;
    if (batch.empty()) return true;
    const auto done = send(batch);
    if (done) return true;
    // One of them is at fault: each alone, so that only that one is refused.
    const bool blames_entries = done.error().status == 400 || done.error().status == 413;
    if (!blames_entries) return give_up(done.error());
    for (const auto& entry : batch) {
      const auto alone = send({&entry, 1});
      if (alone) continue;
      if (alone.error().status != 400 && alone.error().status != 413) return give_up(alone.error());
      bad_line(entry.line, alone.error().message);
    }
    return true;
  }

  [[nodiscard]] const Counts& counts() const { return counts_; }

 private:
  struct Waiting {
    std::uint64_t line = 0;
    std::string document;
  };

  std::expected<void, AdminRefusal> send(std::span<const Waiting> entries) {
    std::string body = R"({"entries":[)";
    for (const auto& entry : entries)
      body += (&entry == entries.data() ? "" : ",") + entry.document;
    body += "]}";
    const auto done = admin_post(config_, "/api/v1/entries/import", body, batch_timeout);
    if (!done) return std::unexpected(done.error());
    const auto count = [&](const char* key) {
      const auto found = done->find(key);
      return found != done->end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
    };
    counts_.imported += count("imported");
    counts_.duplicates += count("duplicates");
    return {};
  }

  void bad_line(std::uint64_t number, std::string_view cause) {
    progress_.clear();
    print_error(std::format("line {}: {}", number, cause));
    ++counts_.bad;
  }

  bool give_up(const AdminRefusal& refusal) {
    progress_.clear();
    print_error(refusal.status == 0 ? refusal.message
                                    : std::format("importing entries: {}", refusal.message));
    print_error(
        "the rest of the file was not sent; run the same import again, which skips what is there");
    return false;
  }

  const Config& config_;
  Progress& progress_;
  std::vector<Waiting> batch_;
  std::size_t bytes_ = 0;
  Counts counts_;
};

using Stream = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

Stream open_input(const std::string& file) {
  if (file == "-") return {stdin, [](std::FILE*) { return 0; }};
  return {std::fopen(file.c_str(), "re"), &std::fclose};
}

int import_entries(const Context& context, const std::string& outbox_path,
                   const std::string& file) {
  if (!outbox_path.empty())
    throw UsageError(
        "--outbox: import goes through the running daemon of the configuration, which knows its "
        "own file; leave it out");
  const auto config = load_config(context);
  if (!config) return config.error();
  const Stream stream = open_input(file);
  const auto unreadable = [&] {
    print_error(std::format("reading {}: {}; name a file that \"outbox export\" has written", file,
                            std::strerror(errno)));
    return exit_failed;
  };
  if (!stream) return unreadable();
  Progress progress(context.clock, "importing");
  Import import(*config, progress);
  LineReader lines(stream.get());
  bool taken = true;
  for (auto line = lines.next(); taken && line; line = lines.next()) taken = import.take(*line);
  const bool unread = lines.failed();
  if (unread) static_cast<void>(unreadable());
  taken = taken && import.flush();
  progress.clear();
  const auto& counts = import.counts();
  print(std::format(
      "{} imported, {} there already, {} skipped (delivered or discarded), {} bad "
      "line{}\n",
      counts.imported, counts.duplicates, counts.skipped, counts.bad, counts.bad == 1 ? "" : "s"));
  return taken && !unread && counts.bad == 0 ? exit_good : exit_failed;
}

}  // namespace

void add_outbox_import(CLI::App& outbox, Context& context, const SharedPath& path) {
  const auto file = std::make_shared<std::string>();
  auto* command = outbox
                      .add_subcommand("import",
                                      "Append the pending and dead entries of an export, under new "
                                      "ids; a second import of the same adds nothing")
                      ->fallthrough();
  command->add_option("FILE", *file, "What \"outbox export\" has written; - reads standard input")
      ->required();
  command->callback([file, path, &context] {
    context.command = [file, path, &context] { return import_entries(context, *path, *file); };
  });
}

}  // namespace holdfast::cli
