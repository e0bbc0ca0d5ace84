#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "config/environment.hpp"
#include "config/errors.hpp"
#include "holdfast/config.hpp"

/// From a TOML file to a Config that every part may rely on: all limits hold, all references are
/// resolved. docs/configuration.md lists every key.
namespace holdfast::config {

/// The file to read: the operator's choice, else HOLDFAST_CONFIG, else ./holdfast.toml, else
/// /etc/holdfast/holdfast.toml; nullopt if there is none of them. A named file need not exist:
/// reading it then says so.
[[nodiscard]] std::optional<std::string> find_config_file(const std::optional<std::string>& chosen,
                                                          const Environment& environment);

/// What runs without any file: an unverified source "default" on loopback, and DATABASE_URL if set.
[[nodiscard]] Config built_in_defaults(const Environment& environment);

/// Reads and checks one file.
///
/// Promise:  a value is complete and within all limits.
/// Blocks:   on the file and the secret files that it names.
/// Errors:   everything that is wrong with it, in the order of the file.
[[nodiscard]] std::expected<Config, ConfigErrors> load(
    const std::string& path, const Environment& environment = process_environment());

/// The same for a text; `origin` stands for the file in messages.
[[nodiscard]] std::expected<Config, ConfigErrors> parse(std::string_view text,
                                                        const std::string& origin,
                                                        const Environment& environment);

/// find_config_file, then load or built_in_defaults.
[[nodiscard]] std::expected<Config, ConfigErrors> load_chosen(
    const std::optional<std::string>& chosen,
    const Environment& environment = process_environment());

}  // namespace holdfast::config
