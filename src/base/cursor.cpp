#include "base/cursor.hpp"

#include <charconv>
#include <format>

#include "base/encoding.hpp"

namespace holdfast::base {
namespace {

/// "n123.1f2e3d4c": order, seq, filters.
template <class T>
bool read_number(std::string_view text, T& value, int base) {
  const char* const end = text.data() + text.size();
  const auto [rest, status] = std::from_chars(text.data(), end, value, base);
  return status == std::errc() && rest == end;
}

}  // namespace

std::uint32_t filters_digest(const ListRequest& request, std::string_view node) {
  std::string text;
  const auto add = [&](std::string_view part) { text += std::format("{}:{}", part.size(), part); };
  add(request.state ? to_string(*request.state) : "");
  add(request.source.value_or(""));
  add(request.dedupe_key.value_or(""));
  add(request.sqlstate.value_or(""));
  add(node);
  const auto digest = sha256(text);
  return static_cast<std::uint32_t>(digest[0]) << 24U |
         static_cast<std::uint32_t>(digest[1]) << 16U |
         static_cast<std::uint32_t>(digest[2]) << 8U | static_cast<std::uint32_t>(digest[3]);
}

std::string to_text(const Cursor& cursor) {
  return to_hex(std::format("{}{}.{:08x}", cursor.oldest_first ? 'o' : 'n', cursor.beyond_seq,
                            cursor.filters));
}

std::optional<Cursor> parse_cursor(std::string_view text) {
  const auto bytes = from_hex(text);
  if (!bytes || bytes->size() < 2 || ((*bytes)[0] != 'o' && (*bytes)[0] != 'n'))
    return std::nullopt;
  const std::string_view parts = *bytes;
  const auto dot = parts.find('.');
  Cursor cursor{parts[0] == 'o', 0, 0};
  if (dot == std::string_view::npos ||
      !read_number(parts.substr(1, dot - 1), cursor.beyond_seq, 10) ||
      !read_number(parts.substr(dot + 1), cursor.filters, 16) || cursor.beyond_seq < 1)
    return std::nullopt;
  // One value, one text: what has another form was not made here.
  return to_text(cursor) == text ? std::optional(cursor) : std::nullopt;
}

}  // namespace holdfast::base
