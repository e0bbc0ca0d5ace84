#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::ingress {

/// The reference tokens of an RFC 6901 pointer, "~1" and "~0" resolved; nullopt if it is not one.
[[nodiscard]] std::optional<std::vector<std::string>> parse_json_pointer(std::string_view pointer);

/// The string (its content) or number (its source text: "1.0" stays "1.0", and 30 digits stay 30)
/// at this place of a JSON document. nullopt if the document is not JSON, nothing is there, or what
/// is there is null, true, false, an object or an array. Of repeated names the last one counts, as
/// in jsonb. Needs no stack for deep nesting.
[[nodiscard]] std::optional<std::string> json_scalar_at(std::string_view document,
                                                        const std::vector<std::string>& tokens);

}  // namespace holdfast::ingress
