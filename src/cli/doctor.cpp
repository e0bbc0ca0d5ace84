#include "cli/doctor.hpp"

#include <algorithm>
#include <array>
#include <format>
#include <nlohmann/json.hpp>

#include "cli/app.hpp"
#include "cli/destination_check.hpp"
#include "cli/output.hpp"

namespace holdfast::cli {
namespace {

/// So that the WAL is not held longer than a page of a list holds it.
constexpr std::chrono::milliseconds integrity_limit{900};
constexpr std::size_t name_columns = 18;

struct DoctorOptions {
  bool json = false;
  bool offline = false;
  bool full = false;
};

constexpr std::array<std::string_view, 4> verdict_words{"ok", "warn", "fail", "skip"};
constexpr std::array<std::string_view, 4> verdict_colours{"32", "33", "31", "2"};

std::string_view word_of(Verdict verdict) {
  return verdict_words.at(static_cast<std::size_t>(verdict));
}

std::string line_of(const Check& check, const Style& style) {
  std::string word = pad(word_of(check.verdict), 5);
  if (style.colour)
    word = std::format("\x1b[{}m{}\x1b[0m",
                       verdict_colours.at(static_cast<std::size_t>(check.verdict)), word);
  std::string line = word + ' ' + pad(check.name, name_columns) + printable(check.found) + '\n';
  if (!check.cure.empty())
    line += std::string(6, ' ') + pad("  cure", name_columns) + printable(check.cure) + '\n';
  return line;
}

std::string summary_of(const Checks& checks) {
  std::array<std::size_t, 4> counts{};
  for (const auto& check : checks) ++counts.at(static_cast<std::size_t>(check.verdict));
  std::string text;
  for (std::size_t i = 0; i < counts.size(); ++i)
    if (counts.at(i) > 0)
      text += std::format("{}{} {}", text.empty() ? "" : ", ", counts.at(i), verdict_words.at(i));
  return text + '\n';
}

std::string json_of(const Checks& checks, bool good) {
  nlohmann::ordered_json document;
  document["ok"] = good;
  document["checks"] = nlohmann::ordered_json::array();
  for (const auto& check : checks)
    document["checks"].push_back(
        {{"name", check.name},
         {"verdict", word_of(check.verdict)},
         {"found", check.found},
         {"cure", check.cure.empty() ? nlohmann::ordered_json(nullptr)
                                     : nlohmann::ordered_json(check.cure)}});
  return document.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n';
}

/// The configuration, if the other checks can be made with it.
std::optional<Config> check_configuration(const Context& context, Checks& checks) {
  auto config = load_checked(context.config_path);
  if (!config) {
    for (const auto& error : config.error().list)
      checks.push_back({"configuration", Verdict::fail,
                        config::to_line(config.error().origin, error),
                        "mend it; \"holdfast validate\" checks it alone"});
    checks.push_back({"all else", Verdict::skipped, "needs a configuration", ""});
    return std::nullopt;
  }
  prefer_token(context, *config);
  checks.push_back({"configuration", Verdict::ok,
                    std::format("{}, {} source{}", config->origin, config->sources.size(),
                                config->sources.size() == 1 ? "" : "s"),
                    ""});
  for (const auto& warning : config->warnings)
    checks.push_back({"configuration", Verdict::warn, warning.key + ": " + warning.message,
                      std::format("see line {} of {}", warning.line, config->origin)});
  return *std::move(config);
}

void check_all_else(const Config& config, const Clock& clock, const DoctorOptions& options,
                    Checks& checks) {
  check_disk(config, clock, options.full ? std::nullopt : std::optional(integrity_limit), checks);
  check_daemon(config, checks);
  if (options.offline) {
    checks.push_back({"Postgres", Verdict::skipped, "not asked, as --offline wants it", ""});
  } else {
    if (!options.json && !config.destination.url.empty())
      print_error("asking Postgres, which wakes a database that sleeps; --offline leaves it out");
    check_postgres(config, clock, checks);
  }
}

int doctor(const Context& context, const DoctorOptions& options) {
  Checks checks;
  const auto config = check_configuration(context, checks);
  if (config) check_all_else(*config, context.clock, options, checks);
  const bool good = std::ranges::none_of(
      checks, [](const Check& check) { return check.verdict == Verdict::fail; });
  if (options.json) {
    print(json_of(checks, good));
  } else {
    const auto style = output_style();
    for (const auto& check : checks) print(line_of(check, style));
    print(summary_of(checks));
  }
  if (!config) return exit_usage;
  return good ? exit_good : exit_failed;
}

}  // namespace

void add_doctor(CLI::App& app, Context& context) {
  const auto options = std::make_shared<DoctorOptions>();
  auto* command =
      app.add_subcommand(
             "doctor",
             "Measure and check disk, outbox, daemon and Postgres, with a cure for each "
             "finding")
          ->fallthrough();
  command->add_flag("--offline", options->offline,
                    "Leave Postgres alone: a database that sleeps is not woken");
  command->add_flag("--full", options->full,
                    "Read the whole outbox for damage, however long that takes; without it, for a "
                    "second. The WAL cannot be emptied meanwhile");
  command->add_flag("--json", options->json, "Print as JSON");
  command->footer("Exit codes: 0 nothing failed, 1 something did, 2 usage or configuration");
  command->callback([options, &context] {
    context.command = [options, &context] { return doctor(context, *options); };
  });
}

}  // namespace holdfast::cli
