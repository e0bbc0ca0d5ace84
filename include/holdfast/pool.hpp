#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "holdfast/clock.hpp"
#include "holdfast/destination.hpp"
#include "holdfast/export.hpp"
#include "holdfast/secret.hpp"

namespace holdfast {

namespace wrapper {
class PoolImpl;
}

/// Which database a pool connects to, how often, and how patiently. The constructor of Pool checks
/// them.
struct PoolOptions {
  /// Any libpq URL or key=value string. What it lacks is added: keepalives, a limit for
  /// unacknowledged data, `application_name` holdfast. Never printed.
  Secret url = {};
  /// Connections at most. 4, enough for a program whose work is short; 1 to 1,000. Less: more
  /// waiting for a place. More: more of the server's few places.
  std::size_t size = 4;
  /// How long a caller waits for a place. 5 s, beyond which more callers only add to the queue;
  /// from 0, which never waits, to 24 h. Less: a burst is refused. More: callers pile up behind
  /// slow work.
  std::chrono::milliseconds place_wait_max{5'000};
  /// How long opening a connection may take; `connect_timeout` of the URL wins, up to 24 h. 15 s,
  /// so that a suspended compute can wake; 1 ms to 24 h. Less: it never wakes in time. More: a dead
  /// server is noticed later.
  std::chrono::milliseconds connect_timeout{15'000};
  /// A connection that nobody used for this long is closed, so that a server that sleeps when it is
  /// alone can. 60 s, well below the 5 min after which Neon suspends; 1 ms to 24 h. Less: more
  /// connects. More: a compute stays awake longer, and costs.
  std::chrono::milliseconds idle_close{60'000};
  /// Where time comes from; it must outlive the pool and its calls. Its steady_now() must be the
  /// value of std::chrono::steady_clock, which a test may shift: waits sleep by the machine's clock
  /// until a time of this one. nullptr: the machine's.
  const Clock* clock = nullptr;
  /// How the time before a retry passes, such as in a test or on a fiber. Empty: the thread waits
  /// until then, or until shutdown().
  std::function<void(std::chrono::milliseconds)> wait = {};
};

/// The last failure of a connection.
struct ConnectionFault {
  WallTime at{};                                             ///< When it was met.
  DeliveryClass delivery_class = DeliveryClass::connection;  ///< By the rules of the relay.
  std::string sqlstate;                                      ///< Empty where libpq gives none.
  std::string message;  ///< Without addresses, users and passwords.
};

/// What a pool is doing and has done since it was made.
struct PoolStats {
  std::size_t size = 0;              ///< PoolOptions::size.
  std::size_t in_use = 0;            ///< Connecting ones, too.
  std::size_t idle = 0;              ///< Open, and nobody uses them.
  std::size_t waiting = 0;           ///< Callers that wait for a place.
  std::uint64_t connects = 0;        ///< That succeeded.
  std::uint64_t found_dead = 0;      ///< Idle connections whose server had hung up.
  std::uint64_t closed_idle = 0;     ///< After `idle_close`.
  std::uint64_t place_timeouts = 0;  ///< Callers that waited for a place in vain.
  /// Retries by the class of the failure before, in the order of DeliveryClass.
  std::array<std::uint64_t, 9> retries{};
  std::optional<ConnectionFault> last_fault;  ///< nullopt: none so far.
  /// The retries after failures of one class.
  [[nodiscard]] std::uint64_t retries_of(DeliveryClass delivery_class) const {
    return retries.at(static_cast<std::size_t>(delivery_class));
  }
};

/// A few connections to Postgres that the calls of with_db share. They are opened when needed.
/// Whether an idle one still lives is asked of its socket, without a round trip: a server that was
/// restarted, or a compute that suspended, costs a new connection and neither a failure nor a
/// delay.
///
/// Promise:  never more than `size` connections. Callers get a place in the order in which they
///           came. The last connection to come back is the next to be used, so that what is not
///           needed grows old and is closed.
/// Needs:    work that leaves no state in the session (SET, LISTEN, temporary tables), as behind a
///           pooler in transaction mode.
/// Threads:  any. One thread of its own closes idle connections; it sleeps until one is due.
/// Blocks:   never on the network, construction and destruction included. A call that runs when the
///           pool is destroyed goes on with its connection, but waits for nothing any more.
/// Errors:   Error of kind invalid, from the constructor: options that cannot work, with the cure.
class HOLDFAST_EXPORT Pool {
 public:
  explicit Pool(PoolOptions options);  ///< Connects nothing yet.
  /// As shutdown().
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  /// Ends all waits for a place, for a connection and for a retry, and refuses new calls; running
  /// statements end by themselves. Idle connections are closed.
  ///
  /// Blocks:   never.
  void shutdown();
  /// Closes what has been idle for `idle_close`, as the pool does by itself; returns how many.
  std::size_t close_idle();
  [[nodiscard]] PoolStats stats() const;  ///< Consistent with itself, as of now.
  /// For the functions of postgres.hpp.
  [[nodiscard]] std::shared_ptr<wrapper::PoolImpl> impl() const { return impl_; }

 private:
  std::shared_ptr<wrapper::PoolImpl> impl_;
};

/// Whether the database answers a query now, and what the pool has met.
struct ConnectionHealth {
  bool ok = false;                      ///< It answered in time.
  std::chrono::microseconds latency{};  ///< From the question to the answer, connecting included.
  std::string error;                    ///< Empty if ok; without addresses, users and passwords.
  PoolStats stats;                      ///< After the question.
};

/// Asks the database for `SELECT 1` through a connection of the pool.
///
/// Promise:  returns within `timeout` even if the server accepts and never answers; retries
///           nothing.
/// Needs:    `timeout` more than 0; one over 24 h counts as 24 h.
/// Threads:  any.
/// Blocks:   up to `timeout`; only the lookup of a host name has the resolver's own limit.
[[nodiscard]] HOLDFAST_EXPORT ConnectionHealth
connection_health(Pool& pool, std::chrono::milliseconds timeout = std::chrono::seconds(5));

}  // namespace holdfast
