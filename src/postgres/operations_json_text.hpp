#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// The strings and numbers of JSON, and what Postgres makes of them. Pure functions.
/// Source:   RFC 8259 sections 6 and 7.
namespace holdfast::postgres {

/// One character that is written with a backslash.
struct JsonEscape {
  std::uint32_t character = 0;
  std::size_t length = 0;  ///< Of the text, from the backslash on.
  bool unfit = false;      ///< NUL or half a surrogate pair, for which U+FFFD stands here.
};

/// nullopt if no escape is correct here.
///
/// Needs:    a text that begins with a backslash.
[[nodiscard]] std::optional<JsonEscape> read_json_escape(std::string_view text);

/// What stands between the quotes of a string whose escapes are correct. It may hold any bytes.
[[nodiscard]] std::string unescaped_json(std::string_view content);

[[nodiscard]] bool is_json_number(std::string_view text);

/// True if `numeric`, and so jsonb, surely holds it.
///
/// Needs:    a number of JSON.
[[nodiscard]] bool is_moderate_number(std::string_view number);

}  // namespace holdfast::postgres
