#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

/// Numbers as SQLite writes them into its pages. All are total: what does not fit is 0 or nullopt.
namespace holdfast::outbox {

inline constexpr std::uint32_t default_page_bytes = 4096;

[[nodiscard]] inline bool is_page_size(std::uint64_t bytes) {
  return bytes >= 512 && bytes <= 65536 && (bytes & (bytes - 1)) == 0;
}

[[nodiscard]] inline std::uint64_t big_endian(std::span<const std::uint8_t> bytes, std::size_t at,
                                              std::size_t length) {
  if (at > bytes.size() || length > bytes.size() - at) return 0;
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < length; ++i) value = value << 8U | bytes[at + i];
  return value;
}
[[nodiscard]] inline std::uint16_t big_endian_16(std::span<const std::uint8_t> bytes,
                                                 std::size_t at) {
  return static_cast<std::uint16_t>(big_endian(bytes, at, 2));
}
[[nodiscard]] inline std::uint32_t big_endian_32(std::span<const std::uint8_t> bytes,
                                                 std::size_t at) {
  return static_cast<std::uint32_t>(big_endian(bytes, at, 4));
}
[[nodiscard]] inline std::uint64_t big_endian_64(std::span<const std::uint8_t> bytes,
                                                 std::size_t at) {
  return big_endian(bytes, at, 8);
}

/// A number of one to nine bytes; moves `at` behind it.
[[nodiscard]] inline std::optional<std::uint64_t> read_varint(std::span<const std::uint8_t> bytes,
                                                              std::size_t& at) {
  std::uint64_t value = 0;
  for (int i = 0; i < 9; ++i) {
    if (at >= bytes.size()) return std::nullopt;
    const std::uint8_t byte = bytes[at++];
    if (i == 8) return value << 8U | byte;
    value = value << 7U | (byte & 0x7FU);
    if ((byte & 0x80U) == 0) return value;
  }
  return std::nullopt;
}

}  // namespace holdfast::outbox
