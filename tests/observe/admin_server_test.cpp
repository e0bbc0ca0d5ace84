#include "observe/admin_server.hpp"

#include <httplib.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

#include "base/guarded.hpp"
#include "exposition.hpp"
#include "holdfast/clock.hpp"
#include "raw_client.hpp"
#include "sample.hpp"

namespace {

using holdfast::AdminConfig;
using holdfast::FailureKind;
using holdfast::HealthSnapshot;
using holdfast::Secret;
using holdfast::observe::AdminServer;
using holdfast::test::RawClient;
using namespace std::chrono_literals;
using nlohmann::json;

/// A client of the admin server. With a limit of a whole second or more the library would look the
/// address up in a helper thread of the C library, which ThreadSanitizer does not survive.
httplib::Client client_of(std::uint16_t port) {
  httplib::Client client("127.0.0.1", port);
  client.set_connection_timeout(0, 900'000);
  return client;
}

/// A running admin server on a port of the system's choice, whose health the test sets.
class Daemon {
 public:
  explicit Daemon(std::string token = "") {
    AdminConfig config{{"127.0.0.1", 0}, {}};
    if (!token.empty()) config.tokens.push_back({"admin", Secret(std::move(token))});
    auto started = AdminServer::start(config, dependencies());
    REQUIRE(started);
    server_ = *std::move(started);
  }
  AdminServer::Dependencies dependencies() {
    return {[this] { return health.copy(); },
            clock,
            [this](const holdfast::LogEvent& event) {
              events.with([&](auto& names) { names.emplace_back(event.name); });
            },
            {"twilio", "whatsapp"},
            {"twilio", "whatsapp"},
            [] { return std::string("{}"); },
            {}};
  }
  AdminServer& server() { return *server_; }
  std::uint16_t port() const { return server_->address().port; }
  httplib::Client client() const {
    auto client = client_of(port());
    client.set_keep_alive(true);
    return client;
  }

  holdfast::base::Guarded<HealthSnapshot> health{holdfast::test::healthy()};
  holdfast::base::Guarded<std::vector<std::string>> events;
  holdfast::SystemClock clock;

 private:
  std::unique_ptr<AdminServer> server_;
};

std::string get_line(std::string_view path) {
  return "GET " + std::string(path) + " HTTP/1.1\r\n";
}

TEST_CASE("admin server: every endpoint answers over a real socket", "[observe][admin]") {
  Daemon daemon;
  auto client = daemon.client();
  const auto live = client.Get("/livez");
  REQUIRE(live);
  CHECK(live->status == 200);
  CHECK(live->body == "ok\n");
  for (const auto* path : {"/readyz", "/healthz"}) {
    const auto ready = client.Get(path);
    REQUIRE(ready);
    CHECK(ready->status == 200);
    CHECK(json::parse(ready->body) == json{{"status", "ok"}});
  }
  const auto health = client.Get("/api/health");
  REQUIRE(health);
  CHECK(health->get_header_value("Content-Type") == "application/json");
  CHECK(health->get_header_value("Cache-Control") == "no-store");
  CHECK(json::parse(health->body)["outbox"]["pending"] == 3);
  const auto metrics = client.Get("/metrics");
  REQUIRE(metrics);
  CHECK(metrics->get_header_value("Content-Type") == "text/plain; version=0.0.4; charset=utf-8");
  CHECK(holdfast::test::parse_exposition(metrics->body).contains("holdfast_build_info"));
  const auto status = client.Get("/api/v1/status");
  REQUIRE(status);
  CHECK(json::parse(status->body)["outbox"]["delivered"] == 40);
}

TEST_CASE("admin server: Postgres away is 200 and degraded, a full disk is 503",
          "[observe][admin]") {
  Daemon daemon;
  auto client = daemon.client();
  daemon.health.with([](auto& health) { health = holdfast::test::troubled(); });
  CHECK(client.Get("/readyz")->status == 200);
  const auto degraded = client.Get("/api/health");
  CHECK(degraded->status == 200);
  CHECK(json::parse(degraded->body)["status"] == "degraded");

  daemon.health.with([](auto& health) { health.outbox.can_store = false; });
  for (const auto* path : {"/readyz", "/healthz", "/api/health"}) {
    const auto failing = client.Get(path);
    REQUIRE(failing);
    CHECK(failing->status == 503);
    CHECK(json::parse(failing->body)["status"] == "failing");
  }
  CHECK(client.Get("/livez")->status == 200);
  CHECK(client.Get("/metrics")->status == 200);
  CHECK(client.Get("/api/v1/status")->status == 200);

  daemon.health.with([](auto& health) {
    health = holdfast::test::healthy();
    health.shutting_down = true;
  });
  CHECK(client.Get("/readyz")->status == 503);
}

TEST_CASE("admin server: the token opens metrics and status", "[observe][admin]") {
  Daemon daemon("s3cret%41 token");
  auto client = daemon.client();
  for (const auto* path : {"/metrics", "/api/v1/status"}) {
    const auto missing = client.Get(path);
    REQUIRE(missing);
    CHECK(missing->status == 401);
    CHECK(missing->get_header_value("WWW-Authenticate") == "Bearer realm=\"holdfast\"");
    CHECK(missing->get_header_value("Content-Type") == "application/problem+json");
    CHECK(json::parse(missing->body)["status"] == 401);
    CHECK(client.Get(path, {{"Authorization", "Bearer wrong"}})->status == 401);
    CHECK(client.Get(path, {{"Authorization", "Bearer s3cret%41 token"}})->status == 200);
  }
  CHECK(client.Get("/api/health")->status == 200);
}

TEST_CASE("admin server: after a reload the new token opens, and metrics know the new sources",
          "[observe][admin][reload]") {
  Daemon daemon("old");
  auto client = daemon.client();
  CHECK(client.Get("/metrics", {{"Authorization", "Bearer old"}})->status == 200);
  daemon.server().reload({{"127.0.0.1", 0}, {{"admin", Secret("new")}}}, {"later"}, {"later"});
  CHECK(client.Get("/metrics", {{"Authorization", "Bearer old"}})->status == 401);
  const auto metrics = client.Get("/metrics", {{"Authorization", "Bearer new"}});
  REQUIRE(metrics);
  CHECK(metrics->status == 200);
  CHECK(metrics->body.contains("holdfast_source_paused{source=\"later\"} 0"));
  CHECK_FALSE(metrics->body.contains("source=\"twilio\""));
  daemon.server().reload(AdminConfig{{"127.0.0.1", 0}, {}}, {"later"}, {"later"});
  CHECK(client.Get("/metrics")->status == 200);
}

TEST_CASE("admin server: the Host guard holds without a token and is off with one",
          "[observe][admin]") {
  Daemon open;
  auto client = open.client();
  const auto rebound = client.Get("/api/v1/status", {{"Host", "rebound.example.com"}});
  REQUIRE(rebound);
  CHECK(rebound->status == 421);
  CHECK(json::parse(rebound->body)["title"] == "Misdirected Request");
  CHECK(client.Get("/livez", {{"Host", "localhost:1234"}})->status == 200);
  CHECK(client.Get("/livez", {{"Host", "[::1]:9090"}})->status == 200);
  Daemon guarded("token");
  CHECK(guarded.client().Get("/livez", {{"Host", "probe.internal"}})->status == 200);
}

TEST_CASE("admin server: unknown paths, other methods, and HEAD", "[observe][admin]") {
  Daemon daemon;
  auto client = daemon.client();
  const auto unknown = client.Get("/nothing");
  REQUIRE(unknown);
  CHECK(unknown->status == 404);
  CHECK(unknown->get_header_value("Content-Type") == "application/problem+json");
  const auto posted = client.Post("/readyz", "{}", "application/json");
  REQUIRE(posted);
  CHECK(posted->status == 405);
  CHECK(posted->get_header_value("Allow") == "GET, HEAD");
  const auto head = client.Head("/api/health");
  REQUIRE(head);
  CHECK(head->status == 200);
  CHECK(head->body.empty());
  CHECK(client.Get("/livez?verbose=1")->status == 200);
}

TEST_CASE("admin server: what is not HTTP gets 400, and what follows it is not read",
          "[observe][admin]") {
  Daemon daemon;
  RawClient client(daemon.port());
  REQUIRE(client.send("NONSENSE\r\n\r\n" + get_line("/livez") + "Host: localhost\r\n\r\n"));
  const auto answer = client.receive_all(3s);
  CHECK(answer.starts_with("HTTP/1.1 400"));
  CHECK(answer.contains("application/problem+json"));
  CHECK_FALSE(answer.contains("200 OK"));
}

TEST_CASE("admin server: a body that is too large is not read, and no thread hangs on it",
          "[observe][admin]") {
  Daemon daemon;
  RawClient client(daemon.port());
  REQUIRE(
      client.send("POST /readyz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n"));
  CHECK(client.receive_all(10s).starts_with("HTTP/1.1 405"));
  CHECK(daemon.client().Get("/livez")->status == 200);
}

TEST_CASE("admin server: pipelined requests are answered in order", "[observe][admin]") {
  Daemon daemon;
  RawClient client(daemon.port());
  REQUIRE(client.send(get_line("/livez") + "Host: localhost\r\n\r\n" + get_line("/readyz") +
                      "Host: localhost\r\nConnection: close\r\n\r\n"));
  const auto answers = client.receive_all(5s);
  const auto first = answers.find("ok\n");
  const auto second = answers.find("{\"status\":\"ok\"}");
  REQUIRE(first != std::string::npos);
  REQUIRE(second != std::string::npos);
  CHECK(first < second);
}

TEST_CASE("admin server: a health source that throws is a 500 and an event, not a crash",
          "[observe][admin]") {
  Daemon daemon;
  auto dependencies = daemon.dependencies();
  dependencies.health = []() -> HealthSnapshot {
    throw holdfast::Error({FailureKind::broken, "reading health: disk gone"});
  };
  const auto server = AdminServer::start({{"127.0.0.1", 0}, {}}, std::move(dependencies));
  REQUIRE(server);
  auto client = client_of((*server)->address().port);
  const auto answer = client.Get("/readyz");
  REQUIRE(answer);
  CHECK(answer->status == 500);
  CHECK_FALSE(answer->body.contains("disk gone"));
  CHECK(daemon.events.copy() == std::vector<std::string>{"admin_request_failed"});
}

TEST_CASE("admin server: a second one on the same port is refused with what to do",
          "[observe][admin]") {
  Daemon daemon;
  const AdminConfig same{{"127.0.0.1", daemon.port()}, {}};
  const auto second = AdminServer::start(same, daemon.dependencies());
  REQUIRE_FALSE(second);
  CHECK(second.error().kind == FailureKind::refused);
  CHECK(second.error().message ==
        "listening on 127.0.0.1:" + std::to_string(daemon.port()) +
            ": address in use; stop the other process or change admin.listen");
  CHECK(daemon.client().Get("/livez")->status == 200);
}

TEST_CASE("admin server: an address of another machine is refused", "[observe][admin]") {
  Daemon daemon;
  const AdminConfig foreign{{"192.0.2.1", 0}, {{"admin", Secret("token")}}};
  const auto server = AdminServer::start(foreign, daemon.dependencies());
  REQUIRE_FALSE(server);
  CHECK(server.error().kind == FailureKind::refused);
  CHECK(server.error().message.contains("change admin.listen"));
}

TEST_CASE("admin server: without a token only loopback is allowed", "[observe][admin]") {
  Daemon daemon;
  const auto open = AdminServer::start(AdminConfig{{"0.0.0.0", 0}, {}}, daemon.dependencies());
  REQUIRE_FALSE(open);
  CHECK(open.error().kind == FailureKind::refused);
  CHECK(open.error().message.contains("set admin.token"));
  CHECK(AdminServer::start({{"0.0.0.0", 0}, {{"admin", Secret("token")}}}, daemon.dependencies()));
}

TEST_CASE("admin server: stop is prompt with idle and half-sent clients, and frees the port",
          "[observe][admin]") {
  Daemon daemon;
  const auto port = daemon.port();
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 20; ++i) clients.push_back(std::make_unique<RawClient>(port));
  auto keep_alive = daemon.client();
  REQUIRE(keep_alive.Get("/livez"));
  REQUIRE(clients.front()->send("GET /livez HT"));
  const auto before = daemon.clock.steady_now();
  daemon.server().stop();
  CHECK(daemon.clock.steady_now() - before < 1s);
  daemon.server().stop();
  CHECK_THROWS(RawClient(port));
  CHECK(AdminServer::start({{"127.0.0.1", port}, {}}, daemon.dependencies()));
}

// More idle clients than threads: they wait at most admin_idle_limit for each other.
TEST_CASE("admin server: idle clients do not silence health", "[observe][admin]") {
  Daemon daemon;
  std::vector<std::unique_ptr<RawClient>> idle;
  for (int i = 0; i < 8; ++i) idle.push_back(std::make_unique<RawClient>(daemon.port()));
  auto client = daemon.client();
  client.set_read_timeout(10s);
  const auto live = client.Get("/livez");
  REQUIRE(live);
  CHECK(live->status == 200);
  CHECK(idle.front()->closed_within(3s));
}

// More than there are threads: they give way to those that wait, long before their own limits.
TEST_CASE("admin server: crowds of idle and slow clients give way to health", "[observe][admin]") {
  Daemon daemon;
  std::vector<std::unique_ptr<RawClient>> crowd;
  for (int i = 0; i < 200; ++i) {
    crowd.push_back(std::make_unique<RawClient>(daemon.port()));
    if (i % 2 == 0) REQUIRE(crowd.back()->send(get_line("/livez") + "X-Slow: "));
  }
  auto client = daemon.client();
  client.set_read_timeout(10s);
  const auto before = daemon.clock.steady_now();
  const auto live = client.Get("/livez");
  REQUIRE(live);
  CHECK(live->status == 200);
  CHECK(daemon.clock.steady_now() - before < 3s);
  // With nobody waiting any more, the last of them keep their time: this one is slow, and served.
  const auto answer = [&] {
    RawClient slow(daemon.port());
    CHECK(slow.send(get_line("/livez")));
    CHECK_FALSE(slow.closed_within(600ms));
    CHECK(slow.send("Host: localhost\r\nConnection: close\r\n\r\n"));
    return slow.receive_all(5s);
  };
  CHECK(answer().starts_with("HTTP/1.1 200"));
}

// The library alone limits each read, so that this client could go on for an hour.
TEST_CASE("admin server: a client that trickles its request is cut off", "[observe][admin][slow]") {
  Daemon daemon;
  RawClient client(daemon.port());
  REQUIRE(client.send(get_line("/livez")));
  const auto before = daemon.clock.steady_now();
  bool closed = false;
  while (!closed && daemon.clock.steady_now() - before < 20s) {
    static_cast<void>(client.send("X"));
    closed = client.closed_within(200ms);
  }
  CHECK(closed);
  CHECK(daemon.clock.steady_now() - before < 8s);
}

TEST_CASE("admin server: many clients at once are all answered", "[observe][admin]") {
  Daemon daemon;
  std::atomic<int> answered{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 16; ++i)
      threads.emplace_back([&] {
        for (int request = 0; request < 20; ++request) {
          auto client = client_of(daemon.port());
          client.set_keep_alive(false);
          const auto live = client.Get(request % 2 == 0 ? "/livez" : "/metrics");
          if (live && live->status == 200) ++answered;
        }
      });
  }
  CHECK(answered == 320);
}

// cpp-httplib's own accept loop would close the listener for good here, and health with it.
TEST_CASE("admin server: running out of descriptors silences health only while it lasts",
          "[observe][admin]") {
  Daemon daemon;
  auto client = daemon.client();
  REQUIRE(client.Get("/livez"));
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  // The client's socket takes the lowest free number, so that none is left below the limit.
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const rlimit none{static_cast<rlim_t>(socket) + 1, before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(daemon.port());
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int connected =
      ::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const std::string request = get_line("/livez") + "Host: localhost\r\nConnection: close\r\n\r\n";
  const auto sent = ::send(socket, request.data(), request.size(), MSG_NOSIGNAL);
  pollfd answer{socket, POLLIN, 0};
  const bool answered_early = ::poll(&answer, 1, 300) > 0;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  CHECK(connected == 0);
  CHECK(sent == static_cast<ssize_t>(request.size()));
  CHECK_FALSE(answered_early);
  CHECK(::poll(&answer, 1, 5000) > 0);
  ::close(socket);
  CHECK(daemon.client().Get("/readyz")->status == 200);
}

}  // namespace
