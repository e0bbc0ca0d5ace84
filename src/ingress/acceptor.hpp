#pragma once

#include <functional>
#include <thread>

namespace holdfast::ingress {

/// Accepts connections until it is stopped. The HTTP library's own loop is not used, because it
/// closes the listening socket for good at the first ENFILE, ENOBUFS or ENOMEM, and spins at
/// EMFILE.
///
/// Threads:  one owner; the callbacks run on the accepting thread.
class Acceptor {
 public:
  struct Callbacks {
    std::function<void(int)> accepted;  ///< Owns the socket.
    std::function<void(int)>
        exhausted;  ///< The errno of an accept that lacked descriptors or memory.
  };
  /// Needs:    `listener` listens, and stays open until stop() has returned. It is made
  /// non-blocking.
  Acceptor(int listener, Callbacks callbacks);
  ~Acceptor();
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  /// Takes what the system has accepted already, then ends.
  void stop();

 private:
  enum class Taken { all, exhausted };
  void run();
  [[nodiscard]] Taken take_waiting();
  [[nodiscard]] bool wait(bool for_connections, int milliseconds) const;

  // Constant after construction.
  const int listener_;
  const int wake_;  ///< An eventfd: readable once stop() was called.
  const Callbacks callbacks_;
  std::jthread thread_;
};

}  // namespace holdfast::ingress
