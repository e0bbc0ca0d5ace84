#pragma once

#include <nlohmann/json_fwd.hpp>

#include "holdfast/config.hpp"

namespace holdfast::config {

/// The same as to_masked_toml, for programs: one object a section, and `source` a list. Secrets are
/// "***".
[[nodiscard]] nlohmann::json to_masked_json(const Config& config);

}  // namespace holdfast::config
