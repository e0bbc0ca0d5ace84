#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "holdfast/entry.hpp"

/// Entries as the JSON of the contract. Pure.
namespace holdfast::base {

/// One line of a list. `held`: true if the entry waits for a source that is not configured; nullopt
/// if the configuration is not known, which is shown as null.
[[nodiscard]] nlohmann::ordered_json summary_json(const EntrySummary& entry,
                                                  std::optional<bool> held);

/// The same with payload and attempts. Bytes that are not UTF-8 are read as Latin-1 in headers;
/// body_base64 is exact, and body_text is there only if the body is UTF-8.
[[nodiscard]] nlohmann::ordered_json entry_json(const Entry& entry, std::optional<bool> held);

/// Indented, with a line break at its end.
[[nodiscard]] std::string document_text(const nlohmann::ordered_json& document);

}  // namespace holdfast::base
