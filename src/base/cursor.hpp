#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "holdfast/listing.hpp"

namespace holdfast::base {

/// Where a listing goes on. Its text is opaque to users, so that its form may change.
struct Cursor {
  bool oldest_first = false;
  std::int64_t beyond_seq = 0;
  /// Of the filters of the listing, and of its outbox where that is known: with others it would go
  /// on where nobody has been.
  std::uint32_t filters = 0;
  bool operator==(const Cursor&) const = default;
};

/// Made of state, source, key and SQLSTATE, and of `node`, which says whose entries they are. The
/// times are left out, since "24h ago" moves on.
[[nodiscard]] std::uint32_t filters_digest(const ListRequest& request, std::string_view node = {});
[[nodiscard]] std::string to_text(const Cursor& cursor);
/// nullopt for anything that to_text did not make.
[[nodiscard]] std::optional<Cursor> parse_cursor(std::string_view text);

}  // namespace holdfast::base
