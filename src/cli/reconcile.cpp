#include <algorithm>
#include <format>

#include "base/entry_json.hpp"
#include "cli/admin_client.hpp"
#include "cli/app.hpp"
#include "cli/outbox_place.hpp"
#include "cli/outbox_request.hpp"
#include "cli/output.hpp"
#include "cli/reconcile_text.hpp"
#include "cli/terminal.hpp"
#include "holdfast/outbox_reader.hpp"
#include "postgres/held.hpp"

namespace holdfast::cli {
namespace {

constexpr std::chrono::seconds resend_timeout{60};

struct ReconcileOptions {
  std::string since;
  std::string until;
  bool resend = false;
  bool json = false;
};

/// Of an entry whose key Postgres held already, the row has the id of the first.
postgres::HeldQuestion question_of(const EntrySummary& entry) {
  return {entry.duplicate_of.value_or(entry.id), entry.source, entry.dedupe_key};
}

/// Asks for a page at once; entries that need no answer get none.
std::expected<void, Failure> judge_page(std::span<const EntrySummary> page, WallTime until,
                                        postgres::HeldLookup& lookup, Reconciler& reconciler) {
  // What came in behind the range matters only as a copy of what is in it.
  const auto matters = [&](const EntrySummary& entry) {
    return entry.received_at < until || entry.replay_of.has_value();
  };
  std::vector<postgres::HeldQuestion> questions;
  for (const auto& entry : page)
    if (matters(entry) && Reconciler::wants_answer(entry)) questions.push_back(question_of(entry));
  const auto answers = lookup.ask(questions);
  if (!answers) return std::unexpected(answers.error());
  std::size_t next = 0;
  for (const auto& entry : page) {
    if (!matters(entry)) continue;
    const auto held =
        Reconciler::wants_answer(entry) ? std::optional<bool>((*answers)[next++]) : std::nullopt;
    reconciler.add(entry, held, entry.received_at < until);
  }
  return {};
}

/// Reads receipts page by page; no page is held while Postgres is asked.
std::expected<Reconciliation, Failure> compare(OutboxReader& reader, postgres::HeldLookup& lookup,
                                               const ReconcileRange& range, Progress& progress) {
  Reconciler reconciler;
  ListRequest request;
  request.limit = 1;
  const auto newest = reader.list(request);
  if (!newest) return std::unexpected(newest.error());
  if (newest->empty()) return reconciler.finish();
  request.since = range.since;
  request.oldest_first = true;
  request.limit = list_limit_max;
  for (;;) {
    auto page = reader.list(request);
    if (!page) return std::unexpected(page.error());
    const bool last = page->size() < request.limit;
    if (!page->empty()) request.beyond_seq = page->back().seq;
    // What comes in meanwhile is not chased.
    std::erase_if(*page, [&](const auto& entry) { return entry.seq > newest->front().seq; });
    if (auto done = judge_page(*page, range.until, lookup, reconciler); !done)
      return std::unexpected(done.error());
    progress.add(page->size());
    if (last || request.beyond_seq >= newest->front().seq) return reconciler.finish();
  }
}

/// Replays what is missing and can be, a commit each; false if one could not, which was printed.
bool resend(const Config& config, const Clock& clock, Reconciliation& result) {
  bool good = true;
  Progress progress(clock, "sending again");
  for (auto& missing : result.missing) {
    if (!missing.can_be_sent_again()) continue;
    const auto id = missing.entry.id.to_string();
    const auto done =
        admin_post(config, std::format("/api/v1/entries/{}/replay", id), "", resend_timeout);
    if (!done) {
      good = false;
      progress.clear();
      print_error(done.error().status == 0
                      ? done.error().message
                      : std::format("sending {} again: {}", id, done.error().message));
      // Nobody is there; the next would only say the same.
      if (done.error().status == 0) break;
      continue;
    }
    progress.add(1);
    const auto found = done->find("id");
    if (found != done->end() && found->is_string())
      missing.sent_again_as = Uuid::parse(found->get<std::string>());
  }
  return good;
}

ReconcileRange range_of(const ReconcileOptions& options, const OutboxConfig& outbox, WallTime now) {
  ReconcileRange range{parse_moment("--since", options.since, now),
                       options.until.empty() ? now : parse_moment("--until", options.until, now),
                       std::nullopt};
  if (options.until.empty() && range.since >= range.until)
    throw UsageError("--since: it is not over yet; write a time in the past");
  if (range.since >= range.until)
    throw UsageError("--until: it is not after --since; swap them, or leave --until out");
  const auto receipts_since = now - std::max(outbox.keep_delivered, outbox.dedupe_window);
  if (range.since < receipts_since) range.judged_since = receipts_since;
  return range;
}

int reconcile(const Context& context, const ReconcileOptions& options) {
  const auto config = load_config(context);
  if (!config) return config.error();
  const auto range = range_of(options, config->outbox, context.clock.wall_now());
  if (config->destination.url.empty()) {
    print_error("reconciling: no destination is configured; set destination.url");
    return exit_usage;
  }
  auto reader = OutboxReader::open(config->outbox.path);
  if (!reader) return report(reader.error());
  auto lookup = postgres::HeldLookup::open(config->destination, context.clock);
  if (!lookup) return report(lookup.error());
  Progress progress(context.clock, "reconciling");
  auto result = compare(*reader, *lookup, range, progress);
  progress.clear();
  if (!result) return report(result.error());
  const bool sent = !options.resend || resend(*config, context.clock, *result);
  print(options.json ? base::document_text(reconcile_json(*result, range))
                     : reconcile_text(*result, range));
  return sent && result->missing.empty() ? exit_good : exit_failed;
}

}  // namespace

void add_reconcile(CLI::App& app, Context& context) {
  const auto options = std::make_shared<ReconcileOptions>();
  auto* command =
      app.add_subcommand(
             "reconcile",
             "Compare what was accepted with what Postgres holds, and say what is missing")
          ->fallthrough();
  command
      ->add_option("--since", options->since,
                   "Received then or later: RFC 3339, or 24h for a day ago")
      ->type_name("TIME")
      ->check(not_empty())
      ->required();
  command->add_option("--until", options->until, "Received before: the same forms; else now")
      ->type_name("TIME")
      ->check(not_empty());
  command->add_flag("--resend", options->resend,
                    "Replay what is missing, under new ids, where its payload is still kept");
  command->add_flag("--json", options->json, "Print as JSON");
  command->footer(
      "Exit codes: 0 nothing is missing, 1 something is, or failed; 2 usage or "
      "configuration. Wakes a sleeping database.");
  command->callback([options, &context] {
    context.command = [options, &context] { return reconcile(context, *options); };
  });
}

}  // namespace holdfast::cli
