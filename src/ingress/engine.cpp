#include "ingress/engine.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <format>
#include <new>
#include <utility>

namespace holdfast::ingress {
namespace {

using std::chrono::milliseconds;

constexpr int listen_backlog = 1024;
/// What the system keeps of answers that a sender does not read. They are small; by itself it would
/// take megabytes for each of them.
constexpr int send_buffer_bytes = 64 * 1024;
/// Whole requests that wait until others were served.
constexpr std::size_t waiting_max = 1024;
constexpr std::size_t lingering_max = 256;
/// Connections above max_open_connections for as long as it takes to find who gives way.
constexpr std::size_t open_excess_max = 256;
/// Beside the bodies: of heads, and bytes that are not taken apart yet.
constexpr std::uint64_t head_bytes_max = mib;

/// cpp-httplib sets SO_REUSEPORT by default, with which a second daemon would share the port. What
/// is said of the connections they take over from their listener: tcp(7), socket(7).
void set_listener_options(socket_t socket) {
  const int on = 1;
  ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  ::setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &send_buffer_bytes, sizeof(send_buffer_bytes));
}

/// What is configured, less where the process may not open so many files: the outbox, Postgres and
/// the admin listener keep theirs.
std::size_t open_connections_max(const IngressConfig& config) {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return config.max_open_connections;
  constexpr rlim_t kept_max = 1024;
  const auto kept = std::min(kept_max, files.rlim_cur / 2);
  return std::min<std::size_t>(config.max_open_connections, files.rlim_cur - kept);
}

/// Of requests that arrive slowly: at most half of the bodies' memory, so that the other half is
/// there for those that do not; but one body of any source always fits, though in chunks, where
/// its memory is twice its size when it has just grown.
std::size_t slow_bytes_max(const IngressConfig& config, const SourceTable& sources) {
  return std::max(config.max_inflight_bytes / 2, 2 * sources.body_bytes_max()) + head_bytes_max;
}

}  // namespace

Engine::Engine(const IngressConfig& config, SourceTable sources, TrustedProxies proxies,
               IngressServer::Dependencies dependencies)
    : config_(config),
      proxies_(std::move(proxies)),
      dependencies_(std::move(dependencies)),
      sources_(std::move(sources)),
      budget_(config.max_inflight_bytes),
      places_({open_connections_max(config), config.max_connections_per_address}),
      context_{.sources = sources_,
               .budget = budget_,
               .clock = dependencies_.clock,
               .limits = {config.max_uri_bytes, config.max_headers, config.max_header_bytes},
               .request_deadline = config.request_deadline,
               .keep_alive_timeout = config.keep_alive_timeout,
               .answered = [this](const Source* source, int status,
                                  SteadyTime started) { answered(source, status, started); }},
      mailbox_(std::make_shared<Mailbox>()),
      service_({config.append_timeout, proxies_}, dependencies_, mailbox_),
      loop_({.serving_max = config.max_connections,
             .waiting_max = waiting_max,
             .bytes_max = slow_bytes_max(config, *sources_.get()),
             .lingering_max = lingering_max,
             .append_timeout = config.append_timeout},
            {places_, service_, mailbox_, dependencies_.clock, [this] { warn_full(); },
             [this](const char* why) {
               dependencies_.log({LogLevel::error, "connection_failed", why});
             }}) {}

Engine::~Engine() {
  stop(milliseconds(0));
}

std::expected<void, Failure> Engine::listen_and_serve() {
  if (auto bound = bind(); !bound) return bound;
  acceptor_ = std::make_unique<Acceptor>(
      svr_sock_,
      Acceptor::Callbacks{[this](int socket, const IpAddress& peer) { accepted(socket, peer); },
                          [this](int error) { return exhausted(error); },
                          [this](int socket) { refused(socket); }});
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
  stats.connections = places_.count();
  stats.inflight_bytes = budget_.used();
  return stats;
}

