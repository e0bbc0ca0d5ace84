#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/entry.hpp"

/// What an entry's body is in the column `payload`. Pure functions.
namespace holdfast::postgres {

/// Deeper JSON is kept as bytes only. Postgres itself gives up at some 6,000 levels with the
/// default max_stack_depth, and most readers of JSON well before.
inline constexpr std::size_t payload_depth_max = 1000;

struct Payload {
  std::optional<std::string> json;  ///< JSON text for jsonb; nullopt: SQL null.
  bool unfit = false;               ///< The body is meant as JSON, but jsonb cannot hold it.
  /// The body, where it is JSON although jsonb cannot hold it.
  std::optional<std::string> unfit_json;
  /// What JSON pointers point into: correct JSON, or none.
  [[nodiscard]] std::optional<std::string_view> document() const {
    if (json) return std::string_view(*json);
    return unfit_json.transform([](const std::string& text) { return std::string_view(text); });
  }
};

/// JSON as it is, a form as an object of its fields (a repeated name: an array), all else null.
/// What passes here may still be refused by jsonb (a number of a million digits): then the caller
/// stores null. Correct by the grammar of JSON it is in any case.
///
/// Needs:    `content_type` as sent; empty if there was none.
[[nodiscard]] Payload payload_of(std::string_view content_type, std::string_view body);

/// [["Name","value"],…] in the order received; bytes that are not UTF-8 are read as Latin-1.
[[nodiscard]] std::string headers_json(const std::vector<Header>& headers);

}  // namespace holdfast::postgres
