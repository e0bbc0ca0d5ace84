#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/clock.hpp"
#include "holdfast/health.hpp"

/// Which groups wait while the others go on.
namespace holdfast::relay {

/// Why a group waits. The first two are short, between two tries of one entry; nobody is told.
enum class HoldReason {
  parent_missing,
  retry_alone,
  contention,
  timeout,
  breaks_session,
  poison_flood
};
/// The stable word of logs, health and metrics.
[[nodiscard]] std::string_view to_string(HoldReason reason);
/// True for those that an operator sees as a paused source.
[[nodiscard]] bool is_pause(HoldReason reason);

struct Hold {
  HoldReason reason = HoldReason::retry_alone;
  std::string source;
  std::string error;  ///< What the last try said, without values.
  WallTime since{};
  SteadyTime probe_at{};          ///< Its oldest entry is tried alone then.
  std::uint32_t probes = 0;       ///< How often it was prolonged.
  bool nothing_to_probe = false;  ///< No entry was pending when it was due: needs no wake-up.
};

/// The groups that are held, by group. A held group is left out of every claim; when its probe is
/// due its oldest entry is tried alone, and what comes of that ends or prolongs the hold.
/// Memory:   one record a group, and groups are configured sources.
///
/// Threads:  one at a time.
class Holds {
 public:
  /// Starts or changes a hold; true if this made it a pause that an operator should hear of.
  [[nodiscard]] bool hold(const std::string& group, Hold hold);
  [[nodiscard]] const Hold* find(const std::string& group) const;
  /// Ends it and returns what it was; nullopt if there was none.
  [[nodiscard]] std::optional<Hold> release(const std::string& group);
  /// The probe said nothing of the entry: later. Nothing happens if the group is not held.
  void postpone(const std::string& group, SteadyTime probe_at);
  /// Nothing of the group was pending at its probe.
  void nothing_to_probe(const std::string& group);
  /// Groups whose probe is due, the longest due first.
  [[nodiscard]] std::vector<std::string> due(SteadyTime now) const;
  /// The earliest probe that needs a wake-up.
  [[nodiscard]] std::optional<SteadyTime> next_probe() const;
  /// For stats, in order of name.
  [[nodiscard]] std::vector<PausedSource> paused_sources() const;

 private:
  std::map<std::string, Hold, std::less<>> holds_;
};

}  // namespace holdfast::relay
