#include "outbox/found_values.hpp"

#include <algorithm>
#include <cstring>

#include "base/encoding.hpp"
#include "outbox/header_codec.hpp"
#include "outbox/sqlite.hpp"

namespace holdfast::outbox {

std::int64_t number(const Value& value) {
  const auto* stored = std::get_if<std::int64_t>(&value);
  return stored == nullptr ? 0 : *stored;
}

const std::string& bytes_of(const Value& value) {
  static const std::string none;
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* blob = std::get_if<Bytes>(&value)) return blob->bytes;
  return none;
}

Uuid uuid_of(const Value& value) {
  Uuid id;
  const auto& bytes = bytes_of(value);
  if (bytes.size() == id.bytes.size()) std::memcpy(id.bytes.data(), bytes.data(), bytes.size());
  return id;
}

bool is_v7(const Uuid& id) {
  return (id.bytes[6] & 0xF0U) == 0x70U && (id.bytes[8] & 0xC0U) == 0x80U;
}

void bind_value(SQLite::Statement& statement, int index, const Value& value) {
  if (const auto* stored = std::get_if<std::int64_t>(&value))
    return bind(statement, index, *stored);
  if (const auto* text = std::get_if<std::string>(&value)) return bind(statement, index, *text);
  if (const auto* blob = std::get_if<Bytes>(&value))
    return bind(statement, index, Blob{blob->bytes});
  bind(statement, index, nullptr);
}

void bind_row(SQLite::Statement& statement, const FoundRow& row) {
  statement.tryReset();
  bind(statement, 1, row.key);
  for (std::size_t i = 1; i < row.values.size(); ++i)
    bind_value(statement, static_cast<int>(i + 1), row.values[i]);
}

bool body_fits(const FoundRow& payload, std::string_view digest) {
  const auto computed = base::sha256(bytes_of(payload.values[body_at]));
  return digest.size() == computed.size() &&
         std::memcmp(digest.data(), computed.data(), computed.size()) == 0 &&
         decode_headers(bytes_of(payload.values[headers_at])).has_value();
}

bool is_source_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
}

}  // namespace holdfast::outbox
