#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace holdfast::base {

using FormFields = std::vector<std::pair<std::string, std::string>>;

/// The decoded fields of a query or an x-www-form-urlencoded body, in order; empty parts are
/// skipped. Source: WHATWG URL standard section 5.1, which senders follow; twilio-python does the
/// same.
[[nodiscard]] FormFields decode_form(std::string_view text);
/// The first value of this name.
[[nodiscard]] std::optional<std::string_view> find_field(const FormFields& fields,
                                                         std::string_view name);
/// True if the Content-Type names this media type, in any case and with any parameters.
[[nodiscard]] bool is_media_type(std::string_view content_type, std::string_view media_type);

inline constexpr std::string_view form_media_type = "application/x-www-form-urlencoded";

}  // namespace holdfast::base
