#pragma once

#include <optional>
#include <string>
#include <string_view>

/// Strings of a JSON document, given as their source text.
namespace holdfast::base {

/// The text with \\ufffd for every escape of half a surrogate pair, as a sender makes it that cuts
/// a text inside an emoji. RFC 8259 allows it, parsers do not. Of the same length.
[[nodiscard]] std::string with_whole_characters(std::string_view text);

/// What becomes of half a surrogate pair.
enum class Halves {
  replaced,  ///< U+FFFD.
  kept,      ///< The three bytes that no UTF-8 has, so that what differs stays different.
};

/// What a string says, given its source text with quotes; nullopt if it is not a string.
///
/// Needs:    source text of a JSON value, which may hold bytes that are no UTF-8: they stay.
[[nodiscard]] std::optional<std::string> string_content(std::string_view text, Halves halves);

}  // namespace holdfast::base
