#pragma once

#include <array>
#include <cstddef>
#include <string>

#include "holdfast/entry.hpp"
#include "postgres/binary_array.hpp"
#include "postgres/payload.hpp"
#include "postgres/session.hpp"

namespace holdfast::postgres {

/// A batch as the parameters of the statements on table inbox: one array a column.
///
/// Threads:  one at a time.
class InboxColumns {
 public:
  /// Before so many are added, with so many bytes in all their bodies.
  void reserve(std::size_t entries, std::size_t body_bytes);
  /// The next entry; `unfit`: without payload, and marked as such.
  void add(const Entry& entry, const Payload& payload, bool unfit);
  [[nodiscard]] std::size_t size() const { return seq_.size(); }
  /// Of the entries in the order of their adding. They refer to this and to `node`.
  [[nodiscard]] std::array<Parameter, 15> parameters(const std::string& node) const;

 private:
  BinaryArray id_{ElementType::uuid};
  BinaryArray source_{ElementType::text};
  BinaryArray dedupe_key_{ElementType::text};
  BinaryArray seq_{ElementType::bigint};
  BinaryArray received_at_{ElementType::timestamptz};
  BinaryArray method_{ElementType::text};
  BinaryArray target_{ElementType::text};
  BinaryArray remote_address_{ElementType::text};
  BinaryArray content_type_{ElementType::text};
  BinaryArray headers_{ElementType::jsonb};
  BinaryArray body_{ElementType::bytea};
  BinaryArray payload_{ElementType::jsonb};
  BinaryArray unfit_{ElementType::boolean};
  BinaryArray traceparent_{ElementType::text};
};

}  // namespace holdfast::postgres
