#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "holdfast/clock.hpp"
#include "holdfast/outbox.hpp"

namespace holdfast::cli {

/// What `outbox list` was given, as text.
struct ListArguments {
  std::string state;
  std::string source;
  std::string key;
  std::string sqlstate;
  std::string since;
  std::string until;
  std::string order = "newest";
  std::string cursor;
  std::uint32_t limit = 50;
  bool order_given = false;
};

/// RFC 3339, or how long ago, such as 24h.
/// Errors:   throws UsageError that names `option`.
[[nodiscard]] WallTime parse_moment(std::string_view option, std::string_view text, WallTime now);

/// The request that the arguments describe. Pure.
/// Errors:   throws UsageError.
[[nodiscard]] ListRequest list_request(const ListArguments& arguments, WallTime now);

}  // namespace holdfast::cli
