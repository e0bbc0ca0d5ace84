#include "base/uuid.hpp"

#include <algorithm>
#include <cstring>

#include "base/encoding.hpp"

namespace holdfast::base {
namespace {

constexpr std::uint64_t counter_bits = 12;

std::uint64_t read_big_endian(const std::uint8_t* bytes, int count) {
  std::uint64_t value = 0;
  for (int i = 0; i < count; ++i) value = (value << 8U) | bytes[i];
  return value;
}

std::mt19937_64 seeded_engine() {
  std::random_device device;
  std::seed_seq seed{device(), device(), device(), device(),
                     device(), device(), device(), device()};
  return std::mt19937_64(seed);
}

}  // namespace

Uuid random_uuid() {
  std::random_device device;
  Uuid id;
  for (std::size_t i = 0; i < id.bytes.size(); i += 4) {
    const std::uint32_t word = device();
    std::memcpy(&id.bytes[i], &word, sizeof word);
  }
  id.bytes[6] = static_cast<std::uint8_t>((id.bytes[6] & 0x0FU) | 0x40U);
  id.bytes[8] = static_cast<std::uint8_t>((id.bytes[8] & 0x3FU) | 0x80U);
  return id;
}

UuidV7Generator::UuidV7Generator(const Uuid& last)
    : last_time_and_counter_((read_big_endian(last.bytes.data(), 6) << counter_bits) |
                             (read_big_endian(&last.bytes[6], 2) & 0x0FFFU)),
      random_(seeded_engine()) {}

Uuid UuidV7Generator::next(WallTime now) {
  const auto milliseconds =
      static_cast<std::uint64_t>(std::max<std::int64_t>(0, now.time_since_epoch().count()));
  last_time_and_counter_ = std::max(milliseconds << counter_bits, last_time_and_counter_ + 1);
  const std::uint64_t time = last_time_and_counter_ >> counter_bits;
  const std::uint64_t random = random_();
  Uuid id;
  for (unsigned i = 0; i < 6; ++i) id.bytes[i] = static_cast<std::uint8_t>(time >> (8U * (5U - i)));
  id.bytes[6] = static_cast<std::uint8_t>(0x70U | ((last_time_and_counter_ >> 8U) & 0x0FU));
  id.bytes[7] = static_cast<std::uint8_t>(last_time_and_counter_);
  std::memcpy(&id.bytes[8], &random, sizeof random);
  id.bytes[8] = static_cast<std::uint8_t>((id.bytes[8] & 0x3FU) | 0x80U);
  return id;
}

WallTime time_of(const Uuid& id) {
  return WallTime(std::chrono::milliseconds(read_big_endian(id.bytes.data(), 6)));
}

}  // namespace holdfast::base

namespace holdfast {

std::string Uuid::to_string() const {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string text(36, '-');
  std::size_t at = 0;
  for (const std::uint8_t byte : bytes) {
    if (at == 8 || at == 13 || at == 18 || at == 23) ++at;
    text[at++] = digits[byte >> 4U];
    text[at++] = digits[byte & 0xFU];
  }
  return text;
}

std::optional<Uuid> Uuid::parse(std::string_view text) {
  if (text.size() != 36) return std::nullopt;
  std::string hex;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash != (text[i] == '-')) return std::nullopt;
    if (!dash) hex += text[i];
  }
  const auto raw = base::from_hex(hex);
  if (!raw) return std::nullopt;
  Uuid id;
  std::memcpy(id.bytes.data(), raw->data(), id.bytes.size());
  return id;
}

}  // namespace holdfast
