#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <set>
#include <span>

#include "base/cursor.hpp"
#include "base/encoding.hpp"
#include "base/entry_json.hpp"
#include "observe/api.hpp"
#include "observe/listing_query.hpp"

namespace holdfast::observe::api {
namespace {

using nlohmann::ordered_json;

std::string dump(const ordered_json& document) {
  return document.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

bool held(const Call& call, const EntrySummary& entry) {
  return entry.state == EntryState::pending &&
         !std::ranges::contains(call.context.source_names, entry.source);
}

/// True if something comes after the last of a full page.
std::expected<bool, Failure> has_more(Outbox& outbox, ListRequest request,
                                      std::span<const EntrySummary> page) {
  if (page.size() < request.limit) return false;
  request.beyond_seq = page.back().seq;
  request.limit = 1;
  return outbox.list(request).transform([](const auto& rest) { return !rest.empty(); });
}

/// Where an audit log goes on: the number itself, as text.
std::optional<std::int64_t> audit_cursor(const std::string& text) {
  std::int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, status] = std::from_chars(text.data(), end, number);
  if (status != std::errc() || rest != end || number < 1) return std::nullopt;
  return number;
}

}  // namespace

AdminAnswer entries(const Call& call) {
  Outbox& outbox = *call.context.operations.outbox;
  const auto node = outbox.node().to_string();
  const auto query = read_listing_query(call.request, QueryUse::listing, node);
  if (!query) return problem(400, query.error().detail, query.error().field);
  const auto page = outbox.list(query->request);
  if (!page) return problem(page.error());
  const auto more = has_more(outbox, query->request, *page);
  if (!more) return problem(more.error());
  ordered_json document{{"entries", ordered_json::array()}, {"next_cursor", nullptr}};
  for (const auto& summary : *page)
    document["entries"].push_back(base::summary_json(summary, held(call, summary)));
  if (*more)
    document["next_cursor"] = base::to_text({query->request.oldest_first, page->back().seq,
                                             base::filters_digest(query->request, node)});
  return {200, json_type, dump(document)};
}

AdminAnswer entry(const Call& call) {
  const auto id = Uuid::parse(call.parameter);
  if (!id) return problem(404, no_entry_detail);
  const auto found = call.context.operations.outbox->find(*id);
  if (!found) return problem(found.error());
  if (!*found) return problem(404, no_entry_detail);
  return {200, json_type, dump(base::entry_json(**found, held(call, **found)))};
}

AdminAnswer audit(const Call& call) {
  std::uint32_t limit = 50;
  std::optional<std::int64_t> before;
  std::set<std::string> seen;
  for (const auto& [name, text] : call.request.query) {
    if (!seen.insert(name).second) return problem(400, "This parameter is there twice.", name);
    if (name == "limit") {
      const auto read = read_limit(text);
      if (!read) return problem(400, read.error().detail, "limit");
      limit = *read;
    } else if (name == "cursor") {
      before = audit_cursor(text);
      if (!before)
        return problem(400, "This is no cursor; copy next_cursor of the page before.", "cursor");
    } else {
      return problem(400, "There is no such parameter here.", name);
    }
  }
  const auto events = call.context.operations.outbox->audit(limit, before);
  if (!events) return problem(events.error());
  ordered_json document{{"events", ordered_json::array()}, {"next_cursor", nullptr}};
  for (const auto& event : *events)
    document["events"].push_back({{"at", base::to_rfc3339(event.at)},
                                  {"token", event.who},
                                  {"action", event.action},
                                  {"target", event.target},
                                  {"detail", event.detail}});
  if (events->size() == limit && events->back().number > 1)
    document["next_cursor"] = std::to_string(events->back().number);
  return {200, json_type, dump(document)};
}

}  // namespace holdfast::observe::api
