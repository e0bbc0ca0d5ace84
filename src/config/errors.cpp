#include "config/errors.hpp"

#include <format>

namespace holdfast::config {
namespace {

constexpr std::size_t shown_bytes_max = 80;

/// Control characters escaped: a file must not drive the terminal of who checks it, nor break a
/// line in two.
std::string printable(std::string_view text) {
  std::string shown;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) {
      shown += std::format("\\x{:02x}", byte);
    } else {
      shown += c;
    }
  }
  return shown;
}

}  // namespace

std::string to_line(std::string_view origin, const ConfigError& error) {
  std::string line(origin);
  if (error.line != 0) line += std::format(":{}", error.line);
  line += ": ";
  if (!error.key.empty()) line += error.key + ": ";
  return printable(line + error.message);
}

std::string to_warning_line(std::string_view origin, const ConfigWarning& warning) {
  return "warning: " + to_line(origin, ConfigError{warning.line, warning.key, warning.message});
}

std::string in_quotes(std::string_view value) {
  const auto text = '"' + printable(value.substr(0, shown_bytes_max));
  return text + (value.size() > shown_bytes_max ? "…\"" : "\"");
}

}  // namespace holdfast::config
