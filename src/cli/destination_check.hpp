#pragma once

#include <expected>
#include <optional>
#include <string>

#include "config/errors.hpp"
#include "holdfast/config.hpp"
#include "holdfast/failure.hpp"

namespace holdfast::cli {

/// What libpq would refuse in [destination], found without a connection; the URL is not quoted.
[[nodiscard]] std::optional<Failure> destination_fault(const Config& config);

/// config::load_chosen, and destination_fault as one more error.
[[nodiscard]] std::expected<Config, config::ConfigErrors> load_checked(
    const std::optional<std::string>& chosen);

}  // namespace holdfast::cli
