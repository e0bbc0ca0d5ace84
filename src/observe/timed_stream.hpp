#pragma once

#include <httplib.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <optional>

#include "holdfast/clock.hpp"

namespace holdfast::observe {

/// How long a thread waits for a client while others wait for a thread: for its request to begin,
/// and then for all of it and the reading of the answer. A healthy one needs a few milliseconds.
inline constexpr std::chrono::milliseconds give_way_after{250};

/// One accepted connection with a deadline for each whole request. The library's own stream limits
/// each read alone, so that a client that sends a byte a second could hold a thread for an hour;
/// and it notices a stop only when that limit has passed. Nor does it know that others wait for the
/// thread: a client that is idle or slow gives way to them.
///
/// Threads:  one at a time.
class TimedStream final : public httplib::Stream {
 public:
  /// `stop_fd` becomes readable when the server stops; both descriptors stay the caller's.
  /// `others` is the number of connections that wait for a thread, and outlives the stream.
  TimedStream(int socket, int stop_fd, const std::atomic<std::size_t>& others, const Clock& clock);

  /// True when bytes of a next request are there; false on a stop, a closed peer or no bytes, and
  /// when others wait for longer than this client may then take: give_way_after.
  /// Blocks:   at most `limit`.
  [[nodiscard]] bool await_request(std::chrono::milliseconds limit);
  /// From now on all reads of the request together must end within `limit`, and then all writes of
  /// the answer: the time that making it takes is ours, not the client's.
  void begin_request(std::chrono::milliseconds limit);
  /// Sleeps between two events of an answer that does not end. False: the server stops, or the
  /// client is gone.
  [[nodiscard]] bool rest(std::chrono::milliseconds time);
  /// True after an answer of 400 or above. What follows it cannot be trusted to be a request: the
  /// framing may be what was wrong.
  [[nodiscard]] bool refused() const { return refused_; }

  [[nodiscard]] bool is_readable() const override;
  [[nodiscard]] bool wait_readable() const override;
  [[nodiscard]] bool wait_writable() const override;
  ssize_t read(char* target, size_t size) override;
  ssize_t write(const char* source, size_t size) override;
  void get_remote_ip_and_port(std::string& ip, int& port) const override;
  void get_local_ip_and_port(std::string& ip, int& port) const override;
  [[nodiscard]] socket_t socket() const override { return socket_; }
  [[nodiscard]] time_t duration() const override { return 0; }

 private:
  [[nodiscard]] bool wait_until(SteadyTime deadline, short events) const;
  [[nodiscard]] bool fill();

  // Constant after construction.
  int socket_;
  int stop_fd_;
  const std::atomic<std::size_t>& others_;
  const Clock& clock_;
  // Owned by the thread that serves the connection.
  SteadyTime since_{};  ///< When waiting for the request began, then the request itself.
  SteadyTime deadline_{};
  std::chrono::milliseconds limit_{0};
  std::array<char, 4096> buffer_{};
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  bool refused_ = false;
};

}  // namespace holdfast::observe
