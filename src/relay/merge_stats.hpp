#pragma once

#include <span>
#include <vector>

#include "holdfast/health.hpp"

namespace holdfast::relay {

/// What several machines say of themselves, as that of one relay.
/// Needs:    at least one.
[[nodiscard]] RelayStats merge_stats(std::span<const RelayStats> machines);

/// One line a source: of several pauses of a source the one that comes first, the longest since.
[[nodiscard]] std::vector<PausedSource> without_repeats(std::vector<PausedSource> paused);

}  // namespace holdfast::relay
