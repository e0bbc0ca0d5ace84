#include "base/selector.hpp"

#include <algorithm>
#include <format>

namespace holdfast::base {
namespace {

constexpr std::string_view header_prefix = "header:";
constexpr std::string_view form_prefix = "form:";
constexpr std::string_view entry_prefix = "entry:";

/// The characters of a header's name. Source: RFC 9110 section 5.6.2.
bool is_header_name(std::string_view name) {
  static constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           marks.contains(c);
  });
}

std::expected<Selector, std::string> parse_entry_field(std::string_view name) {
  if (name == "id") return EntryField::id;
  if (name == "received_at") return EntryField::received_at;
  if (name == "source") return EntryField::source;
  return std::unexpected(std::format(
      "an entry has no \"{}\"; write entry:id, entry:received_at or entry:source", name));
}

}  // namespace

std::expected<Selector, std::string> parse_selector(std::string_view text) {
  if (text.empty() || text.starts_with('/')) {
    if (auto pointer = parse_json_pointer(text)) return std::move(*pointer);
    return std::unexpected(std::format(
        "\"{}\" is no JSON pointer; write ~ as ~0, and / inside of a name as ~1", text));
  }
  if (text.starts_with(header_prefix)) {
    const auto name = text.substr(header_prefix.size());
    if (is_header_name(name)) return HeaderSelector{std::string(name)};
    return std::unexpected(
        std::format("\"{}\" names no header; write it such as header:X-Request-Id", text));
  }
  if (text.starts_with(form_prefix)) {
    if (text.size() > form_prefix.size())
      return FormSelector{std::string(text.substr(form_prefix.size()))};
    return std::unexpected(std::string("form: names no field; write it such as form:MessageSid"));
  }
  if (text.starts_with(entry_prefix)) return parse_entry_field(text.substr(entry_prefix.size()));
  return std::unexpected(std::format(
      "\"{}\" selects nothing; write a JSON pointer such as /id, \"\" for the whole payload, "
      "header:NAME, form:NAME, entry:id, entry:received_at or entry:source",
      text));
}

std::expected<Condition, std::string> parse_condition(std::string_view text) {
  const auto equals = text.find('=');
  if (equals == std::string_view::npos)
    return std::unexpected(
        std::format("\"{}\" compares nothing; write SELECTOR=TEXT such as /type=message", text));
  auto selector = parse_selector(text.substr(0, equals));
  if (!selector) return std::unexpected(std::move(selector.error()));
  return Condition{std::move(*selector), std::string(text.substr(equals + 1))};
}

}  // namespace holdfast::base
