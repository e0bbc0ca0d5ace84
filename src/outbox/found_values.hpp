#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "holdfast/entry.hpp"
#include "outbox/found_rows.hpp"

/// Values of found rows: total, since any of them may be damaged.
namespace holdfast::outbox {

/// Columns of `entry`, by place.
enum EntryColumn : std::uint8_t {
  id_at = 1,
  source_at = 2,
  state_at = 3,
  received_at_at = 4,
  settled_at_at = 5,
  body_bytes_at = 6,
  payload_kept_at = 7,
  key_hash_at = 8,
  dedupe_key_at = 9,
  sha_at = 10,
  reason_at = 11,
};
inline constexpr std::size_t entry_columns = 20;
inline constexpr std::size_t headers_at = 6;
inline constexpr std::size_t body_at = 7;
/// 0, an empty text or a nil id where the value is none of the kind.
[[nodiscard]] std::int64_t number(const Value& value);
[[nodiscard]] const std::string& bytes_of(const Value& value);
[[nodiscard]] Uuid uuid_of(const Value& value);

[[nodiscard]] bool is_v7(const Uuid& id);
/// Whether a payload has readable headers and the body of this SHA-256.
[[nodiscard]] bool body_fits(const FoundRow& payload, std::string_view digest);
[[nodiscard]] bool is_source_name(std::string_view name);

void bind_value(SQLite::Statement& statement, int index, const Value& value);
/// The key first, then all values but the first.
void bind_row(SQLite::Statement& statement, const FoundRow& row);

}  // namespace holdfast::outbox
