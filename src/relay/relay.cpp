#include "holdfast/relay.hpp"

#include <algorithm>
#include <exception>
#include <format>
#include <iterator>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>

#include "relay/machine.hpp"
#include "relay/merge_stats.hpp"

namespace holdfast {
namespace {

using namespace std::chrono_literals;

/// After an exception, which can only be lack of memory, the loop waits before it goes on.
constexpr std::chrono::milliseconds exception_pause{1'000};

}  // namespace

class HOLDFAST_HIDDEN Relay::Impl {
 public:
  Impl(const Options& options, Dependencies dependencies)
      : config_(options.destination),
        clock_(dependencies.clock),
        outbox_(dependencies.outbox),
        log_(dependencies.log ? std::move(dependencies.log) : [](const LogEvent&) {}),
        shared_(config_, static_cast<std::uint32_t>(dependencies.destinations.size()),
                std::move(dependencies.flights)) {
    for (Destination* const destination : dependencies.destinations)
      machines_.push_back(std::make_unique<relay::Machine>(
          static_cast<std::uint32_t>(machines_.size()), options,
          relay::Machine::Dependencies{outbox_, *destination, clock_, log_, shared_}));
    restore_pauses();
  }

  /// One machine after the other, so that a simulation is repeatable.
  [[nodiscard]] RelayStep step() {
    const auto epoch = shared_.wake.epoch();
    RelayStep all;
    for (const auto& machine : machines_) {
      const auto next = machine->step().next;
      if (next && (!all.next || *next < *all.next)) all.next = next;
    }
    // One has woken those before it.
    if (shared_.wake.epoch() != epoch) all.next = clock_.steady_now();
    return all;
  }

  void run(const std::stop_token& stop) {
    if (machines_.empty()) return wait_for(stop);
    run_machines(stop);
  }

  void wake() {
    // Changed by nothing, to be in one order with Ear::listen: whoever begins to listen after this
    // sees the entry.
    if (shared_.listening.fetch_add(0) > 0) shared_.wake.raise();
  }

  std::expected<bool, Failure> pause(const std::optional<std::string>& source, const Actor& by) {
    return outbox_.keep_pause(source, true, by).transform([&](bool changed) {
      set_pause(source, clock_.wall_now());
      return changed;
    });
  }

  std::expected<bool, Failure> resume(const std::optional<std::string>& source, const Actor& by) {
    return outbox_.keep_pause(source, false, by).transform([&](bool changed) {
      if (source) {
        static_cast<void>(shared_.sources.resume_by_operator(*source));
        // Not simply ended: its probe may be under way, and shows whether it works again.
        return shared_.sources.probe_soon(*source, clock_.steady_now()) || changed;
      }
      const bool was_paused = shared_.paused.exchange(false);
      const bool refused = stats().paused;
      if (refused) static_cast<void>(shared_.probes.ask());
      if (refused || changed || was_paused) shared_.wake.raise();
      return refused || changed;
    });
  }

  std::optional<HeldBack> hold_back(std::int64_t seq, std::chrono::milliseconds limit) {
    if (!shared_.flights->hold_back(seq, limit)) return std::nullopt;
    // It may outlive this relay, and is then of the next one.
    return HeldBack([flights = shared_.flights, seq] { flights->release(seq); });
  }

  DestinationProbe probe(std::chrono::milliseconds limit) {
    if (machines_.empty()) return {false, "no destination is configured; set destination.url", {}};
    const auto number = shared_.probes.ask();
    shared_.wake.raise();
    if (auto result = shared_.probes.wait(number, limit)) return *std::move(result);
    return {false, std::format("no answer within {} s; it is still being tried", limit / 1s),
            limit};
  }

  [[nodiscard]] RelayStats stats() const {
    RelayStats stats;
    stats.state = DestinationState::unconfigured;
    if (!machines_.empty()) {
      std::vector<RelayStats> each;
      for (const auto& machine : machines_) each.push_back(machine->stats());
      stats = relay::merge_stats(each);
    }
    std::ranges::copy(shared_.sources.paused_sources(), std::back_inserter(stats.paused_sources));
    stats.paused_sources = relay::without_repeats(std::move(stats.paused_sources));
    if (shared_.economy) add_window(stats);
    if (shared_.paused) {
      stats.state = DestinationState::paused;
      stats.paused = true;
      stats.pause_reason = std::string(relay::paused_by_operator);
      stats.retry_at.reset();
      if (!stats.failing_since) stats.failing_since = shared_.paused_since.copy();
    }
    return stats;
  }

