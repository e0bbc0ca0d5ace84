#include "config/errors.hpp"

#include <format>

namespace holdfast::config {
namespace {

constexpr std::size_t shown_bytes_max = 80;

}  // namespace

std::string to_line(std::string_view origin, const ConfigError& error) {
  std::string line(origin);
  if (error.line != 0) line += std::format(":{}", error.line);
  line += ": ";
  if (!error.key.empty()) line += error.key + ": ";
  return line + error.message;
}

std::string to_warning_line(std::string_view origin, const ConfigWarning& warning) {
  return "warning: " + to_line(origin, ConfigError{warning.line, warning.key, warning.message});
}

std::string in_quotes(std::string_view value) {
  std::string text = "\"";
  for (const char c : value.substr(0, shown_bytes_max)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) {
      text += std::format("\\x{:02x}", byte);
    } else {
      text += c;
    }
  }
  return text + (value.size() > shown_bytes_max ? "…\"" : "\"");
}

}  // namespace holdfast::config
