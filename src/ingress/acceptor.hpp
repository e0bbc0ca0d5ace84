#pragma once

#include <functional>
#include <thread>

#include "ingress/network.hpp"

namespace holdfast::ingress {

/// Accepts connections until it is stopped. The HTTP library's own loop is not used, because it
/// closes the listening socket for good at the first ENFILE, ENOBUFS or ENOMEM, and spins at
/// EMFILE. One descriptor is kept in reserve: where there is none for a new connection, the reserve
/// is given up for as long as it takes to tell the sender so.
///
/// Threads:  one owner; the callbacks run on the accepting thread.
class Acceptor {
 public:
  struct Callbacks {
    /// Owns the socket from the call on, also if it throws; who is there.
    std::function<void(int, const IpAddress&)> accepted;
    /// The errno of an accept that lacked descriptors or memory. True if that will soon be over:
    /// the connection then waits for the next try.
    std::function<bool(int)> exhausted;
    /// Must say no to this socket and leave it to the caller to close.
    std::function<void(int)> refused;
  };
  /// Needs:    `listener` listens, and stays open until stop() has returned. It is made
  ///           non-blocking.
  Acceptor(int listener, Callbacks callbacks);
  ~Acceptor();
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  /// Takes what the system has accepted already, then ends.
  void stop();

 private:
  enum class Taken { all, some, exhausted };
  void run();
  [[nodiscard]] Taken take_waiting();
  [[nodiscard]] bool refuse_one();
  [[nodiscard]] bool wait(bool for_connections, int milliseconds) const;

  // Constant after construction.
  const int listener_;
  const int wake_;  ///< An eventfd: readable once stop() was called.
  const Callbacks callbacks_;
  int reserve_;  ///< Owned by the accepting thread; -1 while it is given up.
  std::jthread thread_;
};

}  // namespace holdfast::ingress
