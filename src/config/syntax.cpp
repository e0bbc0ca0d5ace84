#include "config/syntax.hpp"

#include <algorithm>
#include <charconv>
#include <format>

#include "base/encoding.hpp"
#include "base/json_pointer.hpp"
#include "base/limits.hpp"
#include "base/source_name.hpp"
#include "config/errors.hpp"

namespace holdfast::config {
namespace {

using base::limits::schema_bytes_max;
constexpr std::size_t header_name_bytes_max = 64;
constexpr std::size_t source_path_bytes_max = 1024;
constexpr std::size_t pointer_bytes_max = 512;

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool all_of_or_in(std::string_view text, std::string_view others) {
  return std::ranges::all_of(text,
                             [&](char c) { return is_alphanumeric(c) || others.contains(c); });
}

bool is_visible_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7F; });
}

std::unexpected<std::string> wrong(std::string_view text, std::string_view why) {
  return std::unexpected(std::format("{} {}", in_quotes(text), why));
}

/// A JSON pointer to something inside of the document.
Parsed<std::string> parse_pointer(std::string_view text) {
  if (base::parse_json_pointer(text)) return std::string(text);
  return wrong(text, "has a ~ that is not ~0 or ~1; in a JSON pointer ~ is ~0 and / is ~1");
}

}  // namespace

Parsed<std::string> parse_source_name(std::string_view text) {
  if (!base::is_source_name(text))
    return wrong(text, "is no name; write 1 to 64 letters, digits, _ or -");
  return std::string(text);
}

Parsed<std::string> parse_source_path(std::string_view text) {
  if (!text.starts_with('/'))
    return wrong(text, "does not begin with /; write a path such as /hook");
  if (text.size() > source_path_bytes_max)
    return wrong(text, std::format("is longer than {} bytes", source_path_bytes_max));
  if (text.find_first_of("?#") != std::string_view::npos)
    return wrong(text, "holds a ? or #; write the path alone: a sender may add any query");
  if (!is_visible_ascii(text))
    return wrong(
        text, "holds a space, control or non-ASCII character; write it as it is sent, such as %20");
  return std::string(text);
}

Parsed<std::string> parse_header_name(std::string_view text) {
  if (text.empty() || text.size() > header_name_bytes_max || !all_of_or_in(text, "!#$%&'*+-.^_`|~"))
    return wrong(text, "is no name of a header; write one such as X-Token");
  return std::string(text);
}

Parsed<std::string> parse_dedupe(std::string_view text) {
  static constexpr std::string_view header_prefix = "header:";
  if (text.size() > pointer_bytes_max)
    return wrong(text, std::format("is longer than {} bytes", pointer_bytes_max));
  if (text.empty() || text == "body") return std::string(text);
  if (text.starts_with(header_prefix)) {
    return parse_header_name(text.substr(header_prefix.size())).transform([&](const std::string&) {
      return std::string(text);
    });
  }
  if (!text.starts_with('/'))
    return wrong(text, R"(is no dedupe key; write a JSON pointer "/id", "header:NAME" or "body")");
  return parse_pointer(text);
}

Parsed<std::string> parse_order_by(std::string_view text) {
  if (text.size() > pointer_bytes_max)
    return wrong(text, std::format("is longer than {} bytes", pointer_bytes_max));
  if (text.empty()) return std::string();
  if (text.starts_with('/')) return parse_pointer(text);
  return wrong(text, all_of_or_in(text, "_-")
                         ? std::format("is no JSON pointer; did you mean \"/{}\"?", text)
                         : "is no JSON pointer; write one such as \"/userId\"");
}

Parsed<std::string> parse_schema(std::string_view text) {
  // A NUL would end the statement that the name stands in.
  if (text.empty() || text.size() > schema_bytes_max || !base::is_utf8(text) || text.contains('\0'))
    return wrong(text,
                 std::format("is no name of a schema; write 1 to {} bytes", schema_bytes_max));
  if (text.starts_with("pg_"))
    return wrong(text, "begins with pg_, which Postgres keeps for itself; choose another name");
  return std::string(text);
}

}  // namespace holdfast::config
