#include "cli/cursor.hpp"

#include <charconv>
#include <format>

#include "base/encoding.hpp"

namespace holdfast::cli {

std::string to_text(const Cursor& cursor) {
  return base::to_hex(std::format("{}{}", cursor.oldest_first ? 'o' : 'n', cursor.beyond_seq));
}

std::optional<Cursor> parse_cursor(std::string_view text) {
  const auto bytes = base::from_hex(text);
  if (!bytes || bytes->size() < 2 || ((*bytes)[0] != 'o' && (*bytes)[0] != 'n'))
    return std::nullopt;
  Cursor cursor{(*bytes)[0] == 'o', 0};
  const char* const end = bytes->data() + bytes->size();
  const auto [rest, status] = std::from_chars(bytes->data() + 1, end, cursor.beyond_seq);
  if (status != std::errc() || rest != end || cursor.beyond_seq < 1) return std::nullopt;
  // One value, one text: what has another form was not made here.
  return to_text(cursor) == text ? std::optional(cursor) : std::nullopt;
}

}  // namespace holdfast::cli