 private:
  /// A thread for each machine. Where the system has no more of them, this one drives those that
  /// are left over, in turn.
  void run_machines(const std::stop_token& stop) {
    std::vector<relay::Machine*> mine{machines_.front().get()};
    std::vector<std::jthread> others;
    for (std::size_t i = 1; i < machines_.size(); ++i) {
      try {
        others.emplace_back(
            [this, i](const std::stop_token& token) { run_in_turn({machines_[i].get()}, token); });
      } catch (const std::exception& error) {
        tell(error.what());
        mine.push_back(machines_[i].get());
      }
    }
    // All at once, not one after the other as they are joined.
    const std::stop_callback stop_others(stop, [&] {
      for (auto& other : others) other.request_stop();
    });
    run_in_turn(mine, stop);
  }

  void restore_pauses() {
    const auto pauses = outbox_.pauses();
    if (!pauses) throw Error(pauses.error());
    for (const auto& pause : *pauses) set_pause(pause.source, pause.since);
  }

  void set_pause(const std::optional<std::string>& source, WallTime since) {
    if (!source && !shared_.paused) {
      shared_.paused_since.with([&](auto& at) { at = since; });
      shared_.paused = true;
    }
    if (source) static_cast<void>(shared_.sources.pause_by_operator(*source, since));
  }

  void wait_for(const std::stop_token& stop) {
    while (!stop.stop_requested()) shared_.wake.wait(shared_.wake.epoch(), std::nullopt, stop);
  }

  void run_in_turn(const std::vector<relay::Machine*>& machines, const std::stop_token& stop) {
    for (auto* const machine : machines) machine->stop_with(stop);
    while (!stop.stop_requested()) {
      const auto epoch = shared_.wake.epoch();
      std::optional<SteadyTime> next;
      for (auto* const machine : machines) {
        const auto step = guarded([&] { return machine->step(); });
        const auto wanted = step ? step->next : clock_.steady_now() + exception_pause;
        if (wanted && (!next || *wanted < *next)) next = wanted;
      }
      if (!next || *next > clock_.steady_now()) shared_.wake.wait(epoch, next, stop);
    }
    for (auto* const machine : machines)
      static_cast<void>(guarded([&] {
        machine->close_session();
        return true;
      }));
  }

  /// The edge of the thread: whatever was not settled is still pending, so going on is safe. A
  /// program's own destination may throw anything.
  template <class F>
  [[nodiscard]] auto guarded(F&& function) -> std::optional<std::invoke_result_t<F>> {
    try {
      return std::forward<F>(function)();
    } catch (const std::exception& error) {
      tell(error.what());
    } catch (...) {
      tell("something that is no std::exception was thrown");
    }
    return std::nullopt;
  }

  /// Where there is no memory, there may be none for a line of the log either.
  void tell(std::string_view what) noexcept {
    try {
      log_({LogLevel::error, "relay_failed", std::format("Relaying: {}; going on.", what)});
    } catch (...) {
      return;
    }
  }

  void add_window(RelayStats& stats) const {
    stats.drain_window = config_.economy_window;
    const auto opens = shared_.economy->next_contact();
    if (!opens || stats.retry_at) return;
    const auto wait = std::max(*opens - clock_.steady_now(), SteadyTime::duration(0));
    stats.retry_at = clock_.wall_now() + std::chrono::ceil<std::chrono::milliseconds>(wait);
  }

  // Constant after construction.
  const DestinationConfig config_;
  const Clock& clock_;
  Outbox& outbox_;
  const LogSink log_;
  // Guarded: any thread.
  relay::Shared shared_;
  // Each owned by its thread, but for its stats.
  std::vector<std::unique_ptr<relay::Machine>> machines_;
};

Relay::Relay(Options options, Dependencies dependencies)
    : impl_(std::make_unique<Impl>(options, std::move(dependencies))) {}
Relay::~Relay() = default;

RelayStep Relay::run_once() {
  return impl_->step();
}
void Relay::run(std::stop_token stop) {
  impl_->run(stop);
}
void Relay::wake() {
  impl_->wake();
}
std::expected<bool, Failure> Relay::pause(const std::optional<std::string>& source,
                                          const Actor& by) {
  return impl_->pause(source, by);
}
std::expected<bool, Failure> Relay::resume(const std::optional<std::string>& source,
                                           const Actor& by) {
  return impl_->resume(source, by);
}
std::optional<HeldBack> Relay::hold_back(std::int64_t seq, std::chrono::milliseconds limit) {
  return impl_->hold_back(seq, limit);
}
DestinationProbe Relay::probe(std::chrono::milliseconds limit) {
  return impl_->probe(limit);
}
RelayStats Relay::stats() const {
  return impl_->stats();
}

}  // namespace holdfast
