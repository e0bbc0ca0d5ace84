#pragma once

#include <atomic>
#include <chrono>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <thread>
#include <vector>

#include "holdfast/clock.hpp"
#include "holdfast/config.hpp"
#include "holdfast/destination.hpp"
#include "holdfast/failure.hpp"
#include "holdfast/log.hpp"
#include "holdfast/outbox.hpp"
#include "relay/relay_holder.hpp"

namespace holdfast::embedded {

/// The durable middle of the daemon and of a program that embeds it: outbox, writer thread, relay
/// thread, started and stopped in order.
///
/// Threads:  start, replace_relay, stop: one owner. What the outbox and the relay offer: any.
class Core {
 public:
  struct Settings {
    OutboxConfig outbox;
    DestinationConfig destination;
    std::vector<SourceConfig> sources;
    /// In place of Postgres; empty: Postgres as `destination` says, or nothing without its URL.
    std::vector<std::unique_ptr<Destination>> destinations = {};
  };
  struct Dependencies {
    const Clock& clock;
    LogSink log;
    std::function<void(const Failure&)> on_broken;
  };
  /// Errors:   those of Outbox::open; refused (a URL, schema or statement that cannot be used).
  [[nodiscard]] static std::expected<std::unique_ptr<Core>, Failure> start(
      Settings settings, Dependencies dependencies);
  ~Core();
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  [[nodiscard]] Outbox& outbox() { return *outbox_; }
  [[nodiscard]] const Outbox& outbox() const { return *outbox_; }
  [[nodiscard]] relay::RelayHolder& relay() { return *relay_; }
  [[nodiscard]] const relay::RelayHolder& relay() const { return *relay_; }
  /// Delivers to Postgres by other settings from now on; see RelayHolder::replace.
  [[nodiscard]] std::expected<void, Failure> replace_relay(const DestinationConfig& destination,
                                                           const std::vector<SourceConfig>& sources,
                                                           std::chrono::milliseconds limit,
                                                           const std::stop_token& give_up);
  /// Ends the batch, commits what still waits, checkpoints and closes.
  ///
  /// Blocks:   for the batch at most `limit`, and then 2 s more.
  /// Returns:  false if the relay did not end in time: it still runs.
  [[nodiscard]] bool stop(std::chrono::milliseconds limit);

 private:
  using Parts = relay::RelayHolder::Parts;

  explicit Core(Dependencies dependencies) : dependencies_(std::move(dependencies)) {}
  [[nodiscard]] std::expected<Parts, Failure> parts(
      const DestinationConfig& destination, const std::vector<SourceConfig>& sources,
      std::vector<std::unique_ptr<Destination>> destinations) const;
  [[nodiscard]] std::expected<void, Failure> begin(Settings settings);

  // Constant after construction.
  const Dependencies dependencies_;
  // Set by start, then constant. In the order of start: destroyed the other way round.
  std::unique_ptr<Outbox> outbox_;
  std::unique_ptr<relay::RelayHolder> relay_;
  std::jthread writer_;
  // Atomic: any thread.
  std::atomic<bool> broken_ = false;
  // Owned by the owner.
  std::optional<bool> stopped_;  ///< What stop has answered.
};

}  // namespace holdfast::embedded
