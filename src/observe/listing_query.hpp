#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "observe/admin_request.hpp"

/// The filters of a listing as query parameters. Pure.
namespace holdfast::observe {

/// What is wrong with a query, and in which parameter.
struct QueryFault {
  std::string field;
  std::string detail;
};

/// A listing or a change of many, as it was asked for.
struct ListingQuery {
  ListRequest request;
  bool filtered = false;  ///< There is at least one filter.
  bool dry_run = false;
  std::string filters;  ///< "state=dead source=x", for the audit log; a key as its hash.
};

/// What a query may hold besides the filters.
enum class QueryUse { listing, change };

/// Reads state, source, since, until, key and sqlstate; of a listing also order, limit and cursor,
/// of a change dry_run. Unknown, repeated and unreadable parameters are faults, and so is a cursor
/// of another outbox than `node`.
[[nodiscard]] std::expected<ListingQuery, QueryFault> read_listing_query(
    const AdminRequest& request, QueryUse use, std::string_view node = {});

/// `limit` of any listing, 1 to list_limit_max.
[[nodiscard]] std::expected<std::uint32_t, QueryFault> read_limit(const std::string& text);

}  // namespace holdfast::observe
