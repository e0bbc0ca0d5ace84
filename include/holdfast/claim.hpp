#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "holdfast/bytes.hpp"
#include "holdfast/entry.hpp"
#include "holdfast/export.hpp"

// What goes between an outbox and its relay.
namespace holdfast {

/// What must stay in order: a source, or one value of `order_by` in it.
struct OrderGroup {
  std::string source;                      ///< Name of the sender.
  std::optional<std::int64_t> order_hash;  ///< As EntrySummary::order_hash; nullopt: without one.
  auto operator<=>(const OrderGroup&) const = default;  ///< By source, then hash; none comes first.
};
/// The share of all order groups that one of several relays delivers.
struct Shard {
  std::uint32_t index = 0;  ///< Which of them, from 0.
  std::uint32_t count = 1;  ///< How many there are.
};
/// The shard of a group; every group is in one.
///
/// Needs:    `shards` more than 0, unchecked.
[[nodiscard]] HOLDFAST_EXPORT std::uint32_t shard_of(const OrderGroup& group, std::uint32_t shards);

/// Which pending entries to claim.
struct ClaimRequest {
  std::span<const std::string> sources;     ///< Only these; entries of other sources stay pending.
  Shard shard = {};                         ///< Only groups of this share; index below count.
  std::span<const OrderGroup> except = {};  ///< Not of these groups; sorted, unchecked.
  std::span<const std::int64_t> except_seqs = {};  ///< Not these entries; sorted, unchecked.
  std::optional<OrderGroup> only = {};             ///< Of this group alone.
  std::int64_t after_seq = 0;                      ///< Only entries with a larger seq.
  std::uint32_t entries_max = 1000;                ///< How many at most; 0 counts as 1.
  std::uint64_t bytes_max = 4 * mib;  ///< At least one entry is returned, whatever its bytes.
};

/// The outcome that the relay reports for one entry.
struct Settlement {
  std::int64_t seq = 0;                      ///< Of the entry.
  EntryState state = EntryState::delivered;  ///< delivered, dead or discarded.
  std::optional<Uuid> duplicate_of;          ///< As EntrySummary::duplicate_of.
  std::optional<std::string> reason;         ///< Stable snake_case word; of delivered ones dropped.
  std::optional<std::string> sqlstate;       ///< Of the refusal; of delivered ones dropped.
  std::optional<std::string> constraint;     ///< Of the refusal; of delivered ones dropped.
  std::optional<std::string> error;          ///< Primary message; of delivered ones dropped.
};

/// A failed try that is charged to an entry but does not settle it yet.
struct AttemptRecord {
  std::int64_t seq = 0;  ///< Of the entry; the last 50 tries of each are kept.
  Attempt attempt;       ///< What was tried, and what Postgres said.
};

}  // namespace holdfast
