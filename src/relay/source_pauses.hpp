#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/guarded.hpp"
#include "base/wake_signal.hpp"
#include "holdfast/entry.hpp"
#include "holdfast/health.hpp"
#include "holdfast/outbox.hpp"
#include "relay/suspects.hpp"

/// What concerns a whole source, and so every machine of the relay; docs/decisions/0009.
namespace holdfast::relay {

/// Why a source waits as a whole.
enum class SourcePauseReason { poison_flood, configuration, contention, timeout };
/// The stable word of logs, health and metrics.
[[nodiscard]] std::string_view to_string(SourcePauseReason reason);
/// True where its statements work, but a lock or a slow table keeps them waiting.
[[nodiscard]] bool is_block(SourcePauseReason reason);

/// The pause reason where an operator wanted it.
inline constexpr std::string_view paused_by_operator = "operator";
/// After so many groups a probe begins again with the oldest entry.
inline constexpr std::size_t probed_groups_max = 16;

struct SourcePause {
  SourcePauseReason reason = SourcePauseReason::configuration;
  std::string error;  ///< What the last try said, without values.
  WallTime since{};
  SteadyTime probe_at{};    ///< The oldest entry of the source is tried alone then.
  std::uint32_t tries = 0;  ///< Refused in a row for this reason.
  /// Groups that were blocked in a probe, sorted: the next one takes the oldest entry of another,
  /// since it may be this group alone.
  std::vector<OrderGroup> probed{};
};

/// The paused sources, and the watch that pauses them. No machine claims of a paused source; ONE of
/// them probes it, with its oldest entry, to whichever machine that belongs. So that an entry is
/// never with two machines at once, a probe waits until every pass of another machine is over that
/// began before the pause.
///
/// Threads:  any.
class SourcePauses {
 public:
  /// The paused sources at one moment, and how many pauses there had been.
  struct View {
    std::uint64_t pauses = 0;
    std::set<std::string> paused;
  };
  /// While it lives the machine may hold entries of every source that was not paused when it began.
  /// Its end gives back a probe that came to nothing.
  class [[nodiscard]] Pass {
   public:
    Pass(SourcePauses& pauses, std::uint32_t machine);
    ~Pass();
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;

   private:
    SourcePauses& pauses_;
    const std::uint32_t machine_;
  };

  /// `wake` is raised when another machine may have something to do now.
  explicit SourcePauses(base::WakeSignal& wake) : wake_(wake) {}

  [[nodiscard]] View view() const;
  [[nodiscard]] std::uint64_t pauses() const;
  /// One more entry of the source is dead; true if that makes it a flood.
  [[nodiscard]] bool died(const std::string& source, SteadyTime now);
  void delivered(std::span<const Entry> batch);
  /// As BlockWatch::blocked.
  [[nodiscard]] bool blocked(const std::set<OrderGroup>& groups);

  /// An operator's pause, which only an operator ends; meanwhile nothing of the source is probed.
  /// Both return false if it was so already.
  [[nodiscard]] bool pause_by_operator(const std::string& source, WallTime now);
  [[nodiscard]] bool resume_by_operator(const std::string& source);

  /// Starts or prolongs a pause; returns how many tries it has cost in a row. At 1 an operator
  /// should hear of it.
  [[nodiscard]] std::uint32_t pause(const std::string& source, SourcePause pause);
  /// Ends it and returns what it was; nullopt if there was none.
  [[nodiscard]] std::optional<SourcePause> resume(const std::string& source);
  /// The probe said nothing of the source: later.
  void postpone(const std::string& source, SteadyTime probe_at);
  /// The probe's group was blocked: another one next time.
  void probe_elsewhere(const OrderGroup& group);
  /// Nothing of the source was pending at its probe: it needs no wake-up.
  void nothing_to_probe(const std::string& source);
  /// An operator says that it should work again: it is probed now. False: it is not paused.
  [[nodiscard]] bool probe_soon(const std::string& source, SteadyTime now);
  /// Every source is probed once now, whenever it was to be.
  void probe_all_at(SteadyTime now);

  /// Sources whose probe is due, in order of name.
  [[nodiscard]] std::vector<std::string> due(SteadyTime now) const;
  /// Makes `machine` the one that probes, until its pass ends; nullopt if it must not now.
  /// Needs:    a Pass of that machine.
  [[nodiscard]] std::optional<SourcePause> take_probe(const std::string& source,
                                                      std::uint32_t machine);
  /// The earliest probe that needs a wake-up. One that waits for a pass is left out: the end of
  /// the pass raises `wake`.
  [[nodiscard]] std::optional<SteadyTime> next_probe() const;
  /// For stats, in order of name.
  [[nodiscard]] std::vector<PausedSource> paused_sources() const;

 private:
  struct Record {
    SourcePause pause;
    std::uint64_t number = 0;  ///< Which of all pauses it is.
    std::optional<std::uint32_t> prober;
    bool nothing_to_probe = false;
  };
  struct State {
    FloodWatch flood;
    BlockWatch blocks;
    std::map<std::string, Record> records;
    std::map<std::string, WallTime> by_operator;    ///< Source -> since.
    std::map<std::uint32_t, std::uint64_t> passes;  ///< Machine -> pauses when its pass began.
    std::uint64_t pauses = 0;
  };
  [[nodiscard]] static bool may_be_elsewhere(const State& state, const Record& record,
                                             std::optional<std::uint32_t> machine);
  void end_pass(std::uint32_t machine);

  // Constant after construction.
  base::WakeSignal& wake_;
  // Guarded: any thread.
  base::Guarded<State> state_;
};

}  // namespace holdfast::relay
