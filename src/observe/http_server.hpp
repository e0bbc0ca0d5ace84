#pragma once

#include <httplib.h>

#include <atomic>
#include <chrono>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "base/guarded.hpp"
#include "holdfast/clock.hpp"
#include "holdfast/config.hpp"
#include "holdfast/failure.hpp"
#include "observe/timed_stream.hpp"

namespace holdfast::observe {

// Limits of the admin listener. They are constants: an operator has no reason to change them.
inline constexpr std::size_t admin_threads = 64;
inline constexpr std::size_t admin_connections_queued_max = 256;
inline constexpr int admin_listen_backlog = 1024;
inline constexpr std::size_t admin_body_bytes_max = 64 * kib;
/// A batch of exported entries; the largest body of one takes a third more as base64.
inline constexpr std::size_t import_body_bytes_max = 96 * mib;
inline constexpr std::chrono::seconds import_request_limit{60};
/// Changes that are under way at once: one may wait for a delivery, and each takes a thread; an
/// import also takes its body.
inline constexpr std::size_t admin_posts_max = 16;
inline constexpr std::size_t admin_imports_max = 2;
/// Each takes one of the threads for as long as its client stays.
inline constexpr std::size_t admin_streams_max = 16;
inline constexpr std::chrono::seconds stream_interval{1};
inline constexpr std::size_t admin_requests_per_connection_max = 100;
/// An idle keep-alive connection occupies one of the threads for this long, no longer; and where
/// others wait for one, give_way_after at most.
inline constexpr std::chrono::seconds admin_idle_limit{2};
/// First to last byte of a request, and first to last byte of its answer.
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
    /// How long the body may be; or nullopt, and the response is the answer: it is not read.
    std::function<std::optional<std::size_t>(const httplib::Request&, httplib::Response&)> admit;
    /// Makes the whole answer; must not throw.
    std::function<void(const httplib::Request&, std::string body, httplib::Response&)> answer;
    Handler refuse;  ///< Gives a body to a request that the library refused with a bare status.
  };

  /// Errors:   refused (address in use, not of this machine, not permitted), unavailable (no
  ///           threads or descriptors left).
  [[nodiscard]] static std::expected<std::unique_ptr<HttpServer>, Failure> start(
      const ListenAddress& listen, const Clock& clock, Handlers handlers);
  ~HttpServer() override;
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// The bound address, with the real port where 0 was asked for.
  [[nodiscard]] ListenAddress address() const { return address_; }
  /// The connection that a request came by. For its handlers.
  [[nodiscard]] TimedStream& stream_of(const httplib::Request& request) const;
  /// Stops listening, finishes answers that are being made, and ends all threads.
  /// Blocks:   on running handlers, and on clients that do not read, at most admin_request_limit.
  void stop();

 private:
  struct Connected;
  /// By the name under which the library hands a connection through.
  using Connections = base::Guarded<std::map<std::string, TimedStream*>>;

  HttpServer(ListenAddress address, const Clock& clock, Handlers handlers);
  void set_handlers(Handlers handlers);
  void take_post(const Handlers& handlers, const httplib::Request& request,
                 const httplib::ContentReader& reader, httplib::Response& response);
  [[nodiscard]] bool read_body(const httplib::Request& request, std::size_t bytes_max,
                               const httplib::ContentReader& reader, httplib::Response& response,
                               std::string& body) const;
  [[nodiscard]] std::expected<void, Failure> bind_and_listen();
  void start_threads();
  void accept_connections();
  [[nodiscard]] bool wait_for_stop(int milliseconds) const;
  void serve(int socket) noexcept;

  // Constant after start.
  ListenAddress address_;
  const Clock& clock_;
  int stop_fd_ = -1;
  // Guarded: any thread.
  Connections connections_;
  // Atomic: any thread.
  std::atomic<std::uint64_t> connections_made_{0};
  std::atomic<std::size_t> posts_{0};
  std::atomic<std::size_t> imports_{0};
  std::atomic<std::size_t> waiting_{0};  ///< Accepted connections that have no thread yet.
  // Owned by the thread that starts and stops.
  std::unique_ptr<httplib::TaskQueue> pool_;
  std::jthread accept_thread_;
};

}  // namespace holdfast::observe
