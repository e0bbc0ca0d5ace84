#pragma once

#include <string>

namespace holdfast::observe {

/// What Prometheus's own client libraries say of a process, under their names: processor time,
/// memory, descriptors and their limit, and when it was started. Read from /proc at the scrape.
/// What cannot be read is left out.
///
/// Threads:  any.
/// Source:   https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics
[[nodiscard]] std::string process_metrics_text();

}  // namespace holdfast::observe
