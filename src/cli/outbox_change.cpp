#include <algorithm>
#include <format>
#include <nlohmann/json.hpp>

#include "cli/admin_client.hpp"
#include "cli/app.hpp"
#include "cli/outbox_filters.hpp"
#include "cli/outbox_place.hpp"
#include "cli/output.hpp"
#include "cli/terminal.hpp"

/// What an operator decides about entries. All of it goes through the daemon, which alone may write
/// the outbox and writes down who changed what.
namespace holdfast::cli {
namespace {

using nlohmann::json;

/// Discarding one that is being delivered waits for its outcome: up to deliver_timeout and more.
constexpr std::chrono::seconds one_timeout{60};
/// Many are one commit each few hundred.
constexpr std::chrono::minutes many_timeout{5};

struct Verb {
  const char* name;
  const char* doing;
  const char* past;
  const char* help;
  const char* changed;      ///< What is said of one that was changed.
  const char* not_changed;  ///< And of one that was so already.
  /// By a filter without a state: what it is for, so that the count is that of what would change.
  std::string_view first_state;
  std::string_view second_state;
  bool by_filter = true;
};

constexpr Verb verbs[] = {
    {"retry", "retrying", "retried",
     "Make dead entries pending again, with their id and their place in the order",
     "is pending again", "is pending already; nothing was changed", "dead", ""},
    {"discard", "discarding", "discarded",
     "Never deliver pending or dead entries; what they hold is kept for outbox.keep_discarded",
     "is discarded", "is discarded already; nothing was changed", "pending", "dead"},
    {"replay", "replaying", "replayed",
     "Append copies under new ids, so that what they do in Postgres is done once more", "",
     "was not replayed", "", ""},
    {"erase", "erasing", "erased",
     "Remove body and headers of an entry for good; its receipt stays",
     "is erased; its receipt is left", "has no payload any more; nothing was changed", "", "",
     false},
};

struct ChangeOptions {
  std::vector<std::string> ids;
  ListArguments filters;
  bool dry_run = false;
  bool yes = false;
};

int refused(const Verb& verb, std::string_view what, const AdminRefusal& refusal) {
  // Without an answer the message says by itself what was tried.
  print_error(refusal.status == 0 ? refusal.message
                                  : std::format("{} {}: {}", verb.doing, what, refusal.message));
  return exit_failed;
}

std::uint64_t count_in(const json& document, const char* key) {
  const auto found = document.find(key);
  return found != document.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

bool change_one(const Config& config, const Verb& verb, const std::string& id) {
  const auto done =
      admin_post(config, std::format("/api/v1/entries/{}/{}", id, verb.name), "", one_timeout);
  if (!done) {
    static_cast<void>(refused(verb, id, done.error()));
    return false;
  }
  const bool changed = done->value("changed", false);
  const auto new_id = done->find("id");
  if (changed && new_id != done->end() && new_id->is_string())
    print(std::format("{} is replayed as {}\n", id, printable(new_id->get<std::string>())));
  else
    print(std::format("{} {}\n", id, changed ? verb.changed : verb.not_changed));
  return true;
}

int change_ids(const Config& config, const Verb& verb, const ChangeOptions& options) {
  // What is erased is gone; a script has named the id and means it.
  if (std::string_view(verb.name) == "erase" && !options.yes && can_ask() &&
      !ask(std::format("Erase body and headers of {} for good?",
                       options.ids.size() == 1 ? options.ids.front()
                                               : std::format("{} entries", options.ids.size())))) {
    print_error("nothing was changed");
    return exit_failed;
  }
  int code = exit_good;
  for (const auto& id : options.ids)
    if (!change_one(config, verb, Uuid::parse(id)->to_string())) code = exit_failed;
  return code;
}

struct Changed {
  std::uint64_t matched = 0;
  std::uint64_t changed = 0;
};

/// One request a state: pending before dead, since an entry may become the one from the other.
std::expected<Changed, AdminRefusal> change_matching(const Config& config, const Verb& verb,
                                                     const std::vector<std::string>& queries,
                                                     bool dry_run) {
  Changed sum;
  for (const auto& query : queries) {
    const auto done = admin_post(config,
                                 std::format("/api/v1/entries/{}?{}&dry_run={}", verb.name, query,
                                             dry_run ? "true" : "false"),
                                 "", many_timeout);
    if (!done) return std::unexpected(done.error());
    sum.matched += count_in(*done, "matched");
    sum.changed += count_in(*done, "changed");
  }
  return sum;
}

int change_filtered(const Config& config, const Verb& verb, const ChangeOptions& options,
                    WallTime now) {
  auto filters = options.filters;
  std::vector<std::string> queries;
  if (filters.state.empty() && !verb.second_state.empty()) {
    for (const auto state : {verb.first_state, verb.second_state}) {
      filters.state = state;
      queries.push_back(filter_query(filters, now));
    }
    filters.state = std::format("{} or {}", verb.first_state, verb.second_state);
  } else {
    if (filters.state.empty()) filters.state = verb.first_state;
    queries.push_back(filter_query(filters, now));
  }
  const auto call = [&](bool dry_run) { return change_matching(config, verb, queries, dry_run); };
  if (options.dry_run || !options.yes) {
    const auto seen = call(true);
    if (!seen) return refused(verb, "entries", seen.error());
    const auto what = filtered_text(seen->matched, filters);
    if (options.dry_run || seen->matched == 0) {
      print(std::format("{} would be {}\n", what, verb.past));
      return exit_good;
    }
    std::string question = std::format("{} {}?", verb.name, what);
    question.front() = static_cast<char>(question.front() - 'a' + 'A');
    if (!ask(question)) {
      print_error("nothing was changed");
      return exit_failed;
    }
  }
  const auto done = call(false);
  if (!done) return refused(verb, "entries", done.error());
  print(std::format("{} {}\n", filtered_text(done->changed, filters), verb.past));
  const auto left = done->matched - std::min(done->matched, done->changed);
  if (left > 0)
    print(std::format("{} more matched, but {} for this in {} state\n", left,
                      left == 1 ? "was not" : "were not", left == 1 ? "its" : "their"));
  return exit_good;
}

int change(const Context& context, const Verb& verb, const std::string& outbox_path,
           ChangeOptions options) {
  if (!outbox_path.empty())
    throw UsageError(std::format(
        "--outbox: {} goes through the running daemon of the configuration, which knows its own "
        "file; leave it out",
        verb.name));
  for (const auto& id : options.ids) static_cast<void>(parse_id(id));
  const bool filtered = has_filter(options.filters);
  if (options.ids.empty() && !filtered)
    throw UsageError(
        verb.by_filter
            ? "nothing is chosen; name an ID, or a filter such as --source NAME or --state dead"
            : "nothing is chosen; name an ID");
  if (!options.ids.empty() && (filtered || options.dry_run))
    throw UsageError("an ID excludes filters and --dry-run; leave out one or the other");
  if (filtered && !options.dry_run && !options.yes && !can_ask())
    throw UsageError(
        "without a terminal nobody can be asked; add --yes, and look first with --dry-run");
  const std::string& state = options.filters.state;
  if (!state.empty() && !verb.first_state.empty() && state != verb.first_state &&
      state != verb.second_state)
    throw UsageError(std::format(
        "--state: {} is for {}{}{} entries, and would change none that is {}", verb.name,
        verb.first_state, verb.second_state.empty() ? "" : " and ", verb.second_state, state));
  const auto config = load_config(context);
  if (!config) return config.error();
  if (!options.ids.empty()) return change_ids(*config, verb, options);
  return change_filtered(*config, verb, options, context.clock.wall_now());
}

void add_change(CLI::App& outbox, Context& context, const SharedPath& path, const Verb& verb) {
  const auto options = std::make_shared<ChangeOptions>();
  auto* command = outbox.add_subcommand(verb.name, verb.help)->fallthrough();
  command->add_option("ID", options->ids, "Ids of the entries");
  if (verb.by_filter) {
    add_filter_options(*command, options->filters);
    command->add_flag("--dry-run", options->dry_run, "Only say how many would be changed");
  }
  command->add_flag("--yes", options->yes, "Ask nothing");
  command->callback([options, path, &verb, &context] {
    context.command = [options, path, &verb, &context] {
      return change(context, verb, *path, *options);
    };
  });
}

}  // namespace

void add_outbox_changes(CLI::App& outbox, Context& context, const SharedPath& path) {
  for (const auto& verb : verbs) add_change(outbox, context, path, verb);
}

}  // namespace holdfast::cli
