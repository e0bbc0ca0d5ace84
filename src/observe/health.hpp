#pragma once

#include <string>
#include <vector>

#include "holdfast/health.hpp"

/// What the daemon says about itself, as JSON. All of it is pure: a snapshot in, text out; no query
/// is made, so that looking at health never wakes a sleeping database.
namespace holdfast::observe {

/// The health document, served without a token: no payloads, secrets or host names.
[[nodiscard]] std::string health_json(const HealthSnapshot& snapshot);
/// 200 for ok and degraded, 503 for failing. A load balancer must not take us out because Postgres
/// is away: storing writes meanwhile is what we are for.
[[nodiscard]] int health_status_code(const HealthSnapshot& snapshot);

/// The short answer of /readyz: the status and, if failing, `cannot_store` or `shutting_down`.
[[nodiscard]] std::string ready_json(const HealthSnapshot& snapshot);

/// The answer of GET /api/v1/status: the health document with numbers and reasons.
[[nodiscard]] std::string status_json(const HealthSnapshot& snapshot,
                                      const std::vector<std::string>& source_names);

/// One event of GET /api/v1/stream: the same document as a server-sent event.
[[nodiscard]] std::string stream_event(const HealthSnapshot& snapshot,
                                       const std::vector<std::string>& source_names);

/// Age of the oldest pending entry, at millisecond precision; 0 if there is none, never negative.
[[nodiscard]] double oldest_pending_age_seconds(const HealthSnapshot& snapshot);

}  // namespace holdfast::observe
