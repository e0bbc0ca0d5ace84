#pragma once

#include <functional>
#include <span>
#include <string>

#include "cli/output.hpp"
#include "holdfast/entry.hpp"

/// Entries for a person. Pure; everything that came from outside is made printable.
namespace holdfast::cli {

/// A table with a heading, one line an entry. `held` tells which entries wait for a source that is
/// not configured.
[[nodiscard]] std::string list_text(std::span<const EntrySummary> entries,
                                    const std::function<bool(const EntrySummary&)>& held,
                                    const Style& style);

/// One entry with headers and attempts, without its body.
[[nodiscard]] std::string entry_text(const Entry& entry, bool held);

}  // namespace holdfast::cli
