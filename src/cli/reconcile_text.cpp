#include "cli/reconcile_text.hpp"

#include <format>

#include "base/encoding.hpp"
#include "cli/output.hpp"

namespace holdfast::cli {
namespace {

constexpr std::size_t count_columns = 11;

/// What can be done about it.
std::string remedy(const MissingEntry& missing) {
  if (missing.sent_again_as) return "sent again as " + missing.sent_again_as->to_string();
  if (missing.copy) return "see its copy " + missing.copy->to_string();
  return missing.entry.payload_kept ? "payload kept" : "payload gone: the sender has to repeat it";
}

std::string line_of(const MissingEntry& missing) {
  return std::format("  {}  source {}, received {}, {}\n", missing.entry.id.to_string(),
                     printable(missing.entry.source), base::to_rfc3339(missing.entry.received_at),
                     remedy(missing));
}

}  // namespace

std::string reconcile_text(const Reconciliation& result, const ReconcileRange& range) {
  std::string text =
      pad("range", count_columns) +
      std::format("{} to {}\n", base::to_rfc3339(range.since), base::to_rfc3339(range.until));
  const auto add = [&](std::string_view label, std::uint64_t count, std::string_view remark = "") {
    text += pad(label, count_columns) + std::to_string(count);
    text += remark.empty() ? "\n" : std::format("  ({})\n", remark);
  };
  add("accepted", result.accepted,
      result.replays == 0 ? "" : std::format("{} of them replays", result.replays));
  add("held", result.held);
  add("pending", result.pending);
  add("dead", result.dead);
  add("discarded", result.discarded);
  if (result.erased > 0)
    add("erased", result.erased, "not in Postgres, and its payload was erased");
  if (result.resent > 0) add("resent", result.resent, "not in Postgres, but a copy is pending");
  add("missing", result.missing.size());
  for (const auto& missing : result.missing) text += line_of(missing);
  if (range.judged_since)
    text += std::format(
        "What was settled before {} may have no receipt any more (outbox.dedupe_window): that part "
        "of the range cannot be judged.\n",
        base::to_rfc3339(*range.judged_since));
  if (result.receipts_gone > 0)
    text += std::format(
        "Of {} further place{} in the order of acceptance nothing is kept any more: "
        "{} cannot be judged.\n",
        result.receipts_gone, result.receipts_gone == 1 ? "" : "s",
        result.receipts_gone == 1 ? "it" : "they");
  return text + std::format("{} missing\n", result.missing.size());
}

nlohmann::ordered_json reconcile_json(const Reconciliation& result, const ReconcileRange& range) {
  nlohmann::ordered_json document;
  document["since"] = base::to_rfc3339(range.since);
  document["until"] = base::to_rfc3339(range.until);
  document["accepted"] = result.accepted;
  document["replays"] = result.replays;
  document["held"] = result.held;
  document["pending"] = result.pending;
  document["dead"] = result.dead;
  document["discarded"] = result.discarded;
  document["erased"] = result.erased;
  document["resent"] = result.resent;
  const auto id_or_null = [](const std::optional<Uuid>& id) {
    return id ? nlohmann::ordered_json(id->to_string()) : nlohmann::ordered_json(nullptr);
  };
  document["missing"] = nlohmann::ordered_json::array();
  for (const auto& missing : result.missing) {
    const auto& entry = missing.entry;
    document["missing"].push_back(
        {{"id", entry.id.to_string()},
         {"source", entry.source},
         {"dedupe_key", entry.dedupe_key ? nlohmann::ordered_json(*entry.dedupe_key)
                                         : nlohmann::ordered_json(nullptr)},
         {"received_at", base::to_rfc3339(entry.received_at)},
         {"payload_kept", entry.payload_kept},
         {"copy", id_or_null(missing.copy)},
         {"sent_again_as", id_or_null(missing.sent_again_as)}});
  }
  document["judged_since"] = range.judged_since
                                 ? nlohmann::ordered_json(base::to_rfc3339(*range.judged_since))
                                 : nlohmann::ordered_json(nullptr);
  document["receipts_gone"] = result.receipts_gone;
  return document;
}

}  // namespace holdfast::cli
