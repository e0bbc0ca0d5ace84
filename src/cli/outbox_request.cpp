#include "cli/outbox_request.hpp"

#include <format>

#include "base/cursor.hpp"
#include "base/encoding.hpp"
#include "cli/app.hpp"
#include "config/quantity.hpp"

namespace holdfast::cli {
namespace {

std::optional<std::string> if_given(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional(text);
}

}  // namespace

WallTime parse_moment(std::string_view option, std::string_view text, WallTime now) {
  if (const auto time = base::from_rfc3339(text)) return *time;
  const auto ago = config::parse_duration(text);
  if (ago && *ago <= now.time_since_epoch()) return now - *ago;
  throw UsageError(std::format(
      "{}: \"{}\" is no time; write one such as 2026-11-23T22:00:00Z, or how long ago, such as 24h",
      option, text));
}

ListRequest list_request(const ListArguments& arguments, WallTime now) {
  ListRequest request;
  request.state = parse_entry_state(arguments.state);
  request.source = if_given(arguments.source);
  request.dedupe_key = if_given(arguments.key);
  request.sqlstate = if_given(arguments.sqlstate);
  if (!arguments.since.empty()) request.since = parse_moment("--since", arguments.since, now);
  if (!arguments.until.empty()) request.until = parse_moment("--until", arguments.until, now);
  request.oldest_first = arguments.order == "oldest";
  request.limit = arguments.limit;
  if (arguments.cursor.empty()) return request;
  const auto cursor = base::parse_cursor(arguments.cursor);
  if (!cursor) throw UsageError("--cursor: this is no cursor; copy next_cursor of the page before");
  if (arguments.order_given && cursor->oldest_first != request.oldest_first)
    throw UsageError("--cursor: it belongs to a list of the other --order; keep the order");
  if (cursor->filters != base::filters_digest(request))
    throw UsageError("--cursor: it belongs to a list with other filters; keep the filters");
  request.oldest_first = cursor->oldest_first;
  request.beyond_seq = cursor->beyond_seq;
  return request;
}

}  // namespace holdfast::cli
