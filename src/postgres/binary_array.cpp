#include "postgres/binary_array.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstddef>

#include "base/check.hpp"

namespace holdfast::postgres {
namespace {

using namespace std::chrono_literals;

// Header: dimensions, has-nulls, element type, then length and lower bound of the one dimension.
constexpr std::size_t flags_at = 4;
constexpr std::size_t length_at = 12;
constexpr std::uint32_t null_length = 0xFFFFFFFFU;
/// Postgres counts microseconds from here.
constexpr WallTime postgres_epoch = std::chrono::sys_days(std::chrono::year(2000) / 1 / 1);

template <class Unsigned>
std::array<char, sizeof(Unsigned)> big_endian(Unsigned value) {
  if constexpr (std::endian::native == std::endian::little) value = std::byteswap(value);
  return std::bit_cast<std::array<char, sizeof(Unsigned)>>(value);
}

template <class Unsigned>
void append_big_endian(std::string& bytes, Unsigned value) {
  const auto word = big_endian(value);
  bytes.append(word.data(), word.size());
}

void write_at(std::string& bytes, std::size_t at, std::uint32_t value) {
  const auto word = big_endian(value);
  std::ranges::copy(word, bytes.begin() + static_cast<std::ptrdiff_t>(at));
}

}  // namespace

BinaryArray::BinaryArray(ElementType type) : type_(type) {
  for (const std::uint32_t word : {1U, 0U, static_cast<std::uint32_t>(type), 0U, 1U})
    append_big_endian(bytes_, word);
}

void BinaryArray::reserve(std::size_t elements, std::size_t bytes) {
  // With the length of each, and the version of a jsonb.
  bytes_.reserve(bytes_.size() + elements * (sizeof null_length + 1) + bytes);
}

void BinaryArray::begin_element(std::size_t length) {
  append_big_endian(bytes_, static_cast<std::uint32_t>(length));
  write_at(bytes_, length_at, ++count_);
}

void BinaryArray::add_null() {
  begin_element(null_length);
  write_at(bytes_, flags_at, 1);
}

void BinaryArray::add(bool value) {
  HOLDFAST_CHECK(type_ == ElementType::boolean, "a bool in an array of another type");
  begin_element(1);
  bytes_ += static_cast<char>(value ? 1 : 0);
}

void BinaryArray::add(std::int64_t value) {
  HOLDFAST_CHECK(type_ == ElementType::bigint, "a bigint in an array of another type");
  begin_element(sizeof value);
  append_big_endian(bytes_, static_cast<std::uint64_t>(value));
}

void BinaryArray::add(WallTime time) {
  HOLDFAST_CHECK(type_ == ElementType::timestamptz, "a time in an array of another type");
  const std::int64_t microseconds = std::chrono::microseconds(time - postgres_epoch).count();
  begin_element(sizeof microseconds);
  append_big_endian(bytes_, static_cast<std::uint64_t>(microseconds));
}

void BinaryArray::add(const Uuid& id) {
  HOLDFAST_CHECK(type_ == ElementType::uuid, "a uuid in an array of another type");
  begin_element(id.bytes.size());
  bytes_.append(reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size());
}

void BinaryArray::add(const std::optional<Uuid>& id) {
  if (!id) return add_null();
  add(*id);
}

void BinaryArray::add(std::string_view bytes) {
  const bool jsonb = type_ == ElementType::jsonb;
  HOLDFAST_CHECK(jsonb || type_ == ElementType::text || type_ == ElementType::bytea,
                 "bytes in an array of another type");
  begin_element(bytes.size() + (jsonb ? 1 : 0));
  // The version of jsonb's binary format.
  if (jsonb) bytes_ += '\1';
  bytes_ += bytes;
}

void BinaryArray::add(const std::optional<std::string>& text) {
  if (!text) return add_null();
  add(std::string_view(*text));
}

std::string to_binary(const Uuid& id) {
  return {reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()};
}

std::optional<Uuid> uuid_from_binary(std::string_view bytes) {
  Uuid id;
  if (bytes.size() != id.bytes.size()) return std::nullopt;
  std::ranges::transform(bytes, id.bytes.begin(),
                         [](char c) { return static_cast<std::uint8_t>(c); });
  return id;
}

}  // namespace holdfast::postgres
