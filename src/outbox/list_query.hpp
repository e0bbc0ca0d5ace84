#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "holdfast/outbox.hpp"

/// How a listing is cut into short reads, and the SQL of each: pure.
namespace holdfast::outbox {

/// So many seqs are looked at in one snapshot: about 50 ms when no index helps. A long snapshot
/// would keep the WAL from being emptied.
inline constexpr std::int64_t list_window_seqs = 100'000;

/// What a listing must know of the outbox before it starts.
struct ListScope {
  std::int64_t first_seq = 1;                   ///< Smallest and largest seq there is;
  std::int64_t last_seq = 0;                    ///< smaller than the first if there is none.
  std::map<std::string, std::int64_t> sources;  ///< Name to source_id.
};

/// Seqs from `low` to `high`, both included.
struct SeqWindow {
  std::int64_t low = 0;
  std::int64_t high = 0;
};

/// The window after `previous` in the order of the request; nullopt at the end.
[[nodiscard]] std::optional<SeqWindow> next_window(const ListRequest& request,
                                                   const ListScope& scope,
                                                   const std::optional<SeqWindow>& previous);

/// The query of one window. Parameters: ?1 low, ?2 high, ?3 limit, ?4 dedupe key, ?5 SQLSTATE, ?6
/// since, ?7 until; those that the request does not name do not occur. Empty if nothing can match.
/// \param indexed  The seqs that the index of keys has for the hashes below.
[[nodiscard]] std::string list_sql(const ListRequest& request, const ListScope& scope,
                                   const std::vector<std::int64_t>& indexed);

/// Of the key that is asked for, under each source; none if none is.
[[nodiscard]] std::vector<std::int64_t> wanted_hashes(const ListRequest& request,
                                                      const ListScope& scope);

}  // namespace holdfast::outbox
