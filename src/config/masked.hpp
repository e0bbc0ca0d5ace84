#pragma once

#include <string>

#include "holdfast/config.hpp"

namespace holdfast::config {

/// The whole configuration as TOML, defaults included, to be looked at and passed on: each secret,
/// the destination's URL and the user part of a public URL are "***".
[[nodiscard]] std::string to_masked_toml(const Config& config);

}  // namespace holdfast::config
