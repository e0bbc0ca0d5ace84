#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "holdfast/clock.hpp"
#include "ingress/network.hpp"

namespace holdfast::ingress {

/// One accepted socket: bytes in through a buffer and out, each with a deadline. Owns the socket.
///
/// Threads:  one at a time; another may only shut the socket down.
class Connection {
 public:
  enum class Fill { data, closed, timed_out };

  Connection(int socket, const Clock& clock) : socket_(socket), clock_(clock) {}
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  [[nodiscard]] int socket() const { return socket_; }
  /// nullopt if the peer is gone already.
  [[nodiscard]] std::optional<IpAddress> peer() const;
  /// What was received and not consumed yet.
  [[nodiscard]] std::string_view buffered() const;
  void consume(std::size_t bytes);
  /// Blocks:   until more bytes are buffered, or `deadline`.
  [[nodiscard]] Fill fill(SteadyTime deadline);
  /// Blocks:   until all is handed to the system, at most write_limit.
  [[nodiscard]] bool send(std::string_view bytes);
  /// Ends the sending side and reads on for a while, because a socket that is closed with unread
  /// bytes is reset, and the reset takes the answer from a peer that has not read it yet.
  /// Blocks:   until the peer closes, at most linger_limit.
  void linger();

 private:
  [[nodiscard]] bool wait_for(short events, SteadyTime deadline) const;

  const int socket_;
  const Clock& clock_;
  std::string buffer_;
  std::size_t consumed_ = 0;  ///< Of buffer_.
};

}  // namespace holdfast::ingress
