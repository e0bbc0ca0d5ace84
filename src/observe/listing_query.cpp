#include "observe/listing_query.hpp"

#include <algorithm>
#include <charconv>
#include <format>
#include <set>

#include "base/cursor.hpp"
#include "base/encoding.hpp"

namespace holdfast::observe {
namespace {

using Fault = std::optional<QueryFault>;

constexpr std::size_t key_digits = 16;

Fault read_state(const std::string& text, ListingQuery& query) {
  query.request.state = parse_entry_state(text);
  if (query.request.state) return std::nullopt;
  return QueryFault{"state", "state is pending, delivered, dead or discarded."};
}

Fault read_time(const std::string& name, const std::string& text, std::optional<WallTime>& time) {
  time = base::from_rfc3339(text);
  if (time) return std::nullopt;
  return QueryFault{name, name + " is no time; write RFC 3339, such as 2026-11-23T22:00:00Z."};
}

Fault read_sqlstate(const std::string& text, ListingQuery& query) {
  constexpr std::size_t sqlstate_bytes = 5;
  const bool fits = text.size() == sqlstate_bytes && std::ranges::all_of(text, [](char c) {
                      return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
                    });
  if (!fits)
    return QueryFault{"sqlstate", "sqlstate has five digits or capital letters, such as 23514."};
  query.request.sqlstate = text;
  return std::nullopt;
}

Fault read_text(const std::string& name, const std::string& text,
                std::optional<std::string>& value) {
  if (text.empty() || !base::is_utf8(text) || text.contains('\0'))
    return QueryFault{name, name + " is empty or no text."};
  value = text;
  return std::nullopt;
}

Fault read_filter(const std::string& name, const std::string& text, ListingQuery& query) {
  auto& request = query.request;
  query.filtered = true;
  // A key may be somebody's number: the audit log tells which it was only to those who know it.
  const auto shown =
      name == "key" ? "sha256:" + base::sha256_hex(text).substr(0, key_digits) : text;
  query.filters += std::format("{}{}={}", query.filters.empty() ? "" : " ", name, shown);
  if (name == "state") return read_state(text, query);
  if (name == "source") return read_text(name, text, request.source);
  if (name == "key") return read_text(name, text, request.dedupe_key);
  if (name == "sqlstate") return read_sqlstate(text, query);
  if (name == "since") return read_time(name, text, request.since);
  return read_time(name, text, request.until);
}

bool is_filter(const std::string& name) {
  static const std::set<std::string> filters{"state",    "source", "key",
                                             "sqlstate", "since",  "until"};
  return filters.contains(name);
}

/// order, limit and cursor, which must fit each other.
struct Paging {
  std::optional<std::string> order;
  std::optional<std::string> cursor;
};

Fault read_paging(const std::string& name, const std::string& text, ListingQuery& query,
                  Paging& paging) {
  if (name == "limit") {
    const auto limit = read_limit(text);
    if (!limit) return limit.error();
    query.request.limit = *limit;
    return std::nullopt;
  }
  if (name == "cursor") {
    paging.cursor = text;
    return std::nullopt;
  }
  if (text != "newest" && text != "oldest")
    return QueryFault{"order", "order is newest or oldest."};
  paging.order = text;
  query.request.oldest_first = text == "oldest";
  return std::nullopt;
}

Fault apply_cursor(const Paging& paging, std::string_view node, ListingQuery& query) {
  if (!paging.cursor) return std::nullopt;
  const auto cursor = base::parse_cursor(*paging.cursor);
  if (!cursor)
    return QueryFault{"cursor", "This is no cursor; copy next_cursor of the page before."};
  if (paging.order && cursor->oldest_first != query.request.oldest_first)
    return QueryFault{"cursor", "The cursor belongs to a list of the other order; keep the order."};
  if (cursor->filters != base::filters_digest(query.request, node))
    return QueryFault{"cursor",
                      "The cursor belongs to a list with other filters or of another outbox; keep "
                      "the filters, or begin anew."};
  query.request.oldest_first = cursor->oldest_first;
  query.request.beyond_seq = cursor->beyond_seq;
  return std::nullopt;
}

Fault read_dry_run(const std::string& text, ListingQuery& query) {
  if (text != "true" && text != "false") return QueryFault{"dry_run", "dry_run is true or false."};
  query.dry_run = text == "true";
  return std::nullopt;
}

bool is_paging(const std::string& name) {
  return name == "order" || name == "limit" || name == "cursor";
}

}  // namespace

std::expected<std::uint32_t, QueryFault> read_limit(const std::string& text) {
  std::uint32_t limit = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, status] = std::from_chars(text.data(), end, limit);
  if (status != std::errc() || rest != end || limit < 1 || limit > list_limit_max)
    return std::unexpected(
        QueryFault{"limit", std::format("limit is a number from 1 to {}.", list_limit_max)});
  return limit;
}

std::expected<ListingQuery, QueryFault> read_listing_query(const AdminRequest& request,
                                                           QueryUse use, std::string_view node) {
  ListingQuery query;
  Paging paging;
  std::set<std::string> seen;
  for (const auto& [name, text] : request.query) {
    Fault fault;
    if (!seen.insert(name).second) {
      fault = QueryFault{name, "This parameter is there twice."};
    } else if (is_filter(name)) {
      fault = read_filter(name, text, query);
    } else if (use == QueryUse::listing && is_paging(name)) {
      fault = read_paging(name, text, query, paging);
    } else if (use == QueryUse::change && name == "dry_run") {
      fault = read_dry_run(text, query);
    } else {
      fault = QueryFault{name, "There is no such parameter here."};
    }
    if (fault) return std::unexpected(*std::move(fault));
  }
  if (auto fault = apply_cursor(paging, node, query)) return std::unexpected(*std::move(fault));
  return query;
}

}  // namespace holdfast::observe
