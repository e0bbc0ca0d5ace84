#include "observe/http_server.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <format>
#include <system_error>
#include <utility>

#include "base/check.hpp"
#include "base/thread_name.hpp"
#include "observe/timed_stream.hpp"

namespace holdfast::observe {
namespace {

constexpr int accept_retry_milliseconds = 100;

Failure cannot_listen(const ListenAddress& address, int error) {
  const auto where = address.to_string();
  if (error == EADDRINUSE)
    return {FailureKind::refused,
            std::format("listening on {}: address in use; stop the other process or change "
                        "admin.listen",
                        where)};
  const auto cause =
      error == 0 ? std::string("no such address") : std::generic_category().message(error);
  return {FailureKind::refused,
          std::format("listening on {}: {}; change admin.listen", where, cause)};
}

Failure out_of_resources(const ListenAddress& address, const std::string& cause) {
  return {FailureKind::unavailable,
          std::format("listening on {}: {}; raise the limits of threads and open files",
                      address.to_string(), cause)};
}

/// One of so many, for as long as it lives.
struct Place {
  Place(std::atomic<std::size_t>& used, std::size_t max) : count(used), taken(++used <= max) {}
  ~Place() { --count; }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  std::atomic<std::size_t>& count;
  const bool taken;
};

}  // namespace

HttpServer::HttpServer(ListenAddress address, const Clock& clock, Handlers handlers)
    : address_(std::move(address)), clock_(clock) {
  set_socket_options(
      [](socket_t socket) { httplib::set_socket_opt(socket, SOL_SOCKET, SO_REUSEADDR, 1); });
  set_payload_max_length(import_body_bytes_max);
  // These two only tell the client; serve() is what keeps to them.
  set_keep_alive_timeout(admin_idle_limit.count());
  set_keep_alive_max_count(admin_requests_per_connection_max);
  set_handlers(std::move(handlers));
}

void HttpServer::set_handlers(Handlers given) {
  const auto handlers = std::make_shared<const Handlers>(std::move(given));
  // The library's routes are not used: they match patterns and answer without a body. "Handled"
  // makes it write the body with its length. It reads the body of a POST only after this.
  set_pre_routing_handler([handlers](const auto& request, auto& response) {
    if (request.method == "POST" && handlers->admit(request, response))
      return HandlerResponse::Unhandled;
    if (request.method != "POST") handlers->answer(request, {}, response);
    return HandlerResponse::Handled;
  });
  Post("[^]*", [this, handlers](const auto& request, auto& response, const auto& reader) {
    take_post(*handlers, request, reader, response);
  });
  set_error_handler([handlers](const auto& request, auto& response) {
    if (response.body.empty()) handlers->refuse(request, response);
    return HandlerResponse::Handled;
  });
}

void HttpServer::take_post(const Handlers& handlers, const httplib::Request& request,
                           const httplib::ContentReader& reader, httplib::Response& response) {
  const auto bytes_max = handlers.admit(request, response);
  if (!bytes_max) return;
  const bool imports = *bytes_max > admin_body_bytes_max;
  const Place post(posts_, admin_posts_max);
  const Place import(imports_, imports ? admin_imports_max : admin_threads);
  if (!post.taken || !import.taken) {
    response.status = httplib::StatusCode::ServiceUnavailable_503;
    response.set_header("Retry-After", "1");
    return handlers.refuse(request, response);
  }
  std::string body;
  if (!read_body(request, *bytes_max, reader, response, body))
    return handlers.refuse(request, response);
  handlers.answer(request, std::move(body), response);
}

bool HttpServer::read_body(const httplib::Request& request, std::size_t bytes_max,
                           const httplib::ContentReader& reader, httplib::Response& response,
                           std::string& body) const {
  if (!request.has_header("Content-Length") && !request.has_header("Transfer-Encoding"))
    return true;
  if (bytes_max > admin_body_bytes_max) stream_of(request).begin_request(import_request_limit);
  bool fits = true;
  const bool whole = reader([&](const char* data, std::size_t size) {
    fits = body.size() + size <= bytes_max;
    if (fits) body.append(data, size);
    return fits;
  });
  if (!fits) response.status = httplib::StatusCode::PayloadTooLarge_413;
  // The library has set the status of what it refused itself.
  if (fits && !whole && response.status < 400)
    response.status = httplib::StatusCode::BadRequest_400;
  return whole;
}

// The library hands through the address of the client, and nothing else that is ours.
TimedStream& HttpServer::stream_of(const httplib::Request& request) const {
  return connections_.with([&](const auto& connections) -> TimedStream& {
    const auto found = connections.find(request.remote_addr);
    HOLDFAST_CHECK(found != connections.end(), "a request comes by a connection");
    return *found->second;
  });
}

HttpServer::~HttpServer() {
  stop();
  if (stop_fd_ >= 0) ::close(stop_fd_);
}

std::expected<std::unique_ptr<HttpServer>, Failure> HttpServer::start(const ListenAddress& listen,
                                                                      const Clock& clock,
                                                                      Handlers handlers) {
  std::unique_ptr<HttpServer> server(new HttpServer(listen, clock, std::move(handlers)));
  server->stop_fd_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (server->stop_fd_ < 0)
    return std::unexpected(out_of_resources(listen, std::generic_category().message(errno)));
  if (auto bound = server->bind_and_listen(); !bound) return std::unexpected(bound.error());
  try {
    server->start_threads();
  } catch (const std::system_error& error) {
    return std::unexpected(out_of_resources(listen, error.code().message()));
  }
  return server;
}

std::expected<void, Failure> HttpServer::bind_and_listen() {
  int bind_error = 0;
  // Called right after the failing call, while errno is still that call's.
  set_error_logger([&bind_error](const httplib::Error& error, const httplib::Request*) {
    if (error == httplib::Error::BindIPAddress || error == httplib::Error::Listen)
      bind_error = errno;
  });
  const int port = address_.port == 0                           ? bind_to_any_port(address_.host)
                   : bind_to_port(address_.host, address_.port) ? address_.port
                                                                : -1;
  set_error_logger(nullptr);
  if (port < 0) return std::unexpected(cannot_listen(address_, bind_error));
  address_.port = static_cast<std::uint16_t>(port);
  // Not blocking, because a client may be gone again between poll and accept.
  const int flags = ::fcntl(svr_sock_, F_GETFL);
  if (::listen(svr_sock_, admin_listen_backlog) != 0 ||
      ::fcntl(svr_sock_, F_SETFL, flags | O_NONBLOCK) != 0)
    return std::unexpected(cannot_listen(address_, errno));
  return {};
}

void HttpServer::start_threads() {
  pool_ = std::make_unique<httplib::ThreadPool>(admin_threads, admin_threads,
                                                admin_connections_queued_max);
  accept_thread_ = std::jthread([this] {
    base::name_this_thread("hf-admin");
    accept_connections();
  });
}

void HttpServer::stop() {
  const std::uint64_t one = 1;
  if (stop_fd_ >= 0)
    HOLDFAST_CHECK(::write(stop_fd_, &one, sizeof one) == sizeof one, "the stop signal is raised");
  if (accept_thread_.joinable()) accept_thread_.join();
  if (const auto listener = svr_sock_.exchange(INVALID_SOCKET); listener != INVALID_SOCKET)
    ::close(listener);
  // Ends after what is queued was served, which a raised stop signal makes short.
  if (pool_) pool_->shutdown();
  pool_.reset();
}

bool HttpServer::wait_for_stop(int milliseconds) const {
  pollfd stop{stop_fd_, POLLIN, 0};
  return ::poll(&stop, 1, milliseconds) > 0;
}

void HttpServer::accept_connections() {
  std::array<pollfd, 2> watched{{{svr_sock_, POLLIN, 0}, {stop_fd_, POLLIN, 0}}};
  while (::poll(watched.data(), watched.size(), -1) < 0 || watched[1].revents == 0) {
    const int socket = ::accept4(svr_sock_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (socket < 0) {
      // Short of descriptors or memory: the connection stays in the backlog until some are free.
      const bool exhausted =
          errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
      if (exhausted && wait_for_stop(accept_retry_milliseconds)) return;
      continue;
    }
    httplib::set_socket_opt(socket, IPPROTO_TCP, TCP_NODELAY, 1);
    ++waiting_;
    const auto start = [this, socket] {
      --waiting_;
      serve(socket);
    };
    if (pool_->enqueue(start)) continue;
    --waiting_;
    ::close(socket);
  }
}

/// An entry of connections_ for as long as the connection lasts.
struct HttpServer::Connected {
  Connected(Connections& all, std::string name_given, TimedStream& stream)
      : connections(all), name(std::move(name_given)) {
    connections.with([&](auto& map) { map[name] = &stream; });
  }
  ~Connected() {
    connections.with([&](auto& map) { map.erase(name); });
  }
  Connected(const Connected&) = delete;
  Connected& operator=(const Connected&) = delete;
  Connections& connections;
  const std::string name;
};

void HttpServer::serve(int socket) noexcept {
  try {
    TimedStream stream(socket, stop_fd_, waiting_, clock_);
    const Connected connected(connections_, std::to_string(++connections_made_), stream);
    for (std::size_t left = admin_requests_per_connection_max; left > 0; --left) {
      if (!stream.await_request(admin_idle_limit)) break;
      stream.begin_request(admin_request_limit);
      bool closed = false;
      if (!process_request(stream, connected.name, 0, "", 0, left == 1, closed, nullptr) || closed)
        break;
      if (stream.refused()) break;
    }
  } catch (const std::exception&) {
    // Out of memory while reading a head: the client sees its connection end without an answer.
  }
  ::shutdown(socket, SHUT_RDWR);
  ::close(socket);
}

}  // namespace holdfast::observe
