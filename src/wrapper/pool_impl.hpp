#pragma once

#include <condition_variable>
#include <deque>
#include <expected>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>

#include "base/backoff.hpp"
#include "holdfast/pool.hpp"
#include "postgres/conninfo.hpp"
#include "postgres/interrupt.hpp"
#include "postgres/session.hpp"
#include "wrapper/connection.hpp"

namespace holdfast::wrapper {

class PoolImpl;

/// A place in the pool with its connection. It goes back when this ends: to be used again if the
/// session is fit for it, else closed.
class Lease {
 public:
  Lease(PoolImpl& pool, std::unique_ptr<Connection> connection)
      : pool_(&pool), connection_(std::move(connection)) {}
  ~Lease();
  Lease(Lease&& other) noexcept
      : pool_(std::exchange(other.pool_, nullptr)), connection_(std::move(other.connection_)) {}
  Lease& operator=(Lease&&) = delete;

  [[nodiscard]] Connection& operator*() const { return *connection_; }
  [[nodiscard]] Connection* operator->() const { return connection_.get(); }
  /// Closes the connection at the end, whatever its state.
  void drop() { dropped_ = true; }
  /// For what needs the connection as a whole; an empty one is a free place at the end.
  [[nodiscard]] std::unique_ptr<Connection>& connection() { return connection_; }

 private:
  PoolImpl* pool_;
  std::unique_ptr<Connection> connection_;
  bool dropped_ = false;
};

/// What is behind a Pool, shared with the calls that run.
class PoolImpl {
 public:
  explicit PoolImpl(PoolOptions options, postgres::Conninfo conninfo);
  ~PoolImpl();
  PoolImpl(const PoolImpl&) = delete;
  PoolImpl& operator=(const PoolImpl&) = delete;

  /// A connection that is alive as far as its socket knows.
  ///
  /// Blocks:   for a place and for connecting, each up to its limit and `deadline`.
  /// Errors:   returns why connecting failed; throws Error: overloaded, or unavailable at shutdown.
  [[nodiscard]] std::expected<Lease, postgres::SqlError> take(std::optional<SteadyTime> deadline);
  void give_back(std::unique_ptr<Connection> connection, bool usable);
  /// Lets the time before a retry pass; false if the pool was shut down.
  [[nodiscard]] bool pause(std::chrono::milliseconds delay);
  /// The time before a retry, with its part by chance.
  [[nodiscard]] std::chrono::milliseconds draw_delay(std::chrono::milliseconds ceiling,
                                                     double jitter);
  void shutdown();
  std::size_t close_idle();
  void note_fault(ConnectionFault fault);
  void note_retry(DeliveryClass delivery_class);
  [[nodiscard]] PoolStats stats() const;
  [[nodiscard]] const Clock& clock() const { return clock_; }
  [[nodiscard]] const postgres::Interrupt& interrupt() const { return interrupt_; }

 private:
  /// Takes a place, and the connection that came back last if there is one.
  [[nodiscard]] std::unique_ptr<Connection> wait_for_place(std::optional<SteadyTime> deadline);
  /// With the mutex held.
  [[nodiscard]] std::unique_ptr<Connection> pop_idle();
  /// Wakes who is first in line if there is a place; with the mutex held.
  void call_next();
  [[nodiscard]] std::expected<std::unique_ptr<Connection>, postgres::SqlError> connect(
      std::optional<SteadyTime> deadline);
  [[nodiscard]] std::expected<std::unique_ptr<Connection>, postgres::SqlError> find_or_connect(
      std::unique_ptr<Connection> idle, std::optional<SteadyTime> deadline);
  void free_place();
  void keep(const std::stop_token& stop);

  // Constant after construction.
  const PoolOptions options_;
  const postgres::Conninfo conninfo_;
  const SystemClock system_clock_{};
  const Clock& clock_;
  postgres::Interrupt interrupt_;  ///< Raised at shutdown and never consumed.

  // Guarded: any thread.
  mutable std::mutex mutex_;
  /// Who waits for a place, first come first served: only the front may take one, so that nobody
  /// who comes later overtakes one that is still waking up. Each is its waiter's own, and leaves
  /// the line before it ends.
  std::deque<std::condition_variable*> line_;
  std::condition_variable stopped_;
  std::condition_variable_any idle_changed_;
  /// The one that came back last at the end, so the oldest at the beginning. A place is needed to
  /// add one, and connecting begins only where there is none, so both together are at most `size`.
  std::deque<std::unique_ptr<Connection>> idle_;
  PoolStats stats_;  ///< `in_use` counts the places taken; `idle` and `waiting` are not kept.
  bool stopping_ = false;
  base::Jitter jitter_;

  std::jthread keeper_;  ///< Closes idle connections. Last: it uses all of the above.
};

}  // namespace holdfast::wrapper
