#include <httplib.h>

#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <functional>
#include <memory>
#include <thread>

#include "holdfast/clock.hpp"
#include "observe/admin_server.hpp"
#include "observe/http_server.hpp"
#include "raw_client.hpp"
#include "sample.hpp"
#include "support/wait.hpp"

/// How much of the admin listener those who change something, or look on, may take.
namespace {

using namespace holdfast;
using namespace std::chrono_literals;
using observe::AdminServer;
using test::RawClient;

class Daemon {
 public:
  explicit Daemon(std::string token = "") {
    AdminConfig config{{"127.0.0.1", 0}, {}};
    if (!token.empty()) config.tokens.push_back({"admin", Secret(std::move(token))});
    observe::Operations operations;
    operations.probe = [this](std::chrono::milliseconds limit) { return probe(limit); };
    auto started = AdminServer::start(config, {test::healthy,
                                               clock_,
                                               [](const LogEvent&) {},
                                               {"twilio"},
                                               {"twilio"},
                                               [] { return std::string("{}"); },
                                               operations});
    REQUIRE(started);
    server_ = *std::move(started);
  }
  AdminServer& server() { return *server_; }
  std::uint16_t port() const { return server_->address().port; }
  httplib::Client client() const {
    httplib::Client client("127.0.0.1", port());
    // From a whole second on the library would look the address up in a helper thread.
    client.set_connection_timeout(0, 900'000);
    return client;
  }

  /// What a probe of the destination does.
  std::function<DestinationProbe(std::chrono::milliseconds)> probe = [](std::chrono::milliseconds) {
    return DestinationProbe{};
  };

 private:
  SystemClock clock_;
  std::unique_ptr<AdminServer> server_;
};

TEST_CASE("admin server: operators who wait for the destination leave threads for health",
          "[observe][admin]") {
  Daemon daemon;
  std::atomic<std::size_t> probing = 0;
  std::atomic<bool> answered = false;
  daemon.probe = [&](std::chrono::milliseconds) {
    ++probing;
    answered.wait(false);
    return DestinationProbe{true, "", {}};
  };
  constexpr std::size_t operators = 80;
  std::atomic<std::size_t> done = 0;
  std::atomic<std::size_t> busy = 0;
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < operators; ++i)
    threads.emplace_back([&] {
      auto client = daemon.client();
      client.set_read_timeout(60s);
      const auto reply = client.Post("/api/v1/relay/probe", "", "application/json");
      if (reply && reply->status == 200) ++done;
      if (reply && reply->status == 503 && reply->has_header("Retry-After")) ++busy;
    });
  constexpr auto most = observe::admin_posts_max;
  CHECK(support::eventually([&] { return busy == operators - most; }, 30s));
  CHECK(probing == most);
  const auto health = daemon.client().Get("/livez");
  CHECK((health && health->status == 200));
  answered = true;
  answered.notify_all();
  threads.clear();
  CHECK(done == most);
  const auto again = daemon.client().Post("/api/v1/relay/probe", "", "application/json");
  CHECK((again && again->status == 200));
}

TEST_CASE("admin server: of the largest bodies only a few are read at once", "[observe][admin]") {
  Daemon daemon;
  const std::string head =
      "POST /api/v1/entries/import HTTP/1.1\r\nHost: localhost\r\n"
      "Content-Type: application/json\r\nContent-Length: 50000000\r\n\r\n{";
  std::vector<std::unique_ptr<RawClient>> readers;
  for (std::size_t i = 0; i < observe::admin_imports_max; ++i) {
    readers.push_back(std::make_unique<RawClient>(daemon.port()));
    REQUIRE(readers.back()->send(head));
  }
  // One that is let in stays: it may have come before a reader, whose place it then has.
  const auto refused = [&] {
    auto one_more = std::make_unique<RawClient>(daemon.port());
    const bool told =
        one_more->send(head) && one_more->receive_all(500ms).starts_with("HTTP/1.1 503 ");
    if (!told) readers.push_back(std::move(one_more));
    return told;
  };
  CHECK(support::eventually(refused, 30s));
  readers.clear();
  CHECK(support::eventually([&] { return !refused(); }, 30s));
}

TEST_CASE("admin server: a stream ends when its token is taken away", "[observe][admin]") {
  Daemon daemon("old");
  auto client = daemon.client();
  bool reloaded = false;
  int events_after = 0;
  const auto reply = client.Get(
      "/api/v1/stream", {{"Authorization", "Bearer old"}}, [&](const char*, std::size_t) {
        if (reloaded) return ++events_after < 5;
        daemon.server().reload({{"127.0.0.1", 0}, {{"admin", Secret("new")}}}, {}, {});
        return reloaded = true;
      });
  CHECK(reloaded);
  CHECK(events_after == 0);
}

}  // namespace
