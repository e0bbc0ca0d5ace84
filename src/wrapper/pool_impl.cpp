#include "wrapper/pool_impl.hpp"

#include <algorithm>
#include <format>
#include <random>

#include "holdfast/failure.hpp"

namespace holdfast::wrapper {
namespace {

using std::chrono::milliseconds;

/// With a clock that stands still, what is due is asked for this often and not at once again.
constexpr milliseconds keeper_pause_min{10};

[[noreturn]] void refuse_because_stopped() {
  throw Error({FailureKind::unavailable,
               "taking a connection: the pool is shut down; end the calls before shutdown()"});
}

}  // namespace

Lease::~Lease() {
  if (pool_ == nullptr) return;
  const bool usable = !dropped_ && connection_ != nullptr && connection_->is_reusable();
  pool_->give_back(std::move(connection_), usable);
}

PoolImpl::PoolImpl(PoolOptions options, postgres::Conninfo conninfo)
    : options_(std::move(options)),
      conninfo_(std::move(conninfo)),
      clock_(options_.clock == nullptr ? system_clock_ : *options_.clock),
      jitter_(std::random_device{}()) {
  stats_.size = options_.size;
  keeper_ = std::jthread([this](const std::stop_token& stop) { keep(stop); });
}

PoolImpl::~PoolImpl() {
  keeper_.request_stop();
  keeper_.join();
}

std::expected<Lease, postgres::SqlError> PoolImpl::take(std::optional<SteadyTime> deadline) {
  auto idle = wait_for_place(deadline);
  auto found = [&] {
    try {
      return find_or_connect(std::move(idle), deadline);
    } catch (...) {
      free_place();
      throw;
    }
  }();
  if (found) return Lease(*this, std::move(*found));
  free_place();
  {
    const std::scoped_lock lock(mutex_);
    if (stopping_) refuse_because_stopped();
  }
  return std::unexpected(std::move(found.error()));
}

std::unique_ptr<Connection> PoolImpl::wait_for_place(std::optional<SteadyTime> deadline) {
  const auto begin = clock_.steady_now();
  auto until = begin + options_.place_wait_max;
  if (deadline) until = std::min(until, *deadline);
  std::condition_variable turn;
  std::unique_lock lock(mutex_);
  line_.push_back(&turn);
  const bool ready = turn.wait_until(lock, until, [&] {
    return stopping_ || (line_.front() == &turn && stats_.in_use < options_.size);
  });
  std::erase(line_, &turn);
  if (stopping_) refuse_because_stopped();
  if (ready) {
    ++stats_.in_use;
    // Two may have come free before this one woke.
    call_next();
    return pop_idle();
  }
  ++stats_.place_timeouts;
  const auto waited = std::max(std::chrono::round<milliseconds>(until - begin), milliseconds(0));
  throw Error(
      {FailureKind::overloaded,
       std::format("taking a connection: all {} places were taken for {}; make the work shorter, "
                   "or raise PoolOptions::size or place_wait_max",
                   options_.size, waited)});
}

void PoolImpl::call_next() {
  if (!line_.empty() && stats_.in_use < options_.size) line_.front()->notify_one();
}

std::unique_ptr<Connection> PoolImpl::pop_idle() {
  if (idle_.empty()) return nullptr;
  auto connection = std::move(idle_.back());
  idle_.pop_back();
  return connection;
}

std::expected<std::unique_ptr<Connection>, postgres::SqlError> PoolImpl::find_or_connect(
    std::unique_ptr<Connection> idle, std::optional<SteadyTime> deadline) {
  while (idle) {
    if (idle->is_quiet()) return idle;
    idle.reset();
    const std::scoped_lock lock(mutex_);
    ++stats_.found_dead;
    idle = pop_idle();
  }
  return connect(deadline);
}

std::expected<std::unique_ptr<Connection>, postgres::SqlError> PoolImpl::connect(
    std::optional<SteadyTime> deadline) {
  postgres::Conninfo conninfo = conninfo_;
  if (deadline) {
    const auto left = std::chrono::floor<milliseconds>(*deadline - clock_.steady_now());
    conninfo.connect_timeout = std::clamp(left, milliseconds(1), conninfo.connect_timeout);
  }
  auto session = postgres::Session::open(conninfo, clock_, interrupt_);
  if (!session) return std::unexpected(session.error());
  auto connection = std::make_unique<Connection>(std::move(*session).release());
  const std::scoped_lock lock(mutex_);
  ++stats_.connects;
  return connection;
}

void PoolImpl::give_back(std::unique_ptr<Connection> connection, bool usable) {
  if (connection) connection->forget_handler();
  // Closed before its place is free, so that the server never sees more than `size`.
  if (!usable) connection.reset();
  std::unique_ptr<Connection> unwanted;
  {
    const std::scoped_lock lock(mutex_);
    if (stopping_) {
      unwanted = std::move(connection);
    } else if (connection) {
      connection->idle_since = clock_.steady_now();
      idle_.push_back(std::move(connection));
    }
    --stats_.in_use;
    call_next();
  }
  idle_changed_.notify_one();
}

void PoolImpl::free_place() {
  give_back(nullptr, false);
}

bool PoolImpl::pause(milliseconds delay) {
  if (options_.wait) options_.wait(delay);
  std::unique_lock lock(mutex_);
  if (options_.wait) return !stopping_;
  return !stopped_.wait_for(lock, delay, [&] { return stopping_; });
}

milliseconds PoolImpl::draw_delay(milliseconds ceiling, double jitter) {
  const milliseconds by_chance(
      static_cast<milliseconds::rep>(static_cast<double>(ceiling.count()) * jitter));
  const std::scoped_lock lock(mutex_);
  return ceiling - jitter_.up_to(std::min(by_chance, ceiling));
}

void PoolImpl::shutdown() {
  std::deque<std::unique_ptr<Connection>> closing;
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    closing.swap(idle_);
    for (auto* turn : line_) turn->notify_one();
  }
  interrupt_.raise();
  stopped_.notify_all();
  keeper_.request_stop();
}

