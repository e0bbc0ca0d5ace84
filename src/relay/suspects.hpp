#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "holdfast/clock.hpp"
#include "holdfast/entry.hpp"
#include "holdfast/outbox.hpp"

/// What is remembered against entries that failed alone, and against sources that fail too often.
namespace holdfast::relay {

/// An entry is dead after this many data errors alone in a row.
inline constexpr std::uint32_t data_errors_max = 2;
/// A missing parent is waited for: tries at 0 s, 1 s and 3.5 s, all within 5 s.
inline constexpr std::uint32_t foreign_key_tries_max = 3;
inline constexpr std::chrono::milliseconds foreign_key_waits[] = {std::chrono::milliseconds(1'000),
                                                                  std::chrono::milliseconds(2'500)};
/// An entry that times out alone this often is held.
inline constexpr std::uint32_t timeouts_max = 5;
/// After so many sessions that broke in a row while this entry was alone on them, the destination
/// is probed with entries of other groups: an outage and an entry that no session survives look
/// alike.
inline constexpr std::uint32_t sessions_broken_suspicious = 5;
/// At so many, others being delivered meanwhile, it is held. It is not charged: nobody refused it.
inline constexpr std::uint32_t sessions_broken_max = 8;
/// Where so many different entries broke sessions none of them is at fault: it is an outage.
inline constexpr std::size_t session_breakers_max = 16;
/// So many suspects are remembered; the oldest is forgotten first and starts from nothing again.
inline constexpr std::size_t suspects_max = 16'384;
/// So many dead entries of one source within the window, none delivered between: its schema
/// drifted.
inline constexpr std::size_t flood_deaths = 20;
inline constexpr std::chrono::milliseconds flood_window{60'000};
/// So many times blocked by a lock or too slow, no entry delivered between: the source waits as a
/// whole, for each further try costs a lock_timeout or a deliver_timeout.
inline constexpr std::size_t source_blocks_max = 3;

/// What came of the tries of one entry that stood alone.
struct Suspect {
  std::int64_t seq = 0;
  std::uint32_t data_errors = 0;  ///< In a row; another answer about the entry starts it again.
  std::uint32_t foreign_key_tries = 0;
  std::uint32_t timeouts = 0;
  std::uint32_t contentions = 0;
  std::uint32_t sessions_broken = 0;
};

/// At most one suspect a group, because what fails alone holds all that follow it.
/// Memory:   suspects_max records.
///
/// Threads:  one at a time.
class Suspects {
 public:
  /// The record of this entry; a fresh one if the group's last suspect was another entry.
  [[nodiscard]] Suspect& of(const Entry& entry);
  /// An entry of the group was settled.
  void clear(const OrderGroup& group) { suspects_.erase(group); }
  /// After an outage the parents need their time, too.
  void forgive_missing_parents();
  /// The groups whose oldest entry is suspected of breaking sessions, with its seq; sorted.
  [[nodiscard]] std::vector<std::pair<OrderGroup, std::int64_t>> session_breakers() const;

 private:
  void forget_oldest();

  std::map<OrderGroup, Suspect> suspects_;
};

/// Tells a few bad entries from a schema that drifted.
///
/// Threads:  one at a time.
class FloodWatch {
 public:
  /// One more entry of the source is dead; true if that makes it a flood.
  [[nodiscard]] bool died(const std::string& source, SteadyTime now);
  void delivered(const std::string& source) { deaths_.erase(source); }

 private:
  std::map<std::string, std::deque<SteadyTime>, std::less<>> deaths_;
};

/// Tells a few locked rows or slow entries from a table that is locked or slow as a whole.
///
/// Threads:  one at a time.
class BlockWatch {
 public:
  /// A lock or slowness kept the source's own statement waiting, with entries of these groups; true
  /// if that blocks the source as a whole. A group alone counts once: it may be the only one.
  /// Needs:    not empty, all of one source.
  [[nodiscard]] bool blocked(const std::set<OrderGroup>& groups);
  /// An entry of it got through, or it was paused.
  void clear(const std::string& source) { records_.erase(source); }

 private:
  struct Record {
    std::set<OrderGroup> alone;
    std::size_t several = 0;  ///< Times with more than one group.
  };

  std::map<std::string, Record> records_;
};

}  // namespace holdfast::relay
