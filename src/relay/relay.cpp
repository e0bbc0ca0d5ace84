#include "holdfast/relay.hpp"

#include <exception>
#include <format>
#include <utility>

#include "base/wake_signal.hpp"
#include "relay/machine.hpp"

namespace holdfast {
namespace {

/// After an exception, which can only be lack of memory, the loop waits before it goes on.
constexpr std::chrono::milliseconds exception_pause{1'000};

}  // namespace

class Relay::Impl {
 public:
  Impl(Options options, const Dependencies& dependencies)
      : clock_(dependencies.clock),
        log_(dependencies.log),
        machine_(std::move(options), dependencies) {}

  [[nodiscard]] RelayStep step() { return machine_.step(); }
  void wake() { wake_.raise(); }
  [[nodiscard]] RelayStats stats() const { return machine_.stats(); }

  void run(const std::stop_token& stop) {
    machine_.stop_with(stop);
    while (!stop.stop_requested()) {
      const auto epoch = wake_.epoch();
      const RelayStep next = guarded_step();
      if (!next.next || *next.next > clock_.steady_now()) wake_.wait(epoch, next.next, stop);
    }
    machine_.close_session();
  }

 private:
  /// The edge of the thread: whatever was not settled is still pending, so going on is safe.
  [[nodiscard]] RelayStep guarded_step() {
    try {
      return machine_.step();
    } catch (const std::exception& error) {
      log_({LogLevel::error, "relay_failed", std::format("Relaying: {}; going on.", error.what())});
      return {clock_.steady_now() + exception_pause};
    }
  }

  // Constant after construction.
  const Clock& clock_;
  const LogSink log_;
  // Owned by the relay thread.
  relay::Machine machine_;
  // Guarded: any thread.
  base::WakeSignal wake_;
};

Relay::Relay(Options options, Dependencies dependencies)
    : impl_(std::make_unique<Impl>(std::move(options), dependencies)) {}
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
RelayStats Relay::stats() const {
  return impl_->stats();
}

}  // namespace holdfast
