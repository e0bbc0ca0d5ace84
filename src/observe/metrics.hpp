#pragma once

#include <string>
#include <vector>

#include "holdfast/health.hpp"

namespace holdfast::observe {

/// The content type of the text format that metrics_text writes.
inline constexpr const char* metrics_content_type = "text/plain; version=0.0.4; charset=utf-8";

/// All metrics in the Prometheus text format, made from the snapshot at the scrape: there is no
/// registry that could disagree with health.
///
/// Needs:    `source_names` = the configured sources. Counts of any other source are added up
///           under source="", so that nobody outside can make new time series.
/// Threads:  any.
[[nodiscard]] std::string metrics_text(const HealthSnapshot& snapshot,
                                       const std::vector<std::string>& source_names);

}  // namespace holdfast::observe
