#pragma once

#include <httplib.h>

#include <expected>
#include <memory>
#include <string_view>

#include "ingress/acceptor.hpp"
#include "ingress/intake.hpp"
#include "ingress/places.hpp"
#include "ingress/server.hpp"
#include "ingress/session.hpp"
#include "ingress/source.hpp"
#include "ingress/traffic.hpp"
#include "ingress/waiting_room.hpp"
#include "ingress/workers.hpp"

namespace holdfast::ingress {

/// The server on its sockets. A connection belongs to one of these at a time: the accepting thread
/// (Acceptor, Places), a thread of the pool (Workers), or the waiting room (WaitingRoom). All drive
/// the same state machine (Session); only the pool's threads do work that blocks, which is to wait
/// for a commit. cpp-httplib binds the socket, and no more: docs/decisions/0005 and 0012.
///
/// Threads:  the constructor, listen and stop: one owner. The rest: the accepting thread, the
///           pool's and the waiting room's.
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
  void stop(std::chrono::milliseconds grace);
  void reload(SourceTable sources);

 private:
  [[nodiscard]] std::expected<void, Failure> bind();
  void accepted(int socket, const IpAddress& peer);
  [[nodiscard]] bool exhausted(int error);
  void refused(int socket);
  void warn_full();
  void warn_address(const IpAddress& peer);
  void serve(std::unique_ptr<Session> session) noexcept;
  [[nodiscard]] bool stays(Session& session, Session::Need need) const;
  [[nodiscard]] Reply answer(Session& session);
  void answered(const Source* source, int status, SteadyTime started);

  // Constant after construction; address_ after listen_and_serve.
  const IngressConfig config_;
  const TrustedProxies proxies_;
  const IngressServer::Dependencies dependencies_;
  ListenAddress address_;
  // Any thread: they lock or are atomic.
  SourcesInForce sources_;
  Intake intake_;
  Traffic traffic_;
  ByteBudget budget_;
  Places places_;
  Session::Context context_;
  Occasionally warned_full_;
  Occasionally warned_address_;
  Occasionally warned_exhausted_;
  // Last, so that no thread outlives what it uses.
  Workers workers_;
  WaitingRoom room_;
  std::unique_ptr<Acceptor> acceptor_;
};

}  // namespace holdfast::ingress
