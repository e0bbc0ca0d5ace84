#include "config/environment.hpp"

#include <algorithm>
#include <cstdlib>
#include <format>

namespace holdfast::config {
namespace {

bool is_variable_name(std::string_view name) {
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  return !name.empty() && letter(name.front()) &&
         std::ranges::all_of(name, [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

/// The value for what stands between `${` and `}`.
std::expected<std::string, std::string> value_of(std::string_view inside,
                                                 const Environment& environment) {
  const std::size_t colon = inside.find(':');
  const std::string name(inside.substr(0, colon));
  if (!is_variable_name(name))
    return std::unexpected(
        "\"${\" is not followed by the name of a variable; write ${NAME} or ${NAME:default}, or "
        "$${ "
        "for the characters themselves");
  const auto value = environment(name);
  if (colon == std::string_view::npos) {
    if (value) return *value;
    return std::unexpected(std::format(
        "variable {0} is not set and has no default; set it, or write ${{{0}:default}}", name));
  }
  if (value && !value->empty()) return *value;
  return std::string(inside.substr(colon + 1));
}

}  // namespace

Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) return std::nullopt;
    return value;
  };
}

std::expected<std::string, std::string> substitute(std::string_view text,
                                                   const Environment& environment) {
  std::string result;
  while (!text.empty()) {
    if (text.starts_with("$${")) {
      result += "${";
      text.remove_prefix(3);
      continue;
    }
    if (!text.starts_with("${")) {
      result += text.front();
      text.remove_prefix(1);
      continue;
    }
    const std::size_t end = text.find('}');
    if (end == std::string_view::npos)
      return std::unexpected(
          "\"${\" has no \"}\" after it; close it, or write $${ for the characters");
    auto value = value_of(text.substr(2, end - 2), environment);
    if (!value) return value;
    result += *value;
    text.remove_prefix(end + 1);
  }
  return result;
}

}  // namespace holdfast::config
