#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace holdfast::postgres {

/// Opens a transaction with its own limits, as one simple query and so one round trip. SET LOCAL
/// alone: a pooler hands the next transaction to another session.
/// The server gives up a little before we do, so that its reason is heard.
///
/// Needs:    the time that the caller still waits.
[[nodiscard]] std::string begin_statement(std::chrono::milliseconds left);

/// Longer names are cut by Postgres without a word, and then nothing is found under them.
inline constexpr std::size_t identifier_bytes_max = 63;
/// True if it can be a name in Postgres: 1 to 63 bytes of UTF-8 without NUL.
[[nodiscard]] bool is_identifier(std::string_view name);
/// "name" with quotes inside doubled.
[[nodiscard]] std::string quote_identifier(const std::string& name);

}  // namespace holdfast::postgres
