#include "support/wire_messages.hpp"

#include <algorithm>
#include <cstring>

namespace holdfast::support {

std::uint64_t WireReader::number(std::size_t width) {
  const std::string taken = bytes(width);
  std::uint64_t value = 0;
  for (const char byte : taken) value = value << 8U | static_cast<unsigned char>(byte);
  return value;
}

std::int32_t WireReader::int32() {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(number(4)));
}

std::int16_t WireReader::int16() {
  return static_cast<std::int16_t>(static_cast<std::uint16_t>(number(2)));
}

std::string WireReader::text() {
  const auto end = std::min(bytes_.find('\0'), bytes_.size());
  std::string taken(bytes_.substr(0, end));
  bytes_.remove_prefix(std::min(end + 1, bytes_.size()));
  return taken;
}

std::string WireReader::bytes(std::size_t count) {
  std::string taken(bytes_.substr(0, count));
  bytes_.remove_prefix(taken.size());
  return taken;
}

std::string wire_int32(std::int32_t value) {
  const auto bits = static_cast<std::uint32_t>(value);
  std::string bytes;
  for (const unsigned shift : {24U, 16U, 8U, 0U}) bytes += static_cast<char>(bits >> shift & 0xFFU);
  return bytes;
}

std::string wire_int16(std::int16_t value) {
  return wire_int32(value).substr(2);
}

std::string wire_message(char type, std::string_view content) {
  std::string message(1, type);
  message += wire_int32(static_cast<std::int32_t>(content.size() + 4));
  return message.append(content);
}

std::string error_message(const WireError& error) {
  std::string content;
  const auto add = [&](char field, std::string_view value) {
    if (!value.empty()) (content += field).append(value) += '\0';
  };
  add('S', error.severity);
  add('V', error.severity);
  add('C', error.sqlstate);
  add('M', error.text);
  add('D', quoted_value);
  add('n', error.constraint);
  return wire_message('E', content + '\0');
}

std::string row_description(const std::vector<WireColumn>& columns) {
  std::string content = wire_int16(static_cast<std::int16_t>(columns.size()));
  for (const auto& column : columns)
    content += std::string(1, '\0') + wire_int32(0) + wire_int16(0) + wire_int32(column.type) +
               wire_int16(-1) + wire_int32(-1) + wire_int16(column.binary ? 1 : 0);
  return wire_message('T', content);
}

std::string data_row(const WireRow& row) {
  std::string content = wire_int16(static_cast<std::int16_t>(row.size()));
  for (const auto& value : row)
    content +=
        value ? wire_int32(static_cast<std::int32_t>(value->size())) + *value : wire_int32(-1);
  return wire_message('D', content);
}

std::vector<std::string> array_elements(std::string_view binary) {
  WireReader reader(binary);
  std::vector<std::string> elements;
  if (reader.int32() != 1) return elements;
  (void)reader.bytes(8);  // Whether there are nulls, and the type.
  elements.resize(static_cast<std::size_t>(std::max(0, reader.int32())));
  (void)reader.bytes(4);  // The lower bound.
  for (auto& element : elements) {
    const std::int32_t length = reader.int32();
    if (length > 0) element = reader.bytes(static_cast<std::size_t>(length));
  }
  return elements;
}

Uuid uuid_of_bytes(std::string_view binary) {
  Uuid id;
  std::memcpy(&id.bytes, binary.data(), std::min(binary.size(), sizeof id.bytes));
  return id;
}

}  // namespace holdfast::support
