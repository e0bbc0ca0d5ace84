// Connections: malformed heads, limits, deadlines, keep-alive, pipelining and places.

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <format>
#include <memory>
#include <thread>

#include "support/wait.hpp"
#include "test_server.hpp"

using namespace holdfast;
using namespace holdfast::ingress;
using namespace holdfast::ingress::test;
using namespace std::chrono_literals;
using support::eventually;

TEST_CASE("ingress: malformed HTTP and smuggling shapes are 400 and the connection ends",
          "[ingress][server][smuggling]") {
  TestServer server;
  const std::string request = GENERATE(
      "GET /api/health HTTP/1.1\nHost: h\n\n",
      "GET /api/health HTTP/1.1\r\nHost: h\r\nA:\rb\r\n\r\n",
      "GET /api/health HTTP/1.1\r\nHost: h\r\n folded\r\n\r\n",
      "GET /api/health HTTP/1.1\r\nHost : h\r\n\r\n", "GET /api/health HTTP/1.1\r\n\r\n",
      "GET /api/health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
      "GET http://h/api/health HTTP/1.1\r\nHost: h\r\n\r\n", "GET /api/health HTTP/3.0\r\n\r\n",
      "nonsense\r\n\r\n", "\x16\x03\x01\x02\x01\x01",
      "POST /ingest/plain HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
      "POST /ingest/plain HTTP/1.1\r\nHost: h\r\nContent-Length: +1\r\n\r\na",
      "POST /ingest/plain HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n"
      "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "POST /ingest/plain HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
      "POST /ingest/plain HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
  CAPTURE(request);
  RawClient client(server.port());
  const auto answer = client.exchange(request + get("/api/health"));
  CHECK(is_problem(answer, 400));
  CHECK(answer.headers.at("connection") == "close");
  CHECK(client.receive().status == 0);
  CHECK(server.entries() == 0);
}

TEST_CASE("ingress: the limits of the head hold at and past them", "[ingress][server][limits]") {
  TestServer server;
  const auto target = [](std::size_t bytes) {
    return "/api/health?" + std::string(bytes - 12, 'x');
  };
  CHECK(server.exchange(get(target(8192))).status == 200);
  CHECK(is_problem(server.exchange(get(target(8193))), 414));

  const auto headers = [](int count) {
    std::string lines;
    for (int i = 1; i < count; ++i) lines += std::format("X-{}: v\r\n", i);
    return lines;
  };
  CHECK(server.exchange(get("/api/health", headers(100))).status == 200);
  CHECK(is_problem(server.exchange(get("/api/health", headers(101))), 431));

  // "Host: h" and "X: " with their line ends are 14 bytes.
  const auto large = [](std::size_t bytes) {
    return "X: " + std::string(bytes - 14, 'v') + "\r\n";
  };
  CHECK(server.exchange(get("/api/health", large(16'384))).status == 200);
  CHECK(is_problem(server.exchange(get("/api/health", large(16'385))), 431));
}

TEST_CASE("ingress: smaller limits of the head are kept as well", "[ingress][server][limits]") {
  Setup setup;
  setup.ingress.max_uri_bytes = 64;
  setup.ingress.max_headers = 2;
  setup.ingress.max_header_bytes = 1024;
  TestServer server(setup);
  CHECK(server.exchange(get("/api/health", "A: b\r\n")).status == 200);
  CHECK(is_problem(server.exchange(get("/api/health", "A: b\r\nC: d\r\n")), 431));
  CHECK(is_problem(server.exchange(get("/api/health?" + std::string(60, 'x'))), 414));
  CHECK(is_problem(server.exchange(get("/api/health", "A: " + std::string(1024, 'x') + "\r\n")),
                   431));
}

TEST_CASE("ingress: a request that is not complete in time is 408", "[ingress][server][limits]") {
  Setup setup;
  setup.ingress.request_deadline = 200ms;
  TestServer server(setup);
  const std::string start = GENERATE(
      "P", "POST /ingest/plain HTTP/1.1\r\nHost:",
      "POST /ingest/plain HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n",
      "POST /ingest/plain HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n12345",
      "POST /ingest/plain HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12");
  CAPTURE(start);
  RawClient client(server.port());
  CHECK(is_problem(client.exchange(start), 408));
  CHECK(client.closed_within(10s));
  CHECK(server.entries() == 0);
}

TEST_CASE("ingress: bytes that trickle in do not move the deadline", "[ingress][server][limits]") {
  Setup setup;
  setup.ingress.request_deadline = 300ms;
  TestServer server(setup);
  RawClient client(server.port());
  client.send("POST /ingest/plain HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n");
  const SystemClock clock;
  const auto started = clock.steady_now();
  std::jthread trickle([&](const std::stop_token& stop) {
    while (!stop.stop_requested() && client.send("x")) support::pause_for(10ms);
  });
  CHECK(is_problem(client.receive(), 408));
  CHECK(clock.steady_now() - started < 5s);
}

TEST_CASE("ingress: a connection without a request ends silently after keep_alive_timeout",
          "[ingress][server][limits]") {
  Setup setup;
  setup.ingress.keep_alive_timeout = 200ms;
  TestServer server(setup);
  RawClient fresh(server.port());
  CHECK(fresh.receive().status == 0);
  RawClient used(server.port());
  CHECK(used.exchange(get("/api/health")).status == 200);
  CHECK(used.receive().status == 0);
}

TEST_CASE("ingress: one connection serves any number of requests", "[ingress][server]") {
  TestServer server;
  RawClient client(server.port());
  for (int i = 0; i < 250; ++i) {
    const auto answer = client.exchange(post("/ingest/plain", std::to_string(i)));
    REQUIRE(answer.status == 202);
    REQUIRE_FALSE(answer.headers.contains("connection"));
  }
  CHECK(server.entries() == 250);
}

TEST_CASE("ingress: pipelined requests are answered in order", "[ingress][server]") {
  TestServer server;
  std::string requests;
  for (int i = 0; i < 20; ++i) {
    requests += post("/ingest/plain", std::format("length {}", i));
    requests += "\r\n";  // Left over by old clients.
    requests += std::format(
        "POST /ingest/plain HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        "8\r\nchunked \r\n{:x}\r\n{}\r\n0\r\n\r\n",
        std::to_string(i).size(), i);
  }
  RawClient client(server.port());
  client.send(requests + get("/api/health", "Connection: close\r\n"));
  for (int i = 0; i < 20; ++i) {
    CHECK(server.entry_of(client.receive()).body == std::format("length {}", i));
    CHECK(server.entry_of(client.receive()).body == std::format("chunked {}", i));
  }
  const auto last = client.receive();
  CHECK(last.status == 200);
  CHECK(last.headers.at("connection") == "close");
  CHECK(client.closed_within(10s));
}

TEST_CASE("ingress: HTTP/1.0 is served and closes unless told otherwise", "[ingress][server]") {
  TestServer server;
  RawClient closing(server.port());
  const auto answer =
      closing.exchange("POST /ingest/plain HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello");
  CHECK(answer.status == 202);
  CHECK(answer.headers.at("connection") == "close");
  CHECK(server.entry_of(answer).body == "hello");
  CHECK(closing.closed_within(10s));
  RawClient staying(server.port());
  for (int i = 0; i < 3; ++i) {
    const auto kept =
        staying.exchange("GET /api/health HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    CHECK(kept.status == 200);
    CHECK(kept.headers.at("connection") == "keep-alive");
  }
}

TEST_CASE("ingress: after an error the connection ends, and what was pipelined is not served",
          "[ingress][server]") {
  TestServer server;
  RawClient client(server.port());
  client.send(post("/wa", "unsigned") + post("/ingest/plain", "x"));
  const auto answer = client.receive();
  CHECK(is_problem(answer, 401));
  CHECK(answer.headers.at("connection") == "close");
  CHECK(client.receive().status == 0);
  CHECK(server.entries() == 0);
}

TEST_CASE("ingress: connections that are slow in a request leave the threads to others",
          "[ingress][server][limits]") {
  Setup setup;
  setup.ingress.max_connections = 3;
  TestServer server(setup);
  std::vector<std::unique_ptr<RawClient>> slow;
  for (int i = 0; i < 20; ++i) {
    slow.push_back(std::make_unique<RawClient>(server.port()));
    CHECK(slow.back()
              ->exchange("POST /ingest/plain HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n"
                         "Expect: 100-continue\r\n\r\n")
              .status == 100);
  }
  CHECK(server.server().stats().connections == 20);
  for (int i = 0; i < 20; ++i) CHECK(server.exchange(post("/ingest/plain", "x")).status == 202);
  for (auto& client : slow) CHECK(client->exchange("x").status == 202);
  CHECK(server.entries() == 40);
}

TEST_CASE("ingress: a whole request that finds no thread in time gets 503",
          "[ingress][server][limits]") {
  Setup setup;
  setup.ingress.max_connections = 3;
  setup.writer = false;
  setup.ingress.append_timeout = 10s;
  TestServer server(setup);
  std::vector<std::unique_ptr<RawClient>> busy;
  for (int i = 0; i < 3; ++i) {
    busy.push_back(std::make_unique<RawClient>(server.port()));
    busy.back()->send(post("/ingest/plain", "x"));
  }
  const SystemClock clock;
  const auto started = clock.steady_now();
  for (int i = 0; i < 3; ++i) CHECK(is_problem(server.exchange(post("/ingest/plain", "x")), 503));
  CHECK(clock.steady_now() - started < 9s);
  CHECK(server.log_text().contains("connections_full"));
  for (auto& client : busy) CHECK(is_problem(client->receive(), 503));
}

TEST_CASE("ingress: at max_open_connections all stay, one past it the longest idle gives way",
          "[ingress][server][limits]") {
  Setup setup;
  setup.ingress.max_open_connections = 3;
  TestServer server(setup);
  std::vector<std::unique_ptr<RawClient>> idle;
  for (int i = 0; i < 3; ++i) {
    idle.push_back(std::make_unique<RawClient>(server.port()));
    CHECK(idle.back()->exchange(get("/api/health")).status == 200);
  }
  for (auto& client : idle) {
    CHECK(client->exchange(get("/api/health")).status == 200);
    // A connection becomes idle a moment after its answer; this keeps them in order.
    support::pause_for(100ms);
  }
  RawClient sender(server.port());
  CHECK(sender.exchange(post("/ingest/plain", "x")).status == 202);
  CHECK(idle[0]->closed_within(5s));
  for (int i = 1; i < 3; ++i)
    CHECK(idle[static_cast<std::size_t>(i)]->exchange(get("/api/health")).status == 200);
  CHECK(sender.exchange(post("/ingest/plain", "x")).status == 202);
}

TEST_CASE("ingress: past max_open_connections a slow request gives way where none is idle",
          "[ingress][server][limits]") {
  Setup setup;
  setup.ingress.max_open_connections = 2;
  TestServer server(setup);
  std::array<RawClient, 3> slow{RawClient(server.port()), RawClient(server.port()),
                                RawClient(server.port())};
  for (auto& client : slow) client.send("POST /ingest/plain HTTP/1.1\r\n");
  // Which of them began first only the server knows.
  REQUIRE(eventually([&] { return server.server().stats().requests.contains({"", 503}); }, 8s));
  int stored = 0;
  for (auto& client : slow)
    if (client.exchange("Host: h\r\nContent-Length: 1\r\n\r\nx").status == 202) ++stored;
  CHECK(stored == 2);
  CHECK(server.server().stats().requests.at({"", 503}) == 1);
}

TEST_CASE(
    "ingress: one address gets max_connections_per_address, a trusted proxy as many as it "
    "likes",
    "[ingress][server][limits]") {
  Setup setup;
  setup.ingress.max_connections_per_address = 3;
  setup.ingress.trusted_proxies = {"127.0.0.1/32"};
  TestServer server(setup);
  const auto stranger = [&] {
    return std::make_unique<RawClient>(server.port(), "127.0.0.1", "127.0.7.1");
  };
  std::vector<std::unique_ptr<RawClient>> strangers;
  for (int i = 0; i < 3; ++i) {
    strangers.push_back(stranger());
    CHECK(strangers.back()->exchange(get("/api/health")).status == 200);
  }
  auto beyond = stranger();
  CHECK(is_problem(beyond->receive(), 503));
  CHECK(beyond->closed_within(5s));
  CHECK(server.log_text().contains("address_crowded"));
  RawClient other(server.port(), "127.0.0.1", "127.0.7.2");
  CHECK(other.exchange(post("/ingest/plain", "x")).status == 202);
  std::vector<std::unique_ptr<RawClient>> proxied;
  for (int i = 0; i < 10; ++i) proxied.push_back(std::make_unique<RawClient>(server.port()));
  for (auto& client : proxied) CHECK(client->exchange(get("/api/health")).status == 200);
  strangers.pop_back();
  CHECK(eventually([&] { return stranger()->exchange(get("/api/health")).status == 200; }, 5s));
}

TEST_CASE("ingress: slow requests keep half of max_inflight_bytes at most, the oldest gives way",
          "[ingress][server][limits]") {
  Setup setup;
  setup.ingress.max_inflight_bytes = 8 * mib;
  setup.ingress.max_body_bytes = 2 * mib;
  TestServer server(setup);
  const std::string most(2 * mib - 1, 'b');
  const auto head =
      std::format("POST /ingest/plain HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n", 2 * mib);
  std::vector<std::unique_ptr<RawClient>> slow;
  for (int i = 0; i < 4; ++i) {
    slow.push_back(std::make_unique<RawClient>(server.port()));
    slow.back()->send(head + most);
    if (i < 2)
      CHECK(eventually(
          [&] {
            return server.server().stats().inflight_bytes >=
                   most.size() * static_cast<std::size_t>(i + 1);
          },
          5s));
  }
  CHECK(is_problem(slow[0]->receive(), 503));
  CHECK(server.exchange(post("/ingest/plain", std::string(2 * mib, 'x'))).status == 202);
  CHECK(slow[3]->exchange("b").status == 202);
  CHECK(server.server().stats().inflight_bytes <= 5 * mib);
}

TEST_CASE("ingress: with no file descriptor left a sender is told so at once",
          "[ingress][server]") {
  TestServer server;
  rlimit usual{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &usual) == 0);
  // One descriptor is left, and the client takes it.
  const int free = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::close(free);
  rlimit scarce = usual;
  scarce.rlim_cur = static_cast<rlim_t>(free) + 1;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &scarce) == 0);
  RawClient client(server.port());
  const auto answer = client.receive();
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &usual) == 0);
  CHECK(is_problem(answer, 503));
  CHECK(client.closed_within(5s));
  CHECK(server.log_text().contains("accept_failed"));
  CHECK(server.exchange(post("/ingest/plain", "x")).status == 202);
}

TEST_CASE("ingress: with no file descriptor left an idle connection gives way",
          "[ingress][server]") {
  TestServer server;
  RawClient idle(server.port());
  CHECK(idle.exchange(get("/api/health")).status == 200);
  // Only an idle one that the loop has seen gives way.
  support::pause_for(200ms);
  rlimit usual{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &usual) == 0);
  const int free = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::close(free);
  rlimit scarce = usual;
  scarce.rlim_cur = static_cast<rlim_t>(free) + 1;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &scarce) == 0);
  RawClient client(server.port());
  const auto answer = client.exchange(get("/api/health"));
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &usual) == 0);
  CHECK(answer.status == 200);
  CHECK(idle.closed_within(5s));
}

TEST_CASE("ingress: a sender that never reads its answers is cut off, and holds up nobody",
          "[ingress][server][limits][slow]") {
  Setup setup;
  setup.ingress.max_connections = 2;
  TestServer server(setup);
  const std::string health = get("/api/health");
  std::string many;
  for (int i = 0; i < 2000; ++i) many += health;
  std::vector<std::unique_ptr<RawClient>> deaf;
  std::vector<std::jthread> sending;
  for (int i = 0; i < 4; ++i) {
    deaf.push_back(std::make_unique<RawClient>(server.port()));
    sending.emplace_back([&client = *deaf.back(), &many] {
      for (int times = 0; times < 500 && client.send(many); ++times) {
      }
    });
  }
  for (int i = 0; i < 50; ++i) CHECK(server.exchange(post("/ingest/plain", "x")).status == 202);
  // Each ends because it was cut off: what it sends is far more than any buffer takes.
  sending.clear();
  CHECK(server.exchange(post("/ingest/plain", "x")).status == 202);
}

TEST_CASE("ingress: a burst of connections is served at once", "[ingress][server]") {
  TestServer server;
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 100; ++i) clients.push_back(std::make_unique<RawClient>(server.port()));
  for (auto& client : clients) client->send(post("/ingest/plain", "x"));
  for (auto& client : clients) CHECK(client->receive().status == 202);
  CHECK(server.entries() == 100);
}

