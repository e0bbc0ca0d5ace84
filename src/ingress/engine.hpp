#pragma once

#include <httplib.h>

#include <expected>
#include <memory>
#include <string_view>

#include "ingress/acceptor.hpp"
#include "ingress/event_loop.hpp"
#include "ingress/mailbox.hpp"
#include "ingress/places.hpp"
#include "ingress/server.hpp"
#include "ingress/service.hpp"
#include "ingress/session.hpp"
#include "ingress/source.hpp"
#include "ingress/traffic.hpp"

namespace holdfast::ingress {

/// The server on its sockets. The accepting thread (Acceptor, Places) makes a Session of each
/// connection, the event loop (EventLoop) drives them all, and a Service has their whole requests
/// stored. cpp-httplib binds the socket, and no more: docs/decisions/0005, 0012 and 0017.
///
/// Threads:  the constructor, listen and stop: one owner. The rest: the accepting thread, the event
///           loop's and the pool's.
class Engine final : private httplib::Server {
 public:
  Engine(const IngressConfig& config, SourceTable sources, TrustedProxies proxies,
         IngressServer::Dependencies dependencies);
  ~Engine() override;

  /// Binds, listens and serves.
  /// Errors:   refused: the address cannot be bound.
  [[nodiscard]] std::expected<void, Failure> listen_and_serve();
  [[nodiscard]] ListenAddress address() const { return address_; }
  [[nodiscard]] IngressStats stats() const;
  bool await_answers(std::chrono::milliseconds limit) { return mailbox_->await_served(limit); }
  void stop(std::chrono::milliseconds grace);
  void reload(SourceTable sources);

 private:
  [[nodiscard]] std::expected<void, Failure> bind();
  void accepted(int socket, const IpAddress& peer);
  [[nodiscard]] bool exhausted(int error);
  void refused(int socket);
  void warn_full();
  void warn_address(const IpAddress& peer);
  void answered(const Source* source, int status, SteadyTime started);

  // Constant after construction; address_ after listen_and_serve.
  const IngressConfig config_;
  const TrustedProxies proxies_;
  const IngressServer::Dependencies dependencies_;
  ListenAddress address_;
  // Any thread: they lock or are atomic.
  SourcesInForce sources_;
  Traffic traffic_;
  ByteBudget budget_;
  Places places_;
  Session::Context context_;
  Occasionally warned_full_;
  Occasionally warned_address_;
  Occasionally warned_exhausted_;
  // Last, so that no thread outlives what it uses.
  const std::shared_ptr<Mailbox> mailbox_;
  Service service_;
  EventLoop loop_;
  std::unique_ptr<Acceptor> acceptor_;
};

}  // namespace holdfast::ingress
