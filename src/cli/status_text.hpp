#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "cli/output.hpp"
#include "holdfast/clock.hpp"

namespace holdfast::cli {

/// The status document in a few lines for a person. Pure; a key that is missing or of another type
/// is left out, so that a newer or older daemon can still be looked at.
[[nodiscard]] std::string status_text(const nlohmann::json& document, WallTime now,
                                      const Style& style);

}  // namespace holdfast::cli
