#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

/// Durations and sizes as text. Pure.
namespace holdfast::config {

/// Reads a whole number with a unit: `ms s m h d`.
/// Errors:   what is wrong and what to write, such as: has no unit; write "10s" or "10m".
[[nodiscard]] std::expected<std::chrono::milliseconds, std::string> parse_duration(
    std::string_view text);

/// Reads a whole number with a unit: `B KiB MiB GiB`.
[[nodiscard]] std::expected<std::uint64_t, std::string> parse_size(std::string_view text);

/// In the largest unit that holds it exactly: "90s", "24h", "7d". parse_duration reads it back.
[[nodiscard]] std::string duration_text(std::chrono::milliseconds duration);

/// In the largest unit that holds it exactly: "4MiB". parse_size reads it back.
[[nodiscard]] std::string size_text(std::uint64_t bytes);

}  // namespace holdfast::config
