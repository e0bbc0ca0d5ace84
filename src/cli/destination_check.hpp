#pragma once

#include <optional>

#include "holdfast/config.hpp"
#include "holdfast/failure.hpp"

namespace holdfast::cli {

/// What libpq would refuse in [destination], found without a connection; the URL is not quoted.
[[nodiscard]] std::optional<Failure> destination_fault(const Config& config);

}  // namespace holdfast::cli
