#pragma once

#include <httplib.h>

#include <atomic>
#include <chrono>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "holdfast/clock.hpp"
#include "holdfast/config.hpp"
#include "holdfast/failure.hpp"

namespace holdfast::observe {

// Limits of the admin listener. They are constants: an operator has no reason to change them.
inline constexpr std::size_t admin_threads = 64;
inline constexpr std::size_t admin_connections_queued_max = 256;
inline constexpr int admin_listen_backlog = 1024;
inline constexpr std::size_t admin_body_bytes_max = 64 * kib;
inline constexpr std::size_t admin_requests_per_connection_max = 100;
/// An idle keep-alive connection occupies one of the threads for this long, no longer; and where
/// others wait for one, give_way_after at most.
inline constexpr std::chrono::seconds admin_idle_limit{2};
/// First byte of a request to last byte of its answer.
inline constexpr std::chrono::seconds admin_request_limit{5};

/// cpp-httplib with what it lacks: SO_REUSEADDR alone (its default, SO_REUSEPORT, would let a
/// second daemon share the port in silence), a real backlog, a deadline for each whole request, and
/// a stop that does not wait for idle clients; docs/decisions/0005.
///
/// Threads:  start, stop: one at a time. The handler is called from the pool.
class HttpServer final : private httplib::Server {
 public:
  using Handler = std::function<void(const httplib::Request&, httplib::Response&)>;
  struct Handlers {
    Handler answer;  ///< Makes the whole answer; must not throw.
    Handler refuse;  ///< Gives a body to a request that the library refused with a bare status.
  };

  /// Errors:   refused (address in use, not of this machine, not permitted), unavailable (no
  /// threads
  ///           or descriptors left).
  [[nodiscard]] static std::expected<std::unique_ptr<HttpServer>, Failure> start(
      const ListenAddress& listen, const Clock& clock, Handlers handlers);
  ~HttpServer() override;
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// The bound address, with the real port where 0 was asked for.
  [[nodiscard]] ListenAddress address() const { return address_; }
  /// Stops listening, finishes answers that are being made, and ends all threads.
  /// Blocks:   on running handlers, and on clients that do not read, at most admin_request_limit.
  void stop();

 private:
  HttpServer(ListenAddress address, const Clock& clock, Handlers handlers);
  [[nodiscard]] std::expected<void, Failure> bind_and_listen();
  void start_threads();
  void accept_connections();
  [[nodiscard]] bool wait_for_stop(int milliseconds) const;
  void serve(int socket) noexcept;

  // Constant after start.
  ListenAddress address_;
  const Clock& clock_;
  int stop_fd_ = -1;
  // Atomic: any thread.
  std::atomic<std::size_t> waiting_{0};  ///< Accepted connections that have no thread yet.
  // Owned by the thread that starts and stops.
  std::unique_ptr<httplib::TaskQueue> pool_;
  std::jthread accept_thread_;
};

}  // namespace holdfast::observe
