// A request between its last byte and its commit: nobody waits for it, and nothing is mixed up.

#include <catch2/catch_test_macros.hpp>
#include <format>
#include <memory>

#include "support/wait.hpp"
#include "test_server.hpp"

using namespace holdfast;
using namespace holdfast::ingress;
using namespace holdfast::ingress::test;
using namespace std::chrono_literals;
using support::eventually;

namespace {

/// A server whose commits are made by the test.
struct Stepped {
  explicit Stepped(Setup setup = {}) {
    setup.writer = false;
    server = std::make_unique<TestServer>(setup);
  }
  /// Commits until so many entries are stored.
  void commit(std::size_t entries) {
    CHECK(eventually(
        [&] {
          while (server->outbox().run_once()) {
          }
          return server->entries() == entries;
        },
        10s));
  }
  std::unique_ptr<TestServer> server;
};

}  // namespace

TEST_CASE("ingress: requests sent in one go are answered in their order, small and large",
          "[ingress][server][serving]") {
  TestServer server;
  constexpr std::size_t small_most = 16'384;
  std::vector<std::string> bodies;
  for (int round = 0; round < 5; ++round)
    for (const std::size_t bytes :
         {std::size_t{1}, small_most, small_most + 1, std::size_t{300'000}})
      bodies.push_back(std::format("{}:", bodies.size()) + std::string(bytes - 1, 'x'));
  RawClient client(server.port());
  std::jthread sending([&] {
    for (const auto& body : bodies) client.send(post("/ingest/plain", body));
  });
  for (const auto& body : bodies) {
    const auto answer = client.receive();
    REQUIRE(answer.status == 202);
    CHECK((server.entry_of(answer).body == body));
  }
}

TEST_CASE("ingress: who sends no more after its request gets the answer, then the end",
          "[ingress][server][serving]") {
  TestServer server;
  for (const std::size_t bytes : {std::size_t{5}, std::size_t{100'000}}) {
    RawClient client(server.port());
    client.send(post("/ingest/plain", std::string(bytes, 'x')));
    client.finish();
    CHECK(client.receive().status == 202);
    CHECK(client.closed_within(5s));
  }
}

TEST_CASE("ingress: one past max_connections waits, and is served when one before it ends",
          "[ingress][server][serving][limits]") {
  Setup setup;
  setup.ingress.max_connections = 2;
  Stepped stepped(setup);
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(std::make_unique<RawClient>(stepped.server->port()));
    clients.back()->send(post("/ingest/plain", std::to_string(i)));
    CHECK(eventually(
        [&] {
          return stepped.server->server().stats().inflight_bytes ==
                 static_cast<std::uint64_t>(i) + 1;
        },
        10s));
  }
  CHECK(eventually([&] { return stepped.server->outbox().run_once(); }, 10s));
  for (int i = 0; i < 2; ++i) CHECK(clients[static_cast<std::size_t>(i)]->receive().status == 202);
  stepped.commit(3);
  CHECK(clients[2]->receive().status == 202);
}

TEST_CASE("ingress: a commit after append_timeout is stored, and answers nobody",
          "[ingress][server][serving]") {
  Setup setup;
  setup.ingress.append_timeout = 100ms;
  Stepped stepped(setup);
  RawClient late(stepped.server->port());
  CHECK(is_problem(late.exchange(post("/ingest/plain", "late")), 503));
  RawClient next(stepped.server->port());
  next.send(post("/ingest/plain", "next"));
  stepped.commit(2);
  const auto answer = next.receive();
  CHECK(late.closed_within(5s));
  if (answer.status == 202) CHECK(stepped.server->entry_of(answer).body == "next");
}

TEST_CASE("ingress: a sender that is gone before its commit takes nothing with it",
          "[ingress][server][serving]") {
  Stepped stepped;
  for (int i = 0; i < 5; ++i) {
    RawClient gone(stepped.server->port());
    gone.send(post("/ingest/plain", "x"));
    CHECK(eventually([&] { return stepped.server->server().stats().inflight_bytes == 1; }, 10s));
    gone.reset();
    stepped.commit(static_cast<std::size_t>(i) + 1);
    CHECK(eventually([&] { return stepped.server->server().stats().connections == 0; }, 10s));
  }
}

TEST_CASE("ingress: a commit after the server has stopped finds nobody",
          "[ingress][server][stop]") {
  Stepped stepped;
  RawClient client(stepped.server->port());
  client.send(post("/ingest/plain", "x"));
  CHECK(eventually([&] { return stepped.server->server().stats().inflight_bytes == 1; }, 10s));
  stepped.server->server().stop(0ms);
  CHECK(client.closed_within(5s));
  stepped.commit(1);
}

TEST_CASE("ingress: a sender of many requests without a pause leaves the others their turn",
          "[ingress][server][serving]") {
  TestServer server;
  const std::string health = get("/api/health");
  std::string many;
  for (int i = 0; i < 400; ++i) many += health;
  RawClient greedy(server.port());
  greedy.send(many);
  CHECK(server.exchange(post("/ingest/plain", "x")).status == 202);
  for (int i = 0; i < 400; ++i) REQUIRE(greedy.receive().status == 200);
}