void Engine::stop(milliseconds grace) {
  if (acceptor_) acceptor_->stop();
  if (const auto listener = svr_sock_.exchange(INVALID_SOCKET); listener != INVALID_SOCKET)
    ::close(listener);
  context_.closing = true;
  loop_.close_idle();
  if (!places_.wait_until_empty(grace)) loop_.cut_all();
  service_.join();
  loop_.stop();
}

void Engine::reload(SourceTable sources) {
  // Room first: a body that the new sources take must fit.
  loop_.set_bytes_max(slow_bytes_max(config_, sources));
  sources_.set(std::make_shared<const SourceTable>(std::move(sources)));
}

void Engine::accepted(int socket, const IpAddress& peer) {
  std::unique_ptr<Session> session;
  auto crowd = Places::Crowd::none;
  try {
    auto entered = places_.enter(peer, proxies_.trusts(peer));
    crowd = entered.crowd;
    session = std::make_unique<Session>(context_, socket, peer, std::move(entered.place));
  } catch (const std::bad_alloc&) {
    ::close(socket);
    throw;
  }
  if (crowd == Places::Crowd::address) {
    warn_address(peer);
    session->refuse(problem({503, "too many connections from this address; try again"}));
  } else if (places_.excess() > open_excess_max) {
    warn_full();
    session->refuse(problem({503, "too many connections; try again"}));
    (void)session->advance();
    return;
  }
  loop_.admit(std::move(session));
}

void Engine::warn_full() {
  if (warned_full_.now(dependencies_.clock.steady_now()))
    dependencies_.log({LogLevel::warn, "connections_full",
                       "More requests or connections than are served at once; some get 503."});
}

void Engine::warn_address(const IpAddress& peer) {
  if (warned_address_.now(dependencies_.clock.steady_now()))
    dependencies_.log({LogLevel::warn,
                       "address_crowded",
                       "One address holds max_connections_per_address; further ones from it get "
                       "503. If it is a proxy of yours, list it in trusted_proxies.",
                       {{"address", peer.to_string()}}});
}

/// True if an idle connection gives way, so that the next accept will find a descriptor.
bool Engine::exhausted(int error) {
  const bool evicted = loop_.evict_idle();
  if (warned_exhausted_.now(dependencies_.clock.steady_now()))
    dependencies_.log({LogLevel::warn,
                       "accept_failed",
                       "Accepting a connection failed; raise the limit of open files or lower "
                       "max_open_connections.",
                       {{"error", std::strerror(error)}, {"closed_idle", evicted ? "1" : "0"}}});
  return evicted;
}

/// With the last descriptor, so without a session: what is sent fits the buffer of a new socket.
void Engine::refused(int socket) {
  const auto reply = problem({503, "too many connections; try again"});
  const auto text = render(reply, "", Persistence::close, dependencies_.clock.wall_now());
  ::send(socket, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  answered(nullptr, reply.status, dependencies_.clock.steady_now());
  // Closing with unread bytes would be a reset, which takes the answer away again.
  ::shutdown(socket, SHUT_WR);
  // Only what is there by now: who keeps sending must not keep the accepting thread.
  std::array<char, 4096> unread;
  int reads_left = 16;
  while (reads_left > 0 && ::recv(socket, unread.data(), unread.size(), MSG_DONTWAIT) > 0)
    --reads_left;
}

void Engine::answered(const Source* source, int status, SteadyTime started) {
  const std::chrono::duration<double> took = dependencies_.clock.steady_now() - started;
  traffic_.count(source != nullptr ? source->config.name : "", status, took);
  if (dependencies_.log_takes && !dependencies_.log_takes(LogLevel::debug)) return;
  dependencies_.log({LogLevel::debug,
                     "request",
                     "A request was answered.",
                     {{"source", source != nullptr ? source->config.name : ""},
                      {"status", std::to_string(status)},
                      {"seconds", std::format("{:.6f}", took.count())}}});
}

}  // namespace holdfast::ingress
