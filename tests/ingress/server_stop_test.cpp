// The end of the server: what is in progress is answered, the rest is closed, nothing is lost.

#include <catch2/catch_test_macros.hpp>
#include <format>
#include <thread>

#include "base/guarded.hpp"
#include "support/wait.hpp"
#include "test_server.hpp"

using namespace holdfast;
using namespace holdfast::ingress;
using namespace holdfast::ingress::test;
using namespace std::chrono_literals;
using support::eventually;

TEST_CASE("ingress: stop answers what is in progress, closes idle connections and refuses new ones",
          "[ingress][server][stop]") {
  TestServer server;
  RawClient idle(server.port());
  CHECK(idle.exchange(get("/api/health")).status == 200);
  RawClient fresh(server.port());
  RawClient busy(server.port());
  CHECK(busy.exchange("POST /ingest/plain HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n"
                      "Expect: 100-continue\r\n\r\n")
            .status == 100);
  const auto port = server.port();
  std::jthread stopping([&] { server.server().stop(20s); });
  CHECK(idle.closed_within(5s));
  CHECK(fresh.closed_within(5s));
  CHECK(eventually([&] { return !RawClient(port).connected(); }, 5s));
  const auto answer = busy.exchange("hello");
  CHECK(answer.status == 202);
  CHECK(server.entry_of(answer).body == "hello");
  CHECK(busy.closed_within(5s));
  stopping.join();
  CHECK(server.server().stats().connections == 0);
}

TEST_CASE("ingress: stop cuts what is not complete after its grace", "[ingress][server][stop]") {
  TestServer server;
  RawClient stuck(server.port());
  CHECK(stuck
            .exchange("POST /ingest/plain HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n"
                      "Expect: 100-continue\r\n\r\n")
            .status == 100);
  const SystemClock clock;
  const auto started = clock.steady_now();
  server.server().stop(100ms);
  CHECK(clock.steady_now() - started < 5s);
  CHECK(stuck.closed_within(5s));
  CHECK(server.entries() == 0);
}

TEST_CASE("ingress: every 2xx of many senders is in the outbox, also when it stops under load",
          "[ingress][server][stop]") {
  TestServer server;
  base::Guarded<std::vector<Answer>> accepted;
  std::vector<std::jthread> senders;
  for (int s = 0; s < 8; ++s) {
    senders.emplace_back([&, port = server.port(), s] {
      for (int i = 0;; ++i) {
        RawClient client(port);
        if (!client.connected()) return;
        const auto answer = client.exchange(post("/ingest/plain", std::format("{}-{}", s, i)));
        if (answer.status != 202) return;
        accepted.with([&](auto& list) { list.push_back(answer); });
      }
    });
  }
  REQUIRE(eventually([&] { return accepted.copy().size() >= 200; }, 30s));
  server.server().stop(10s);
  senders.clear();
  for (const auto& answer : accepted.copy()) CHECK_FALSE(server.entry_of(answer).body.empty());
}
