#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "holdfast/clock.hpp"

/// Pure conversions between bytes and text. All are total: bad input gives nullopt, never a throw.
namespace holdfast::base {

[[nodiscard]] std::string to_hex(std::string_view bytes);
/// Either case; nullopt on an odd length or another character.
[[nodiscard]] std::optional<std::string> from_hex(std::string_view text);
/// Standard alphabet with padding.
[[nodiscard]] std::string to_base64(std::string_view bytes);
/// Standard alphabet; padding required; nullopt on anything else, white space included.
[[nodiscard]] std::optional<std::string> from_base64(std::string_view text);

/// Errors:   std::bad_alloc where OpenSSL finds no memory.
[[nodiscard]] std::array<std::uint8_t, 32> sha256(std::string_view bytes);
[[nodiscard]] std::string sha256_hex(std::string_view bytes);

/// True for well-formed UTF-8 (no surrogates, no overlong forms, up to U+10FFFF).
[[nodiscard]] bool is_utf8(std::string_view bytes);
/// The text itself if it is UTF-8, else each byte read as Latin-1; NUL becomes U+FFFD.
/// Postgres text can hold the result, whatever came in.
[[nodiscard]] std::string to_postgres_text(std::string_view bytes);

/// Decodes %XX, and + as a space if `plus_is_space`; a broken escape stays as it is.
[[nodiscard]] std::string percent_decode(std::string_view text, bool plus_is_space);

/// Equal in a time that depends on the lengths only.
[[nodiscard]] bool equal_constant_time(std::string_view left, std::string_view right);
/// The same bytes, as OpenSSL takes them.
[[nodiscard]] const unsigned char* as_unsigned(std::string_view bytes);
/// Without the spaces and tabs around it, which mean nothing in a header (OWS of RFC 9110).
[[nodiscard]] std::string_view trim_blanks(std::string_view text);
/// ASCII case-insensitive equality, for header names.
[[nodiscard]] bool equal_ignore_case(std::string_view left, std::string_view right);

/// "2026-11-23T22:29:22.123Z".
[[nodiscard]] std::string to_rfc3339(WallTime time);
/// Reads RFC 3339 with Z or an offset, with or without a fraction.
[[nodiscard]] std::optional<WallTime> from_rfc3339(std::string_view text);

}  // namespace holdfast::base
