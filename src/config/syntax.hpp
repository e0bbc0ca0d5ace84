#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "holdfast/config.hpp"

/// The forms of single values. Pure; each error says what is wrong and what to write.
namespace holdfast::config {

template <class T>
using Parsed = std::expected<T, std::string>;

/// "127.0.0.1:8080", "[::1]:8080" or "localhost:8080".
[[nodiscard]] Parsed<ListenAddress> parse_listen(std::string_view text);

/// An http(s) URL; slashes at its end are dropped, because the request target begins with one.
[[nodiscard]] Parsed<std::string> parse_public_url(std::string_view text);

/// A CIDR block; a plain address becomes /32 or /128.
[[nodiscard]] Parsed<std::string> parse_cidr(std::string_view text);

/// [A-Za-z0-9_-]{1,64}: a name is part of paths, metrics and lists.
[[nodiscard]] Parsed<std::string> parse_source_name(std::string_view text);

/// A path as it stands in a request line: printable ASCII, begins with /, no ?, # or space.
[[nodiscard]] Parsed<std::string> parse_source_path(std::string_view text);

/// "", "/pointer" (RFC 6901), "header:NAME" or "body".
[[nodiscard]] Parsed<std::string> parse_dedupe(std::string_view text);

/// "" or "/pointer" (RFC 6901).
[[nodiscard]] Parsed<std::string> parse_order_by(std::string_view text);

/// The name of a header field (RFC 9110 section 5.1).
[[nodiscard]] Parsed<std::string> parse_header_name(std::string_view text);

/// 1 to 63 bytes of UTF-8, not the prefix that Postgres keeps for itself.
[[nodiscard]] Parsed<std::string> parse_schema(std::string_view text);

}  // namespace holdfast::config