TEST_CASE("ingress: a full outbox is 503 and what had 2xx is kept", "[ingress][server]") {
  Setup setup;
  setup.outbox.max_size_bytes = mib;
  TestServer server(setup);
  const std::string body(100'000, 'b');
  std::vector<Answer> stored;
  Answer answer = server.exchange(post("/ingest/plain", body));
  for (int i = 0; i < 100 && answer.status == 202; ++i) {
    stored.push_back(answer);
    answer = server.exchange(post("/ingest/plain", body));
  }
  CHECK(is_problem(answer, 503));
  CHECK(stored.size() >= 2);
  for (const auto& one : stored) CHECK((server.entry_of(one).body == body));
  CHECK(server.log_text().contains("write_refused"));
}

TEST_CASE("ingress: a write that is not durable in append_timeout is 503", "[ingress][server]") {
  Setup setup;
  setup.writer = false;
  setup.ingress.append_timeout = 100ms;
  TestServer server(setup);
  CHECK(is_problem(server.exchange(post("/ingest/plain", "x")), 503));
  CHECK(server.exchange(get("/api/health")).status == 200);
}

TEST_CASE("ingress: a port that is taken is refused with a clear message", "[ingress][server]") {
  TestServer server;
  const SystemClock clock;
  auto config = Setup::default_ingress();
  config.listen.port = server.port();
  const auto second = IngressServer::start(config, Setup::default_sources(),
                                           {server.outbox(), clock, [](const LogEvent&) {}, {}});
  REQUIRE_FALSE(second);
  CHECK(second.error().kind == FailureKind::refused);
  CHECK(second.error().message.contains(config.listen.to_string()));
  CHECK(second.error().message.contains("in use"));
  CHECK(server.exchange(get("/api/health")).status == 200);
}

TEST_CASE("ingress: a host that is none, sources in each other's way and bad rules are refused",
          "[ingress][server]") {
  TestServer server;
  const SystemClock clock;
  const auto start = [&](const IngressConfig& config, std::vector<SourceConfig> sources) {
    auto started = IngressServer::start(config, std::move(sources),
                                        {server.outbox(), clock, [](const LogEvent&) {}, {}});
    return started ? "started" : started.error().message;
  };
  auto config = Setup::default_ingress();
  config.listen.host = "192.0.2.1";
  CHECK(start(config, {}).contains("192.0.2.1"));
  config = Setup::default_ingress();
  config.trusted_proxies = {"proxy"};
  CHECK(start(config, {}).contains("trusted_proxies"));
  config = Setup::default_ingress();
  auto sources = Setup::default_sources();
  sources[1].path = sources[2].path;
  CHECK(start(config, sources).contains("/wa"));
  sources[1].path = "/api/health";
  CHECK(start(config, sources).contains("reserved"));
  sources[1].path = "";
  sources[1].dedupe = "id";
  CHECK(start(config, sources).contains("dedupe"));
}

TEST_CASE("ingress: it listens on localhost and on IPv6", "[ingress][server]") {
  Setup setup;
  SECTION("localhost") {
    setup.ingress.listen.host = "localhost";
    TestServer server(setup);
    RawClient v4(server.port());
    RawClient v6(server.port(), "::1");
    CHECK((v4.connected() || v6.connected()));
  }
  SECTION("IPv6") {
    setup.ingress.listen.host = "::1";
    TestServer server(setup);
    RawClient client(server.port(), "::1");
    REQUIRE(client.connected());
    const auto answer = client.exchange(post("/ingest/plain", "x"));
    CHECK(answer.status == 202);
    CHECK(server.entry_of(answer).remote_address == "::1");
  }
  SECTION("all addresses, IPv4 mapped into IPv6") {
    setup.ingress.listen.host = "::";
    TestServer server(setup);
    CHECK(server.entry_of(server.exchange(post("/ingest/plain", "x"))).remote_address ==
          "127.0.0.1");
  }
}
