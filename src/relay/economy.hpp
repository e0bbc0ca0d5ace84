#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/guarded.hpp"
#include "base/wake_signal.hpp"
#include "holdfast/clock.hpp"
#include "holdfast/config.hpp"

/// `drain = "economy"`: entries are gathered, so that the compute wakes once a window.
namespace holdfast::relay {

/// When bodies of so many bytes were gathered they are drained before the window is over: a drain
/// must not take so long that it costs more than it saves, nor the outbox fill up.
inline constexpr std::uint64_t economy_flush_bytes = 64 * mib;

/// Shut while entries are gathered, open while they are drained; all machines of a relay go through
/// it together. It waits for nothing itself: a machine asks, and rests until deadline().
///
///   shut, nothing to deliver --gather--> shut, deadline --enter, in time--> open
///   open --the last machine leaves--> shut, nothing to deliver
///
/// A drain that lasts longer than a window, because one machine cannot end it, becomes the next
/// one: the others may enter again.
///
/// Threads:  any.
class Economy {
 public:
  enum class Entered { no, yes, opened };

  Economy(std::chrono::milliseconds window, std::uint32_t machines, base::WakeSignal& wake);

  /// May this machine contact the destination? `opened`: yes, as the first of this drain; the
  /// others are woken. Whoever may, has to leave, and then may not before the next drain.
  [[nodiscard]] Entered enter(std::uint32_t machine, std::uint64_t pending_bytes, SteadyTime now);
  /// The machine found nothing more to do. The last one of all to do so shuts the gate.
  /// What is pending now could not be delivered, and is not what the next drain is about.
  void leave(std::uint32_t machine, std::uint64_t pending_bytes);

  /// Nobody has found an entry to gather for yet.
  [[nodiscard]] bool waits_for_entry() const;
  /// There is an entry to deliver, of this age: the window ends when the entry is as old as it is
  /// long. A wall clock that jumped makes it neither longer than a window nor end in the past.
  void gather(std::chrono::milliseconds age, SteadyTime now);
  /// There is nothing to deliver but paused sources and groups, which are tried once a window.
  void remember_pauses(SteadyTime now);

  /// When a machine that may not enter has to ask again; nullopt: when it is woken.
  [[nodiscard]] std::optional<SteadyTime> deadline() const;
  /// When the gate opens; nullopt: it is open, or there is nothing to deliver.
  [[nodiscard]] std::optional<SteadyTime> next_contact() const;
  /// How many drains there were.
  [[nodiscard]] std::uint64_t drains() const;

 private:
  struct State {
    bool open = false;
    std::vector<bool> inside;            ///< Machines that have not left.
    std::optional<SteadyTime> deadline;  ///< Of the next drain, even if this one is not over.
    bool has_entry = false;              ///< The deadline is that of an entry, not only of pauses.
    std::uint64_t left_bytes = 0;
    std::uint64_t drains = 0;
  };

  [[nodiscard]] static bool is_due(State& state, std::uint64_t pending_bytes, SteadyTime now);

  // Constant after construction.
  const std::chrono::milliseconds window_;
  base::WakeSignal& wake_;
  // Guarded: any thread.
  base::Guarded<State> state_;
};

}  // namespace holdfast::relay
