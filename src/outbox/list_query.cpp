#include "outbox/list_query.hpp"

#include <algorithm>
#include <format>
#include <vector>

#include "outbox/rows.hpp"
#include "outbox/ticket.hpp"

namespace holdfast::outbox {
namespace {

std::string join(const std::vector<std::string>& parts, const char* between) {
  std::string text;
  for (const auto& part : parts) {
    if (!text.empty()) text += between;
    text += part;
  }
  return text;
}

/// Ids of the sources that the request allows.
std::vector<std::string> source_ids(const ListRequest& request, const ListScope& scope) {
  std::vector<std::string> ids;
  for (const auto& [name, id] : scope.sources)
    if (!request.source || *request.source == name) ids.push_back(std::to_string(id));
  return ids;
}

std::string join(const std::vector<std::int64_t>& numbers) {
  std::vector<std::string> parts;
  for (const auto number : numbers) parts.push_back(std::to_string(number));
  return join(parts, ", ");
}

/// Rows of one key: the first copy, found in the index or among the late ones that are not in it
/// yet, and the differing bodies among the entries set aside, which are few.
std::string by_key(const ListRequest& request, const ListScope& scope,
                   const std::vector<std::int64_t>& indexed) {
  return std::format(
      "entry.seq IN (SELECT seq FROM entry WHERE seq IN ({}) "
      "UNION SELECT seq FROM entry WHERE seq BETWEEN max(?1, (SELECT indexed_seq + 1 FROM "
      "key_progress)) AND ?2 AND key_hash IN ({}) "
      "UNION SELECT seq FROM entry INDEXED BY entry_aside WHERE state >= 2 AND state = 3 "
      "AND seq BETWEEN ?1 AND ?2 AND conflicts_with IS NOT NULL)",
      join(indexed), join(wanted_hashes(request, scope)));
}

/// True if only entries set aside can match; only they carry a SQLSTATE.
bool is_aside(const ListRequest& request) {
  return request.state == EntryState::dead || request.state == EntryState::discarded ||
         (request.sqlstate && !request.state);
}

/// The table with the index that reads the fewest rows for this request.
const char* table_of(const ListRequest& request) {
  if (request.dedupe_key) return "entry";
  if (request.state == EntryState::pending) return "entry INDEXED BY entry_pending";
  if (is_aside(request)) return "entry INDEXED BY entry_aside";
  return "entry NOT INDEXED";
}

}  // namespace

std::optional<SeqWindow> next_window(const ListRequest& request, const ListScope& scope,
                                     const std::optional<SeqWindow>& previous) {
  SeqWindow window;
  if (request.oldest_first) {
    window.low = scope.first_seq;
    if (request.beyond_seq) window.low = std::max(window.low, *request.beyond_seq + 1);
    if (previous) window.low = previous->high + 1;
    window.high = std::min(scope.last_seq, window.low + list_window_seqs - 1);
  } else {
    window.high = scope.last_seq;
    if (request.beyond_seq) window.high = std::min(window.high, *request.beyond_seq - 1);
    if (previous) window.high = previous->low - 1;
    window.low = std::max(scope.first_seq, window.high - list_window_seqs + 1);
  }
  if (window.low > window.high) return std::nullopt;
  return window;
}

std::vector<std::int64_t> wanted_hashes(const ListRequest& request, const ListScope& scope) {
  std::vector<std::int64_t> hashes;
  if (!request.dedupe_key) return hashes;
  for (const auto& [name, id] : scope.sources)
    if (!request.source || *request.source == name)
      hashes.push_back(first_copy_hash(name, *request.dedupe_key));
  return hashes;
}

std::string list_sql(const ListRequest& request, const ListScope& scope,
                     const std::vector<std::int64_t>& indexed) {
  const auto ids = source_ids(request, scope);
  if (ids.empty()) return {};
  std::vector<std::string> conditions{"entry.seq BETWEEN ?1 AND ?2"};
  if (request.state) {
    conditions.push_back(std::format("entry.state = {}", static_cast<int>(*request.state)));
  } else if (request.sqlstate) {
    conditions.emplace_back("entry.state IN (2, 3)");
  }
  // The condition of the index in its own words, or SQLite would not use it.
  if (is_aside(request)) conditions.emplace_back("entry.state >= 2");
  if (request.source || request.state == EntryState::pending)
    conditions.push_back(std::format("entry.source_id IN ({})", join(ids, ", ")));
  if (request.dedupe_key) {
    conditions.emplace_back("entry.dedupe_key = ?4");
    conditions.push_back(by_key(request, scope, indexed));
  }
  if (request.sqlstate) conditions.emplace_back("entry.sqlstate = ?5");
  if (request.since) conditions.emplace_back("entry.received_at >= ?6");
  if (request.until) conditions.emplace_back("entry.received_at < ?7");
  return std::format(
      "SELECT {} FROM {} CROSS JOIN source ON source.id = entry.source_id WHERE {} "
      "ORDER BY entry.seq {} LIMIT ?3",
      summary_columns, table_of(request), join(conditions, " AND "),
      request.oldest_first ? "ASC" : "DESC");
}

}  // namespace holdfast::outbox
