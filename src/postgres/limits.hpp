#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::postgres {

/// Opens a transaction with its own limits, as one simple query and so one round trip. SET LOCAL
/// alone: a pooler hands the next transaction to another session.
/// The server gives up a little before we do, so that its reason is heard.
///
/// Needs:    the time that the caller still waits.
[[nodiscard]] std::string begin_statement(std::chrono::milliseconds left);
/// The same as statements of their own, for what cannot take several at once.
[[nodiscard]] std::vector<std::string> begin_statements(std::chrono::milliseconds left);

/// Postgres gives the memory of a large statement back to the system after each, and is given it
/// anew, page by page, by the next: a sixth of the time of a batch. Once it has had a piece as
/// large as this, its malloc keeps up to twice as much (glibc's M_MMAP_THRESHOLD, which grows so).
inline constexpr const char* keep_memory_statement = "SELECT octet_length(repeat(' ', 16777216))";
/// Of the bodies of a batch, from which on that is worth its milliseconds.
inline constexpr std::size_t large_batch_bytes = 256UL * 1024;

/// Longer names are cut by Postgres without a word, and then nothing is found under them.
inline constexpr std::size_t identifier_bytes_max = 63;
/// True if it can be a name in Postgres: 1 to 63 bytes of UTF-8 without NUL.
[[nodiscard]] bool is_identifier(std::string_view name);
/// "name" with quotes inside doubled.
[[nodiscard]] std::string quote_identifier(const std::string& name);

}  // namespace holdfast::postgres
