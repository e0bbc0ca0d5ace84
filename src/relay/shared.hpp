#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/guarded.hpp"
#include "base/wake_signal.hpp"
#include "holdfast/config.hpp"
#include "relay/economy.hpp"
#include "relay/flights.hpp"
#include "relay/probe_desk.hpp"
#include "relay/source_pauses.hpp"

namespace holdfast::relay {

/// Each machine finds out for itself that the destination refuses us as a whole; the operator is
/// told once.
///
/// Threads:  any.
class DestinationPauses {
 public:
  /// True if no other machine is paused for this reason already.
  [[nodiscard]] bool paused(std::uint32_t machine, std::string_view reason);
  /// True if no machine is paused any more.
  [[nodiscard]] bool resumed(std::uint32_t machine);

 private:
  // Guarded: any thread.
  base::Guarded<std::map<std::uint32_t, std::string>> reasons_;
};

/// Whether a machine has something to do once an entry is appended. Who is deaf listens again
/// before it looks at the outbox the next time, so an append has no need to wake it: while a
/// destination is down each of thousands a second would.
///
/// Threads:  the machine's.
class Ear {
 public:
  explicit Ear(std::atomic<int>& listening) : listening_(listening) {}
  void listen(bool listens) {
    if (std::exchange(listens_, listens) != listens) listening_.fetch_add(listens ? 1 : -1);
  }

 private:
  std::atomic<int>& listening_;
  bool listens_ = false;
};

/// What the machines of one relay share. Everything else each has for itself.
///
/// Threads:  any.
struct Shared {
  /// `flights`: those of the relay before this one; null: new ones.
  Shared(const DestinationConfig& config, std::uint32_t machines,
         std::shared_ptr<Flights> flights = nullptr);
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;

  const std::uint32_t machines;
  base::WakeSignal wake;
  std::atomic<int> listening = 0;  ///< So many ears.
  SourcePauses sources;
  std::optional<Economy> economy;  ///< None: everything is delivered at once.
  DestinationPauses destination;
  const std::shared_ptr<Flights> flights;
  ProbeDesk probes;
  std::atomic<bool> paused = false;  ///< By an operator: nothing is delivered.
  base::Guarded<WallTime> paused_since{WallTime{}};
};

/// What a machine works with, and whom it delivers to; all of it outlives the machine.
struct MachineDependencies {
  Outbox& outbox;
  Destination& destination;
  const Clock& clock;
  const LogSink& log;
  Shared& shared;
};

}  // namespace holdfast::relay
