#include "base/json_string.hpp"

#include <algorithm>
#include <charconv>

namespace holdfast::base {
namespace {

/// The code unit of an escape \uXXXX that stands at `at`; nullopt if none does.
std::optional<unsigned> code_unit(std::string_view text, std::size_t at) {
  unsigned unit = 0;
  if (!text.substr(std::min(at, text.size())).starts_with("\\u") || text.size() < at + 6)
    return std::nullopt;
  const auto* const end = text.data() + at + 6;
  const auto read = std::from_chars(text.data() + at + 2, end, unit, 16);
  return read.ptr == end ? std::optional(unit) : std::nullopt;
}

constexpr bool is_high_half(unsigned unit) {
  return unit >= 0xD800 && unit <= 0xDBFF;
}
constexpr bool is_low_half(unsigned unit) {
  return unit >= 0xDC00 && unit <= 0xDFFF;
}

/// In UTF-8; half a surrogate pair takes the three bytes that no UTF-8 has.
void append_code_point(std::string& text, unsigned point) {
  const auto append = [&](unsigned byte) { text += static_cast<char>(byte); };
  const auto append_rest = [&](unsigned shift) { append(0x80U | ((point >> shift) & 0x3FU)); };
  if (point < 0x80) return append(point);
  if (point < 0x800) {
    append(0xC0U | (point >> 6U));
  } else {
    if (point < 0x10000) {
      append(0xE0U | (point >> 12U));
    } else {
      append(0xF0U | (point >> 18U));
      append_rest(12);
    }
    append_rest(6);
  }
  append_rest(0);
}

char escaped_character(char letter) {
  switch (letter) {
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return letter;
  }
}

/// What the source text of a string says, given without its quotes.
std::string unescaped(std::string_view source, Halves halves) {
  constexpr unsigned replacement = 0xFFFD;
  std::string text;
  text.reserve(source.size());
  for (std::size_t at = 0; at < source.size();) {
    const auto escape = std::min(source.find('\\', at), source.size());
    text += source.substr(at, escape - at);
    at = escape + 2;
    if (at > source.size()) break;
    const auto unit = code_unit(source, escape);
    if (!unit) {
      text += escaped_character(source[escape + 1]);
      continue;
    }
    at = escape + 6;
    const auto next = code_unit(source, at).value_or(0);
    if (is_high_half(*unit) && is_low_half(next)) {
      at += 6;
      append_code_point(text, 0x10000U + ((*unit - 0xD800U) << 10U) + (next - 0xDC00U));
    } else {
      const bool half = is_high_half(*unit) || is_low_half(*unit);
      append_code_point(text, half && halves == Halves::replaced ? replacement : *unit);
    }
  }
  return text;
}

}  // namespace

std::string with_whole_characters(std::string_view text) {
  std::string whole(text);
  for (std::size_t at = whole.find('\\'); at < whole.size(); at = whole.find('\\', at)) {
    const unsigned unit = code_unit(whole, at).value_or(0);
    const bool high = is_high_half(unit);
    const bool pair = high && is_low_half(code_unit(whole, at + 6).value_or(0));
    if (is_low_half(unit) || (high && !pair)) whole.replace(at, 6, "\\ufffd");
    at += pair ? 12 : 2;
  }
  return whole;
}

std::optional<std::string> string_content(std::string_view text, Halves halves) {
  if (!text.starts_with('"')) return std::nullopt;
  const auto content = text.substr(1, text.size() - 2);
  if (!content.contains('\\')) return std::string(content);
  return unescaped(content, halves);
}

}  // namespace holdfast::base
