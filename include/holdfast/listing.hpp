#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "holdfast/clock.hpp"
#include "holdfast/entry.hpp"

namespace holdfast {

/// Filters of a listing; an unset field filters nothing. `before_seq`/`after_seq` are the cursor.
struct ListRequest {
  std::optional<EntryState> state;
  std::optional<std::string> source;
  std::optional<std::string> dedupe_key;
  std::optional<std::string> sqlstate;
  std::optional<WallTime> since;  ///< received_at >= since.
  std::optional<WallTime> until;  ///< received_at < until.
  bool oldest_first = false;
  std::uint32_t limit = 50;                ///< At most list_limit_max.
  std::optional<std::int64_t> beyond_seq;  ///< Continue after this seq, in the chosen order.
};
inline constexpr std::uint32_t list_limit_max = 1000;

}  // namespace holdfast
