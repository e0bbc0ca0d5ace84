#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/config.hpp"

namespace holdfast::config {

/// One thing that is wrong with a configuration.
struct ConfigError {
  std::uint32_t line = 0;  ///< 1 is the first; 0 where no line is to blame.
  std::string key;         ///< Such as "ingress.max_body"; empty where no key is to blame.
  std::string message;     ///< What is wrong and what to write instead; never a secret's value.
  bool operator==(const ConfigError&) const = default;
};

/// Everything that is wrong with a configuration, in the order of the file.
struct ConfigErrors {
  std::string origin;  ///< The file, as the operator named it.
  std::vector<ConfigError> list;
};

/// `holdfast.toml:12: ingress.max_bdy: unknown key; did you mean "max_body"?`
[[nodiscard]] std::string to_line(std::string_view origin, const ConfigError& error);

/// `warning: holdfast.toml:12: destination.economy_window: …`
[[nodiscard]] std::string to_warning_line(std::string_view origin, const ConfigWarning& warning);

/// A value for a message: quoted, control characters escaped, cut after 80 bytes.
/// Needs:    a value that is no secret.
[[nodiscard]] std::string in_quotes(std::string_view value);

}  // namespace holdfast::config
