#pragma once

#include <string>
#include <string_view>

#include "holdfast/config.hpp"

/// What a secret must look like, so that a mistake is found at start and not by the first sender.
namespace holdfast::config {

/// What masked.hpp shows in place of a secret. As a secret it would be known to everybody.
inline constexpr std::string_view secret_mask = "***";
inline constexpr std::string_view mask_message =
    "is what \"validate --show\" prints in place of a secret; write the secret, or ${NAME}";

/// Why this cannot be a secret of the source, to follow its name; empty if it can. The secret is
/// never quoted.
///
/// Needs:    provider and hmac of the source are read.
[[nodiscard]] std::string fault_of_secret(std::string_view secret, const SourceConfig& source);

}  // namespace holdfast::config
