#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Single values of a JSON document by RFC 6901 pointer, without building it: what a number was
/// written like, and every byte of a part, stay as the sender sent them.
namespace holdfast::base {

/// The tokens of a pointer, "~1" and "~0" resolved.
using JsonPointer = std::vector<std::string>;

/// nullopt if the text is no pointer. "" is the whole document.
[[nodiscard]] std::optional<JsonPointer> parse_json_pointer(std::string_view pointer);

/// True for one JSON value of any depth; needs no stack for it. A number beyond the range of
/// long double (about 1e4932) makes it false; half a surrogate pair (`"\\ud83d"`), which RFC 8259
/// allows, does not.
[[nodiscard]] bool is_json(std::string_view text);

/// The source text of the value at this place, without white space around it; nullopt if nothing is
/// there. Of repeated names the last one counts, as in jsonb.
///
/// Needs:    is_json(document).
[[nodiscard]] std::optional<std::string_view> json_text_at(std::string_view document,
                                                           const JsonPointer& pointer);

/// The source texts of all values of this name at the top level of an object, in order; empty if
/// there is none, or the document is no object. Each is a part of `document`.
///
/// Needs:    is_json(document).
[[nodiscard]] std::vector<std::string_view> json_members(std::string_view document,
                                                         std::string_view name);

/// The content of a string, given its source text with quotes; nullopt if it is not a string. Half
/// a surrogate pair is U+FFFD.
///
/// Needs:    source text of a JSON value.
[[nodiscard]] std::optional<std::string> json_string(std::string_view text);

/// The content of a string or the source text of a number, given its source text; nullopt if it is
/// anything else. Two strings that differ have contents that do: half a surrogate pair is the three
/// bytes that no UTF-8 has, so a content with one is no UTF-8.
///
/// Needs:    source text of a JSON value.
[[nodiscard]] std::optional<std::string> json_scalar(std::string_view text);

/// The string (its content) or number (its source text: "1.0" stays "1.0", and 30 digits stay 30)
/// at this place. nullopt if the document is not JSON, nothing is there, or what is there is null,
/// true, false, an object or an array.
[[nodiscard]] std::optional<std::string> json_scalar_at(std::string_view document,
                                                        const JsonPointer& pointer);

}  // namespace holdfast::base
