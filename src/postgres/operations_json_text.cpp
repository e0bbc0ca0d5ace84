#include "postgres/operations_json_text.hpp"

#include <algorithm>
#include <charconv>

namespace holdfast::postgres {
namespace {

/// numeric has room for 16,383 digits behind the point; nobody means a tenth of that.
constexpr std::size_t number_bytes_max = 1000;
constexpr int exponent_max = 1000;
constexpr std::size_t hex_digits = 4;
constexpr std::size_t unicode_escape_length = 2 + hex_digits;
constexpr std::uint32_t replacement = 0xFFFD;
/// The letters of short escapes and what they stand for.
constexpr std::string_view escape_letters = "\"\\/bfnrt";
constexpr std::string_view escape_meanings = "\"\\/\b\f\n\r\t";

/// The four digits behind "\u", if the text begins with such an escape.
std::optional<std::uint32_t> code_unit(std::string_view text) {
  if (!text.starts_with("\\u") || text.size() < unicode_escape_length) return std::nullopt;
  const char* begin = text.data() + 2;
  std::uint32_t unit = 0;
  const auto [end, error] = std::from_chars(begin, begin + hex_digits, unit, 16);
  if (error != std::errc() || end != begin + hex_digits) return std::nullopt;
  return unit;
}

bool is_high_surrogate(std::uint32_t unit) {
  return unit >= 0xD800 && unit <= 0xDBFF;
}
bool is_low_surrogate(std::uint32_t unit) {
  return unit >= 0xDC00 && unit <= 0xDFFF;
}

void append_utf8(std::string& text, std::uint32_t character) {
  const auto byte = [&](std::uint32_t value) { text += static_cast<char>(value); };
  if (character < 0x80) return byte(character);
  if (character < 0x800) {
    byte(0xC0U | (character >> 6U));
  } else if (character < 0x10000) {
    byte(0xE0U | (character >> 12U));
    byte(0x80U | ((character >> 6U) & 0x3FU));
  } else {
    byte(0xF0U | (character >> 18U));
    byte(0x80U | ((character >> 12U) & 0x3FU));
    byte(0x80U | ((character >> 6U) & 0x3FU));
  }
  byte(0x80U | (character & 0x3FU));
}

}  // namespace

std::optional<JsonEscape> read_json_escape(std::string_view text) {
  if (text.size() < 2) return std::nullopt;
  if (const auto letter = escape_letters.find(text[1]); letter != std::string_view::npos)
    return JsonEscape{static_cast<unsigned char>(escape_meanings[letter]), 2, false};
  const auto unit = code_unit(text);
  if (!unit) return std::nullopt;
  if (is_high_surrogate(*unit)) {
    const auto low = code_unit(text.substr(unicode_escape_length));
    if (low && is_low_surrogate(*low))
      return JsonEscape{0x10000 + ((*unit - 0xD800) << 10U) + (*low - 0xDC00),
                        2 * unicode_escape_length, false};
  }
  if (*unit == 0 || is_high_surrogate(*unit) || is_low_surrogate(*unit))
    return JsonEscape{replacement, unicode_escape_length, true};
  return JsonEscape{*unit, unicode_escape_length, false};
}

std::string unescaped_json(std::string_view content) {
  std::string text;
  text.reserve(content.size());
  while (true) {
    const auto backslash = std::min(content.find('\\'), content.size());
    text += content.substr(0, backslash);
    content.remove_prefix(backslash);
    const auto escape = read_json_escape(content);
    if (!escape) return text;
    append_utf8(text, escape->character);
    content.remove_prefix(escape->length);
  }
}

bool is_json_number(std::string_view text) {
  const auto digits = [&] {
    const auto count = std::min(text.find_first_not_of("0123456789"), text.size());
    text.remove_prefix(count);
    return count;
  };
  const auto take = [&](std::string_view any) {
    if (text.empty() || !any.contains(text.front())) return false;
    text.remove_prefix(1);
    return true;
  };
  take("-");
  const bool zero = text.starts_with('0');
  const auto whole = digits();
  if (whole == 0 || (zero && whole > 1)) return false;
  if (take(".") && digits() == 0) return false;
  if (take("eE")) {
    take("+-");
    if (digits() == 0) return false;
  }
  return text.empty();
}

bool is_moderate_number(std::string_view number) {
  if (number.size() > number_bytes_max) return false;
  const auto e = number.find_first_of("eE");
  if (e == std::string_view::npos) return true;
  auto exponent = number.substr(e + 1);
  if (exponent.starts_with('+')) exponent.remove_prefix(1);
  int value = 0;
  const auto result = std::from_chars(exponent.data(), exponent.data() + exponent.size(), value);
  return result.ec == std::errc() && value >= -exponent_max && value <= exponent_max;
}

}  // namespace holdfast::postgres
