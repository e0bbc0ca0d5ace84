#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "cli/reconciliation.hpp"
#include "holdfast/clock.hpp"

namespace holdfast::cli {

/// What was looked at.
struct ReconcileRange {
  WallTime since;
  WallTime until;
  /// Receipts of what was settled before may be gone; nullopt: the range begins later.
  std::optional<WallTime> judged_since;
};

/// For a person: the counts, each missing entry, and in the last line how many are missing. Pure.
[[nodiscard]] std::string reconcile_text(const Reconciliation& result, const ReconcileRange& range);
/// Pure.
[[nodiscard]] nlohmann::ordered_json reconcile_json(const Reconciliation& result,
                                                    const ReconcileRange& range);

}  // namespace holdfast::cli
