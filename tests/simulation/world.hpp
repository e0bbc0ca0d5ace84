#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "holdfast/config.hpp"
#include "holdfast/outbox.hpp"
#include "holdfast/relay.hpp"
#include "ingress/intake.hpp"
#include "ingress/source.hpp"
#include "senders.hpp"
#include "support/disk_vfs.hpp"
#include "support/fake_clock.hpp"
#include "support/fake_destination.hpp"
#include "support/scratch_folder.hpp"

namespace holdfast::simulation {

/// What one start of the daemon is configured with.
struct Settings {
  std::vector<SourceConfig> sources;
  DestinationConfig destination;
  OutboxConfig outbox;
  std::uint64_t jitter_seed = 0;
};

/// What a sender was answered.
struct Answer {
  int status = 0;
  std::optional<Uuid> id;
  std::optional<bool> duplicate;  ///< Where the provider's reply says it.
};

/// One machine with its disk and its clock, the daemon that runs or does not run on it, and a
/// Postgres far away. Everything of the product is real and in this thread.
class World {
 public:
  World();
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  /// Starts the daemon; false if the outbox could not be opened.
  [[nodiscard]] bool start(const Settings& settings);
  /// As SIGTERM does.
  void stop();
  /// As kill -9, and as the _Exit(1) of a daemon whose disk failed.
  void crash();
  /// The whole machine; steady time begins anew.
  void cut_power(std::uint64_t seed);
  [[nodiscard]] bool alive() const { return outbox != nullptr && !broken_; }
  /// From now on nothing of this process reaches the disk: it is killed within what it is doing.
  void kill_within();

  /// Through path, signature and keys, as the engine does.
  [[nodiscard]] Answer post(const Request& request);
  /// One step of the relay if it asked for one; false if it wants to wait.
  bool run_relay();
  /// Lets this much time pass, with everything that falls into it.
  void pass_time(std::chrono::milliseconds time);
  /// An operator changed something; the relay was told.
  void woke() { relay_due_ = clock.steady_now(); }
  [[nodiscard]] std::optional<SteadyTime> relay_due() const { return relay_due_; }
  [[nodiscard]] bool connected() const;
  [[nodiscard]] const Settings& settings() const { return settings_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  /// Why the last start did not come to anything.
  [[nodiscard]] const std::string& refusal() const { return refusal_; }

  // Public on purpose: a test reaches into its world.
  support::FakeClock clock;
  support::DiskVfs disk;
  support::FakeDestination destination;  ///< The first session; all share its rule and rows.
  std::vector<std::unique_ptr<support::FakeDestination>> other_sessions;
  std::unique_ptr<Outbox> outbox;
  std::unique_ptr<Relay> relay;

 private:
  void keep_house();
  void let_go();

  support::ScratchFolder folder_ = support::ScratchFolder::in_memory();
  const std::string path_;
  Settings settings_;
  std::optional<ingress::SourceTable> table_;
  std::unique_ptr<ingress::Intake> intake_;
  std::optional<SteadyTime> relay_due_;
  bool broken_ = false;
  std::string refusal_;
};

}  // namespace holdfast::simulation
