#include "relay/relay_holder.hpp"

#include <array>
#include <exception>
#include <format>
#include <utility>

#include "base/thread_name.hpp"
#include "relay/flights.hpp"
#include "relay/merge_stats.hpp"

namespace holdfast::relay {
namespace {

/// Time beyond the limit for an interrupted delivery to come back.
constexpr std::chrono::seconds interrupt_grace{2};

/// What stays true of a relay that is gone: what it counted and when, not how it stood.
RelayStats of_the_past(RelayStats stats) {
  stats.state = DestinationState::unconfigured;
  stats.paused = false;
  stats.pause_reason.reset();
  stats.paused_sources.clear();
  stats.failing_since.reset();
  stats.retry_at.reset();
  stats.consecutive_failures = 0;
  return stats;
}

std::vector<Destination*> pointers(const std::vector<std::unique_ptr<Destination>>& destinations) {
  std::vector<Destination*> each;
  for (const auto& destination : destinations) each.push_back(destination.get());
  return each;
}

}  // namespace

RelayHolder::Running::Running(Parts parts, const Dependencies& dependencies,
                              std::shared_ptr<Flights> flights)
    : destinations(std::move(parts.destinations)),
      relay(std::move(parts.options), {.outbox = dependencies.outbox,
                                       .destinations = pointers(destinations),
                                       .clock = dependencies.clock,
                                       .log = dependencies.log,
                                       .flights = std::move(flights)}) {}

void RelayHolder::Running::interrupt() {
  for (const auto& destination : destinations) destination->interrupt();
}

RelayHolder::RelayHolder(Parts parts, Dependencies dependencies)
    : dependencies_(std::move(dependencies)),
      flights_(std::make_shared<Flights>()),
      current_(std::make_shared<Running>(std::move(parts), dependencies_, flights_)) {}

RelayHolder::~RelayHolder() {
  (void)stop(std::chrono::milliseconds(0));
}

void RelayHolder::start() {
  // noexcept: a process that ends is started again; a thread that is gone delivers nothing.
  thread_ = std::jthread([this]() noexcept { run(); });
}

void RelayHolder::run() noexcept {
  base::name_this_thread("hf-relay");
  SharedRunning running;
  std::stop_token turn;
  while (next_turn(running, turn)) {
    running->relay.run(turn);
    running.reset();
  }
}

/// False when it is time to end.
bool RelayHolder::next_turn(SharedRunning& running, std::stop_token& turn) {
  for (;;) {
    take_over();
    const std::scoped_lock lock(mutex_);
    if (stopping_) {
      ended_ = true;
      changed_.notify_all();
      return false;
    }
    if (offered_) continue;  // Since.
    turn_ = std::stop_source();
    turn = turn_.get_token();
    running = current_;
    return true;
  }
}

/// Between two runs: what is offered becomes what is in force.
void RelayHolder::take_over() {
  std::optional<Parts> parts;
  {
    const std::scoped_lock lock(mutex_);
    parts = std::exchange(offered_, std::nullopt);
    taking_ = parts.has_value();
  }
  if (!parts) return;
  auto became = become(*std::move(parts));
  {
    const std::scoped_lock lock(mutex_);
    taking_ = false;
    if (!became) refusal_ = std::move(became.error());
  }
  changed_.notify_all();
}

/// Made here and not where it was offered: it reads the pauses that operators have made until now.
std::expected<void, Failure> RelayHolder::become(Parts parts) {
  const std::scoped_lock operators(operator_mutex_);
  try {
    auto next = std::make_shared<Running>(std::move(parts), dependencies_, flights_);
    auto past = std::make_shared<const RelayStats>(of_the_past(stats()));
    const std::scoped_lock lock(mutex_);
    current_.swap(next);
    past_.swap(past);
    return {};
  } catch (const Error& error) {
    return std::unexpected(error.failure());
  } catch (const std::exception& error) {
    return std::unexpected(
        Failure{FailureKind::unavailable, std::format("making a relay: {}", error.what())});
  }
}

template <class Ended>
bool RelayHolder::end_turn(std::chrono::milliseconds limit, const std::stop_token& give_up,
                           Ended ended) {
  std::unique_lock lock(mutex_);
  auto turn = turn_;
  const auto running = current_;
  lock.unlock();
  // Not under the lock: it calls whatever waits for it.
  (void)turn.request_stop();
  lock.lock();
  if (changed_.wait_for(lock, give_up, limit, ended)) return true;
  if (give_up.stop_requested()) return false;
  // Not under the lock either: a program's own destination may ask how the relay stands.
  lock.unlock();
  running->interrupt();
  lock.lock();
  return changed_.wait_for(lock, give_up, interrupt_grace, ended);
}

std::expected<void, Failure> RelayHolder::replace(Parts parts, std::chrono::milliseconds limit,
                                                  const std::stop_token& give_up) {
  {
    const std::scoped_lock lock(mutex_);
    offered_ = std::move(parts);
    refusal_.reset();
  }
  const auto is_over = [this] { return !offered_ && !taking_; };
  const bool in_time = end_turn(limit, give_up, is_over);
  std::optional<Parts> withdrawn;  // Goes when the lock was given back.
  std::unique_lock lock(mutex_);
  if (!in_time) withdrawn = std::exchange(offered_, std::nullopt);
  // The thread goes on with the old one when it comes back.
  if (withdrawn)
    return std::unexpected(
        Failure{FailureKind::unavailable,
                "replacing the relay: the delivery under way did not end in time, as in a name "
                "look-up; try again later"});
  // Taken just now: it is a matter of moments.
  changed_.wait(lock, is_over);
  if (refusal_) return std::unexpected(*refusal_);
  return {};
}

bool RelayHolder::stop(std::chrono::milliseconds limit) {
  if (!thread_.joinable()) return true;
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  const bool ended = end_turn(limit, {}, [this] { return ended_; });
  flights_->close();
  if (ended) thread_.join();
  return ended;
}

RelayHolder::SharedRunning RelayHolder::current() const {
  const std::scoped_lock lock(mutex_);
  return current_;
}

void RelayHolder::wake() {
  current()->relay.wake();
}

std::expected<bool, Failure> RelayHolder::pause(const std::optional<std::string>& source,
                                                const Actor& by) {
  const std::scoped_lock operators(operator_mutex_);
  return current()->relay.pause(source, by);
}

std::expected<bool, Failure> RelayHolder::resume(const std::optional<std::string>& source,
                                                 const Actor& by) {
  const std::scoped_lock operators(operator_mutex_);
  return current()->relay.resume(source, by);
}

std::optional<HeldBack> RelayHolder::hold_back(std::int64_t seq, std::chrono::milliseconds limit) {
  return current()->relay.hold_back(seq, limit);
}

DestinationProbe RelayHolder::probe(std::chrono::milliseconds limit) {
  return current()->relay.probe(limit);
}

RelayStats RelayHolder::stats() const {
  std::unique_lock lock(mutex_);
  const auto running = current_;
  const auto past = past_;
  lock.unlock();
  auto now = running->relay.stats();
  if (!past) return now;
  return merge_stats(std::array{std::move(now), *past});
}

}  // namespace holdfast::relay
