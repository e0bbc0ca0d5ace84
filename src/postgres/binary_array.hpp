#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "holdfast/entry.hpp"

namespace holdfast::postgres {

/// The element types that a batch is made of, by their fixed object ids in pg_type.
enum class ElementType : std::uint32_t {
  boolean = 16,
  bytea = 17,
  bigint = 20,
  text = 25,
  timestamptz = 1184,
  uuid = 2950,
  jsonb = 3802,
};

/// One parameter of a statement: an array in Postgres's binary format, one column of a batch.
/// Binary, because a body as text would be doubled as hex, and because no quoting can go wrong.
///
/// Threads:  one at a time.
/// Source:   PostgreSQL 17, array_recv in arrayfuncs.c, and the recv function of each type.
class BinaryArray {
 public:
  explicit BinaryArray(ElementType type);

  /// Room for so many elements, of so many bytes together.
  void reserve(std::size_t elements, std::size_t bytes);
  void add_null();
  void add(bool value);
  void add(std::int64_t value);
  void add(WallTime time);
  void add(const Uuid& id);
  void add(const std::optional<Uuid>& id);
  /// text, bytea and jsonb. Text and JSON must be UTF-8 without NUL, or the server refuses the
  /// batch.
  void add(std::string_view bytes);
  void add(const std::optional<std::string>& text);
  // A literal would become a bool.
  void add(const char* text) = delete;

  /// The bytes to send, header included.
  [[nodiscard]] const std::string& bytes() const { return bytes_; }
  [[nodiscard]] std::uint32_t size() const { return count_; }

 private:
  void begin_element(std::size_t length);

  ElementType type_;
  std::uint32_t count_ = 0;
  std::string bytes_;
};

/// A uuid as a parameter or from a result, both binary.
[[nodiscard]] std::string to_binary(const Uuid& id);
[[nodiscard]] std::optional<Uuid> uuid_from_binary(std::string_view bytes);

}  // namespace holdfast::postgres
