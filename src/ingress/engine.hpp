#pragma once

#include <httplib.h>

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "ingress/acceptor.hpp"
#include "ingress/connection.hpp"
#include "ingress/intake.hpp"
#include "ingress/message_stream.hpp"
#include "ingress/seats.hpp"
#include "ingress/server.hpp"
#include "ingress/source.hpp"
#include "ingress/traffic.hpp"
#include "ingress/workers.hpp"

namespace holdfast::ingress {

/// The server on its sockets: what is read with which limit, what cpp-httplib does, and what is
/// kept from it.
///
/// cpp-httplib binds the socket, takes the body apart and writes the answers of requests that are
/// let through to it. Before it, on our own: accepting (Acceptor), a seat for the connection
/// (Seats), the head (HeadParser), and everything that can be refused without the body
/// (SourceTable). It then reads a MessageStream, in which only the framing is left to see.
///
/// Threads:  the constructor, listen and stop: one owner. The rest: the accepting thread and the
///           pool's.
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

 private:
  /// One request that was let through, from its head to its answer.
  struct Exchange {
    const RequestHead& head;
    const IpAddress& peer;
    Admitted admitted;
    ByteBudget::Share bytes;
    MessageStream stream;
    bool close = false;  ///< The connection ends with this answer, whatever it is.
    std::string body = {};
    std::optional<Fault> fault = {};
    int status = 503;  ///< Until the handler knows better.
  };
  /// Carries the exchange through httplib::Request to the handler.
  struct ExchangeLink {
    Exchange* exchange;
    bool operator()(std::size_t, std::size_t) const { return true; }
  };

  [[nodiscard]] std::expected<void, Failure> bind();
  void set_handlers();
  void accepted(int socket);
  void exhausted(int error);
  void warn_full();
  void serve(int socket) noexcept;
  void serve_connection(Connection& connection);
  [[nodiscard]] bool serve_request(Connection& connection, Seats::Seat& seat,
                                   const IpAddress& peer);
  [[nodiscard]] std::expected<RequestHead, Fault> read_head(Connection& connection,
                                                            SteadyTime deadline) const;
  [[nodiscard]] bool exchange(Connection& connection, const RequestHead& head,
                              const IpAddress& peer, const Admitted& admitted, SteadyTime started);
  void refuse(Connection& connection, std::string_view method, const Reply& reply,
              const Source* source, SteadyTime started);
  void handle(const httplib::Request& request, httplib::Response& response,
              const httplib::ContentReader* reader);
  [[nodiscard]] Reply answer(Exchange& exchange, const httplib::ContentReader* reader);
  [[nodiscard]] bool take(Exchange& exchange, const char* bytes, std::size_t size) const;
  void write_reply(Exchange& exchange, Reply reply, httplib::Response& response) const;
  void answered(const Source* source, int status, SteadyTime started);
  [[nodiscard]] static Exchange& exchange_of(const httplib::Request& request);

  // Constant after construction; address_ after listen_and_serve.
  const IngressConfig config_;
  const SourceTable sources_;
  const IngressServer::Dependencies dependencies_;
  ListenAddress address_;
  // Any thread: they lock or are atomic.
  Intake intake_;
  Traffic traffic_;
  ByteBudget budget_;
  Seats seats_;
  Occasionally warned_full_;
  Occasionally warned_exhausted_;
  // Last, so that no thread outlives what it uses.
  Workers workers_;
  std::unique_ptr<Acceptor> acceptor_;
};

}  // namespace holdfast::ingress
