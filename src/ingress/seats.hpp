#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>

namespace holdfast::ingress {

/// The open connections, at most `max` of them. A connection that waits for its next request gives
/// way to a new one when all seats are taken, the longest waiting first: idle keep-alive clients
/// must never keep a sender out. While all are in a request a new one waits a little, because most
/// requests end within milliseconds and some providers never try again after a 503.
///
/// Threads:  any.
class Seats {
 public:
  /// The seat of one connection, held while it is open. Does not own the socket, but must be gone
  /// before that is closed, because others shut the socket down through it.
  class Seat {
   public:
    ~Seat();
    Seat(const Seat&) = delete;
    Seat& operator=(const Seat&) = delete;
    /// False if no place was free: say so and leave.
    [[nodiscard]] bool taken() const { return taken_; }
    /// From now on this connection may be made to give way.
    void wait_for_request();
    /// A request has begun. False if the connection had to give way: leave without an answer.
    [[nodiscard]] bool begin_request();

   private:
    friend class Seats;
    Seat(Seats& seats, int socket);

    Seats& seats_;
    const int socket_;
    bool taken_ = false;
    // Guarded by the mutex of seats_.
    bool idle_ = false;
    bool given_way_ = false;
    std::uint64_t idle_since_ = 0;  ///< Turn number; smaller waits longer.
    std::list<Seat*>::iterator place_;
  };

  Seats(std::size_t max, std::chrono::milliseconds patience) : max_(max), patience_(patience) {}

  /// Blocks:   until a seat is free or a connection waits, at most `patience`.
  [[nodiscard]] Seat sit(int socket) { return {*this, socket}; }
  [[nodiscard]] std::size_t count() const;
  [[nodiscard]] bool closing() const;
  /// Ends the connections that wait for a request; those in a request may finish it.
  void close_idle();
  /// Cuts every connection.
  void cut_all();
  /// Makes the longest waiting connection leave; false if none waits.
  bool evict_idle();

 private:
  [[nodiscard]] bool evict_longest_idle();

  // Constant after construction.
  const std::size_t max_;
  const std::chrono::milliseconds patience_;
  // Guarded by mutex_: any thread.
  mutable std::mutex mutex_;
  std::condition_variable changed_;  ///< A seat was given up, or a connection waits.
  std::list<Seat*> seats_;  ///< All connections with a seat, and those that are giving way.
  std::size_t taken_ = 0;
  std::uint64_t turn_ = 0;
  bool closing_ = false;
};

}  // namespace holdfast::ingress
