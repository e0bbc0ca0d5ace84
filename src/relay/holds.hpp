#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/clock.hpp"
#include "holdfast/health.hpp"
#include "holdfast/outbox.hpp"

/// Which order groups wait while the others go on.
namespace holdfast::relay {

/// So many groups of one source are held by a machine at the most. Beyond, the other groups of the
/// source wait, too, until one of these goes on: where so many fail at once the source is at fault,
/// and neither memory nor the list that each claim leaves out may grow with the number of keys.
inline constexpr std::size_t groups_held_max = 256;

/// Why a group waits. The first two are short, between two tries of one entry; nobody is told.
enum class HoldReason { parent_missing, retry_alone, contention, timeout, breaks_session };
/// The stable word of logs, health and metrics.
[[nodiscard]] std::string_view to_string(HoldReason reason);
/// True for those that an operator sees as a paused source.
[[nodiscard]] bool is_pause(HoldReason reason);

struct Hold {
  HoldReason reason = HoldReason::retry_alone;
  std::int64_t seq = 0;  ///< The entry that the group waits for: its oldest.
  std::string error{};   ///< What the last try said, without values.
  WallTime since{};
  SteadyTime probe_at{};       ///< The entry is tried alone then.
  std::uint64_t reopened = 0;  ///< Outbox::reopened() before it was found to be the oldest.
};

/// The groups that are held. A held group is left out of every claim; when its probe is due its
/// oldest entry is tried alone, and what comes of that ends or prolongs the hold.
///
/// Threads:  one at a time.
class Holds {
 public:
  /// Starts or changes a hold; true if now the first group of its source is paused for this reason:
  /// an operator should hear of it.
  [[nodiscard]] bool hold(const OrderGroup& group, Hold hold);
  [[nodiscard]] const Hold* find(const OrderGroup& group) const;
  /// Ends it and returns what it was; nullopt if there was none.
  [[nodiscard]] std::optional<Hold> release(const OrderGroup& group);
  /// The probe said nothing of the entry: later. Nothing happens if the group is not held.
  void postpone(const OrderGroup& group, SteadyTime probe_at);
  /// Every pause is probed once now, whenever it was to be.
  void probe_pauses_at(SteadyTime now);
  /// No further group of this source can be held.
  [[nodiscard]] bool full(const std::string& source) const;
  /// A group of the source is paused for this reason.
  [[nodiscard]] bool has(const std::string& source, HoldReason reason) const;
  /// All of them, sorted.
  [[nodiscard]] std::vector<OrderGroup> groups() const;
  /// Groups whose probe is due, the longest due first; none of the `paused` sources.
  [[nodiscard]] std::vector<OrderGroup> due(SteadyTime now,
                                            const std::set<std::string>& paused) const;
  /// The earliest probe of a source that is not paused.
  [[nodiscard]] std::optional<SteadyTime> next_probe(const std::set<std::string>& paused) const;
  /// One of a source that is not paused will end within seconds.
  [[nodiscard]] bool any_short(const std::set<std::string>& paused) const;
  [[nodiscard]] bool any_pause() const;
  /// For stats, in order of group.
  [[nodiscard]] std::vector<PausedSource> paused_sources() const;

 private:
  std::map<OrderGroup, Hold> holds_;
};

}  // namespace holdfast::relay
