#include "ingress/engine.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <format>
#include <limits>
#include <utility>

namespace holdfast::ingress {
namespace {

constexpr int listen_backlog = 1024;
/// Threads beyond the seats: they tell those who find no seat so, and bridge the moment in which a
/// connection gives way.
constexpr std::size_t spare_threads = 4;
constexpr std::size_t queue_max = 1024;
/// How long a new connection waits for a seat. With the spare threads and the queue the last in the
/// queue is told so within half a minute, unless those before it are slow to take their refusal.
constexpr std::chrono::milliseconds seat_patience{100};

/// cpp-httplib sets SO_REUSEPORT by default, with which a second daemon would share the port.
void set_listener_options(socket_t socket) {
  const int on = 1;
  ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
}

}  // namespace

Engine::Engine(const IngressConfig& config, SourceTable sources, TrustedProxies proxies,
               IngressServer::Dependencies dependencies)
    : config_(config),
      sources_(std::move(sources)),
      dependencies_(std::move(dependencies)),
      intake_(config.append_timeout, std::move(proxies),
              {dependencies_.outbox, dependencies_.clock, dependencies_.log}),
      budget_(config.max_inflight_bytes),
      seats_(config.max_connections, seat_patience),
      workers_({config.max_connections + spare_threads, queue_max},
               [this](int socket) { serve(socket); }) {
  set_handlers();
}

Engine::~Engine() {
  stop(std::chrono::milliseconds(0));
}

void Engine::set_handlers() {
  // Each source's own limit is kept by take(); the library's must never be the first to act.
  set_payload_max_length(std::numeric_limits<std::size_t>::max());
  // Every request reaches it as one for "/", see MessageStream. Only the form of the handler with a
  // content reader gives bodies as they are.
  Get("/", [this](const httplib::Request& request, httplib::Response& response) {
    handle(request, response, nullptr);
  });
  Post("/", [this](const httplib::Request& request, httplib::Response& response,
                   const httplib::ContentReader& reader) { handle(request, response, &reader); });
  set_exception_handler([this](const httplib::Request& request, httplib::Response& response,
                               const std::exception_ptr&) {
    write_reply(exchange_of(request),
                problem({503, "the write could not be stored; send it again"}), response);
  });
  // It would announce a number of requests per connection that does not hold here.
  set_post_routing_handler([](const httplib::Request&, httplib::Response& response) {
    response.headers.erase("Keep-Alive");
  });
}

std::expected<void, Failure> Engine::listen_and_serve() {
  if (auto bound = bind(); !bound) return bound;
  acceptor_ = std::make_unique<Acceptor>(
      svr_sock_, Acceptor::Callbacks{[this](int socket) { accepted(socket); },
                                     [this](int error) { exhausted(error); }});
  return {};
}

std::expected<void, Failure> Engine::bind() {
  const auto& listen = config_.listen;
  const auto failed = [&](std::string_view cause) {
    return std::unexpected(Failure{
        FailureKind::refused,
        std::format("listening on {} for senders: {}; stop the program that uses it, or change "
                    "listen in [ingress]",
                    listen.to_string(), cause)});
  };
  int error = 0;
  set_error_logger([&](const httplib::Error&, const httplib::Request*) { error = errno; });
  set_tcp_nodelay(true);
  set_socket_options(set_listener_options);
  const int port = listen.port == 0                         ? bind_to_any_port(listen.host)
                   : bind_to_port(listen.host, listen.port) ? listen.port
                                                            : -1;
  set_error_logger(nullptr);
  if (port < 0) return failed(error != 0 ? std::strerror(error) : "no such address");
  // The library's backlog is 5: a sixth connection in a burst would wait for a second.
  if (::listen(svr_sock_, listen_backlog) != 0) return failed(std::strerror(errno));
  address_ = {listen.host, static_cast<std::uint16_t>(port)};
  return {};
}

IngressStats Engine::stats() const {
  auto stats = traffic_.snapshot();
  stats.connections = seats_.count();
  stats.inflight_bytes = budget_.used();
  return stats;
}

void Engine::stop(std::chrono::milliseconds grace) {
  if (acceptor_) acceptor_->stop();
  if (const auto listener = svr_sock_.exchange(INVALID_SOCKET); listener != INVALID_SOCKET)
    ::close(listener);
  seats_.close_idle();
  if (!workers_.wait_until_empty(grace)) seats_.cut_all();
  workers_.join();
}

void Engine::accepted(int socket) {
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  if (workers_.offer(socket)) return;
  // A full queue behind a full house: nobody is left to say even that much.
  ::close(socket);
  warn_full();
}

void Engine::warn_full() {
  if (warned_full_.now(dependencies_.clock.steady_now()))
    dependencies_.log({LogLevel::warn, "connections_full",
                       "All max_connections are busy; new connections get 503."});
}

void Engine::exhausted(int error) {
  const bool evicted = seats_.evict_idle();
  if (!warned_exhausted_.now(dependencies_.clock.steady_now())) return;
  dependencies_.log({LogLevel::warn,
                     "accept_failed",
                     "Accepting a connection failed; raise the limit of open files or lower "
                     "max_connections.",
                     {{"error", std::strerror(error)}, {"closed_idle", evicted ? "1" : "0"}}});
}

void Engine::serve(int socket) noexcept {
  Connection connection(socket, dependencies_.clock);
  try {
    serve_connection(connection);
  } catch (const std::exception& problem) {
    // Out of memory, in practice. The connection ends without an answer, which is no 2xx.
    dependencies_.log({LogLevel::error, "connection_failed", problem.what()});
  }
}

void Engine::serve_connection(Connection& connection) {
  auto seat = seats_.sit(connection.socket());
  if (!seat.taken()) {
    warn_full();
    refuse(connection, "", problem({503, "too many connections; try again"}), nullptr,
           dependencies_.clock.steady_now());
    return;
  }
  const auto peer = connection.peer();
  if (!peer) return;
  while (serve_request(connection, seat, *peer)) {
  }
}

bool Engine::serve_request(Connection& connection, Seats::Seat& seat, const IpAddress& peer) {
  const auto& clock = dependencies_.clock;
  if (connection.buffered().empty()) {
    seat.wait_for_request();
    const auto filled = connection.fill(clock.steady_now() + config_.keep_alive_timeout);
    if (!seat.begin_request() || filled != Connection::Fill::data) return false;
  }
  const auto started = clock.steady_now();
  const auto head = read_head(connection, started + config_.request_deadline);
  if (!head) {
    if (head.error().status != 0) refuse(connection, "", problem(head.error()), nullptr, started);
    return false;
  }
  const auto decision = sources_.admit(*head);
  if (const auto* refused = std::get_if<Refused>(&decision)) {
    refuse(connection, head->method, refused->reply, refused->source, started);
    return false;
  }
  return exchange(connection, *head, peer, std::get<Admitted>(decision), started);
}

std::expected<RequestHead, Fault> Engine::read_head(Connection& connection,
                                                    SteadyTime deadline) const {
  HeadParser parser({config_.max_uri_bytes, config_.max_headers, config_.max_header_bytes});
  for (;;) {
    const auto complete = parser.advance(connection.buffered());
    if (!complete) return std::unexpected(complete.error());
    if (*complete) {
      connection.consume(parser.size());
      return parser.take();
    }
    const auto filled = connection.fill(deadline);
    if (filled == Connection::Fill::data) continue;
    // Nothing but the end of line that old clients leave behind a request: there is no request.
    if (parser.empty()) return std::unexpected(Fault{0, ""});
    if (filled == Connection::Fill::timed_out)
      return std::unexpected(Fault{408, "the request was not complete within request_deadline"});
    if (seats_.closing()) return std::unexpected(Fault{503, "shutting down; send it again"});
    return std::unexpected(Fault{400, "the request ended within its head"});
  }
}

void Engine::refuse(Connection& connection, std::string_view method, const Reply& reply,
                    const Source* source, SteadyTime started) {
  const auto text = render_last(reply, method, dependencies_.clock.wall_now());
  const bool sent = connection.send(text);
  answered(source, reply.status, started);
  if (sent) connection.linger();
}

void Engine::answered(const Source* source, int status, SteadyTime started) {
  const std::chrono::duration<double> took = dependencies_.clock.steady_now() - started;
  traffic_.count(source != nullptr ? source->config.name : "", status, took);
  dependencies_.log({LogLevel::debug,
                     "request",
                     "A request was answered.",
                     {{"source", source != nullptr ? source->config.name : ""},
                      {"status", std::to_string(status)},
                      {"seconds", std::format("{:.6f}", took.count())}}});
}

}  // namespace holdfast::ingress
