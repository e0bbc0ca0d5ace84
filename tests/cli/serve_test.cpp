#include <catch2/catch_test_macros.hpp>
#include <csignal>
#include <format>
#include <functional>
#include <nlohmann/json.hpp>

#include "support/daemon.hpp"
#include "support/http.hpp"
#include "support/wait.hpp"

using namespace holdfast::support;
using namespace std::chrono_literals;

namespace {

/// The real binary, changed by `change`.
DaemonConfig config_with(const std::function<void(DaemonConfig&)>& change = {}) {
  DaemonConfig config;
  config.binary = HOLDFAST_BINARY;
  if (change) change(config);
  return config;
}

}  // namespace

TEST_CASE("cli: serve announces its listeners and stops cleanly", "[cli][serve]") {
  Daemon daemon(config_with());
  daemon.start();
  CHECK(daemon.out_text() == std::format("holdfast: ingress listening on http://127.0.0.1:{}\n"
                                         "holdfast: admin listening on http://127.0.0.1:{}\n",
                                         daemon.port(), daemon.admin_port()));
  CHECK(daemon.terminate() == 0);
  CHECK(daemon.log_text().contains("starting: "));
  CHECK(daemon.log_text().contains("signal=SIGTERM"));
  daemon.restart();
  daemon.send_signal(SIGINT);
  CHECK(eventually([&] { return !daemon.running(); }, 20s));
  CHECK(daemon.terminate() == 0);
}

TEST_CASE("cli: the reading commands see the running daemon", "[cli][serve]") {
  Daemon daemon(config_with());
  daemon.start();
  CHECK(post(daemon.port(), "/ingest/plain", {}, "hello").status == 202);
  const auto status = daemon.run({"status"});
  CAPTURE(status.err, status.out);
  CHECK(status.exit_code == 0);
  CHECK(status.out.contains("status       degraded"));
  CHECK(status.out.contains("backlog      1 pending"));
  CHECK(status.out.contains("destination  unconfigured"));
  const auto document = nlohmann::json::parse(daemon.run({"status", "--json"}).out);
  CHECK(document["outbox"]["pending"] == 1);
  const auto health = daemon.run({"healthcheck"});
  CHECK(health.exit_code == 0);
  CHECK((health.out + health.err).empty());
  // The daemon holds the file open and locked all the while.
  const auto list = nlohmann::json::parse(daemon.run({"outbox", "list", "--json"}).out);
  REQUIRE(list["entries"].size() == 1);
  CHECK(daemon.run({"outbox", "show", list["entries"][0]["id"], "--body"}).out == "hello");
  CHECK(daemon.terminate() == 0);
  CHECK(daemon.run({"healthcheck"}).exit_code == 1);
}

TEST_CASE("cli: SIGHUP says that a restart is needed and changes nothing", "[cli][serve]") {
  Daemon daemon(config_with());
  daemon.start();
  daemon.send_signal(SIGHUP);
  CHECK(eventually([&] { return daemon.log_text().contains("reload_unavailable"); }, 10s));
  CHECK(daemon.readyz() == 200);
  CHECK(daemon.terminate() == 0);
}

TEST_CASE("cli: a second signal ends a stop that takes long", "[cli][serve]") {
  Daemon daemon(config_with([](DaemonConfig& config) {
    config.ingress = "request_deadline = \"5m\"\n";
    config.destination = "shutdown_timeout = \"1m\"\n";
  }));
  daemon.start();
  HttpConnection slow(daemon.port());
  const std::string head = "POST /ingest/plain HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n";
  // The answer to the first shows that the daemon has the beginning of the second in hand.
  REQUIRE(slow.send_bytes(head + "full" + head + "ha"));
  REQUIRE(slow.receive().has_value());
  daemon.send_signal(SIGTERM);
  REQUIRE(eventually([&] { return daemon.log_text().contains("stopping: "); }, 10s));
  CHECK(daemon.running());
  CHECK(daemon.terminate() == 1);
}

TEST_CASE("cli: a refused start says why and exits with 1", "[cli][serve]") {
  Daemon daemon(config_with());
  daemon.start();
  const auto locked = daemon.start_refused();
  CHECK(locked.exit_code == 1);
  CHECK(locked.out.empty());
  CHECK(locked.err.contains("\nholdfast: "));
  Daemon same_port(config_with([&](DaemonConfig& config) { config.port = daemon.port(); }));
  const auto taken = same_port.start_refused();
  CHECK(taken.exit_code == 1);
  CHECK(taken.err.contains("\nholdfast: "));
  CHECK(taken.err.contains(std::format("127.0.0.1:{}", daemon.port())));
  Daemon nowhere(config_with(
      [](DaemonConfig& config) { config.outbox_path = "/nonexistent/folder/holdfast.db"; }));
  const auto missing = nowhere.start_refused();
  CHECK(missing.exit_code == 1);
  CHECK(missing.err.contains("\nholdfast: "));
  CHECK(daemon.terminate() == 0);
}
