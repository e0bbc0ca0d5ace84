// Crowds, floods and senders that do not stop: what one of them must not take from the others.

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <memory>

#include "ingress/acceptor.hpp"
#include "ingress/reception.hpp"
#include "support/wait.hpp"
#include "test_server.hpp"

using namespace holdfast;
using namespace holdfast::ingress;
using namespace holdfast::ingress::test;
using namespace std::chrono_literals;
using support::eventually;

namespace {

/// A reception that has got these bytes, and what it takes.
std::size_t memory_after(std::string_view bytes, bool with_connection) {
  std::array<int, 2> pair{};
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair.data()) == 0);
  Connection connection(pair[0]);
  REQUIRE(::send(pair[1], bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
          static_cast<ssize_t>(bytes.size()));
  ::close(pair[1]);
  auto table = SourceTable::make(Setup::default_ingress(), Setup::default_sources());
  REQUIRE(table);
  const SourcesInForce sources(std::move(*table));
  ByteBudget budget(64 * mib);
  Reception reception({}, sources, budget, SteadyTime{});
  while (connection.receive() == Connection::Received::data) REQUIRE(reception.take(connection));
  return reception.memory() + (with_connection ? connection.memory() : 0);
}

}  // namespace

TEST_CASE("ingress: a body that is only announced takes no memory", "[ingress][limits]") {
  const auto head = "POST /ingest/plain HTTP/1.1\r\nHost: h\r\nContent-Length: 4000000\r\n\r\n";
  CHECK(memory_after(head, false) < 1024);
  const auto quarter = std::string(head) + std::string(100'000, 'x');
  CHECK(memory_after(quarter, false) < 401'024);
}

TEST_CASE("ingress: many small headers count with what they take", "[ingress][limits]") {
  std::string head = "POST /ingest/plain HTTP/1.1\r\nHost: h\r\n";
  for (int i = 0; i < 90; ++i) head += "A:b\r\n";
  CHECK(memory_after(head, false) >= 91 * sizeof(Header));
  CHECK(memory_after(head, true) >= 91 * sizeof(Header) + head.size());
}

TEST_CASE("ingress: a chunk that is announced too large is 413 before it comes",
          "[ingress][server][limits]") {
  TestServer server;
  const auto head = "POST /ingest/plain HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const auto* size : {"400001\r\n", "fffffffffffffff\r\n", "5\r\nhello\r\n3ffffc\r\n"}) {
    CAPTURE(size);
    CHECK(is_problem(server.exchange(std::string(head) + size), 413));
  }
  CHECK(server
            .exchange(std::string(head) + "5\r\nhello\r\n3ffffb\r\n" + std::string(0x3ffffb, 'x') +
                      "\r\n0\r\n\r\n")
            .status == 202);
}

TEST_CASE("ingress: bytes behind the last request do not take its answer away",
          "[ingress][server]") {
  TestServer server;
  for (int i = 0; i < 20; ++i) {
    RawClient client(server.port());
    client.send(post("/ingest/plain", "x", "Connection: close\r\n"));
    client.send("\r\n and something that nobody asked for");
    CHECK(client.receive().status == 202);
    CHECK(client.closed_within(5s));
    CHECK_FALSE(client.was_reset());
  }
}

TEST_CASE("ingress: a stop ends also where there is always one more connection",
          "[ingress][server]") {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in own{};
  own.sin_family = AF_INET;
  own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(own);
  auto* address = reinterpret_cast<sockaddr*>(&own);
  REQUIRE(::bind(listener, address, length) == 0);
  REQUIRE(::listen(listener, 16) == 0);
  REQUIRE(::getsockname(listener, address, &length) == 0);
  const auto connect_once = [&] {
    const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool connected = ::connect(client, address, length) == 0;
    const linger at_once{1, 0};
    ::setsockopt(client, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    ::close(client);
    return connected;
  };
  std::atomic<int> taken = 0;
  // Whoever is accepted leaves another one behind; after so many the test has failed.
  constexpr int endless = 200'000;
  Acceptor acceptor(listener, {.accepted =
                                   [&](int socket, const IpAddress&) {
                                     ::close(socket);
                                     if (++taken < endless) connect_once();
                                   },
                               .exhausted = [](int) { return false; },
                               .refused = [](int) {}});
  CHECK(connect_once());
  CHECK(eventually([&] { return taken > 10; }, 10s));
  acceptor.stop();
  CHECK(taken < endless);
  ::close(listener);
}

TEST_CASE("ingress: who is refused for its address takes no place from an idle one",
          "[ingress][server][limits]") {
  Setup setup;
  setup.ingress.max_open_connections = 4;
  setup.ingress.max_connections_per_address = 2;
  setup.ingress.trusted_proxies = {};
  TestServer server(setup);
  const auto from = [&](const std::string& address) {
    auto client = std::make_unique<RawClient>(server.port(), "127.0.0.1", address);
    CHECK(client->exchange(get("/api/health")).status == 200);
    return client;
  };
  std::vector<std::unique_ptr<RawClient>> idle;
  for (const auto* address : {"127.0.7.1", "127.0.7.1", "127.0.7.2", "127.0.7.2"})
    idle.push_back(from(address));
  // Only who has been idle for a while gives way.
  support::pause_for(400ms);
  std::vector<std::unique_ptr<RawClient>> beyond;
  for (int i = 0; i < 10; ++i) {
    beyond.push_back(std::make_unique<RawClient>(server.port(), "127.0.0.1", "127.0.7.2"));
    CHECK(is_problem(beyond.back()->receive(), 503));
  }
  for (auto& client : idle) CHECK(client->exchange(get("/api/health")).status == 200);
}
