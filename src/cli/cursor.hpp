#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::cli {

/// Where a listing goes on. Its text is opaque to users, so that its form may change.
struct Cursor {
  bool oldest_first = false;
  std::int64_t beyond_seq = 0;
  bool operator==(const Cursor&) const = default;
};

[[nodiscard]] std::string to_text(const Cursor& cursor);
/// nullopt for anything that to_text did not make.
[[nodiscard]] std::optional<Cursor> parse_cursor(std::string_view text);

}  // namespace holdfast::cli