std::size_t PoolImpl::close_idle() {
  std::deque<std::unique_ptr<Connection>> closing;
  {
    const std::scoped_lock lock(mutex_);
    const auto newest = clock_.steady_now() - options_.idle_close;
    while (!idle_.empty() && idle_.front()->idle_since <= newest) {
      closing.push_back(std::move(idle_.front()));
      idle_.pop_front();
    }
    // Their places are taken until they are closed.
    stats_.in_use += closing.size();
  }
  const std::size_t closed = closing.size();
  closing.clear();
  {
    const std::scoped_lock lock(mutex_);
    stats_.in_use -= closed;
    stats_.closed_idle += closed;
    call_next();
  }
  return closed;
}

void PoolImpl::keep(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(mutex_);
      idle_changed_.wait(lock, stop, [&] { return !idle_.empty(); });
      if (stop.stop_requested()) return;
      const auto due = idle_.front()->idle_since + options_.idle_close;
      const auto left = std::chrono::ceil<milliseconds>(due - clock_.steady_now());
      // Who comes meanwhile is due later, so nothing but the stop can end this sooner.
      idle_changed_.wait_for(lock, stop, std::max(left, keeper_pause_min), [] { return false; });
    }
    close_idle();
  }
}

void PoolImpl::note_fault(ConnectionFault fault) {
  fault.at = clock_.wall_now();
  const std::scoped_lock lock(mutex_);
  stats_.last_fault = std::move(fault);
}

void PoolImpl::note_retry(DeliveryClass delivery_class) {
  const std::scoped_lock lock(mutex_);
  ++stats_.retries.at(static_cast<std::size_t>(delivery_class));
}

PoolStats PoolImpl::stats() const {
  const std::scoped_lock lock(mutex_);
  PoolStats stats = stats_;
  stats.idle = idle_.size();
  stats.waiting = line_.size();
  return stats;
}

}  // namespace holdfast::wrapper
