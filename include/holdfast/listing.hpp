#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "holdfast/clock.hpp"
#include "holdfast/entry.hpp"

namespace holdfast {

/// Filters of a listing; an unset field filters nothing, and an entry must pass all that are set.
/// The cursor is `beyond_seq`: the seq of the last entry of one page begins the next.
struct ListRequest {
  std::optional<EntryState> state;         ///< Only entries that are in it.
  std::optional<std::string> source;       ///< Only this sender's.
  std::optional<std::string> dedupe_key;   ///< The first copy, and bodies that differ from it.
  std::optional<std::string> sqlstate;     ///< Only dead and discarded entries have one.
  std::optional<WallTime> since;           ///< received_at >= since.
  std::optional<WallTime> until;           ///< received_at < until.
  bool oldest_first = false;               ///< False: the newest come first.
  std::uint32_t limit = 50;                ///< At most list_limit_max; more is cut to that.
  std::optional<std::int64_t> beyond_seq;  ///< Continue after this seq, in the chosen order.
};
/// Entries of one page, and events of one answer of Outbox::audit, at the most.
inline constexpr std::uint32_t list_limit_max = 1000;

}  // namespace holdfast
