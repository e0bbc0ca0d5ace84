#include "cli/outbox_filters.hpp"

#include <format>

#include "base/encoding.hpp"
#include "cli/admin_client.hpp"
#include "cli/app.hpp"
#include "cli/output.hpp"

namespace holdfast::cli {

void add_filter_options(CLI::App& command, ListArguments& arguments) {
  command.add_option("--state", arguments.state, "Only those in this state")
      ->check(CLI::IsMember({"pending", "delivered", "dead", "discarded"}));
  command.add_option("--source", arguments.source, "Only those of this source")
      ->type_name("NAME")
      ->check(not_empty());
  command.add_option("--key", arguments.key, "Only the one with this dedupe key")
      ->type_name("KEY")
      ->check(not_empty());
  command
      .add_option("--sqlstate", arguments.sqlstate, "Only those that failed with it, such as 23514")
      ->type_name("CODE")
      ->check(not_empty());
  command
      .add_option("--since", arguments.since,
                  "Received then or later: RFC 3339, or 24h for a day ago")
      ->type_name("TIME")
      ->check(not_empty());
  command.add_option("--until", arguments.until, "Received before: the same forms")
      ->type_name("TIME")
      ->check(not_empty());
}

bool has_filter(const ListArguments& arguments) {
  return !(arguments.state.empty() && arguments.source.empty() && arguments.key.empty() &&
           arguments.sqlstate.empty() && arguments.since.empty() && arguments.until.empty());
}

std::string filter_query(const ListArguments& arguments, WallTime now) {
  std::string query;
  const auto add = [&](std::string_view name, std::string_view value) {
    if (value.empty()) return;
    query += std::format("{}{}={}", query.empty() ? "" : "&", name, url_encoded(value));
  };
  const auto add_time = [&](std::string_view name, std::string_view option,
                            const std::string& text) {
    if (!text.empty()) add(name, base::to_rfc3339(parse_moment(option, text, now)));
  };
  add("state", arguments.state);
  add("source", arguments.source);
  add_time("since", "--since", arguments.since);
  add_time("until", "--until", arguments.until);
  add("key", arguments.key);
  add("sqlstate", arguments.sqlstate);
  return query;
}

std::string filtered_text(std::uint64_t count, const ListArguments& arguments) {
  std::string text = std::to_string(count);
  if (!arguments.state.empty()) text += ' ' + arguments.state;
  text += count == 1 ? " entry" : " entries";
  const auto add = [&](std::string_view words, const std::string& value) {
    if (!value.empty()) text += std::format(" {} {}", words, printable(value));
  };
  add("of source", arguments.source);
  add("with key", arguments.key);
  add("with SQLSTATE", arguments.sqlstate);
  add("received since", arguments.since);
  add("received before", arguments.until);
  return text;
}

}  // namespace holdfast::cli
