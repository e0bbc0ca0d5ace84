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

int occurrences(const std::string& text, std::string_view part) {
  int count = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; ++at) ++count;
  return count;
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

TEST_CASE("cli: SIGHUP with the same file changes nothing, and says so", "[cli][serve][reload]") {
  Daemon daemon(config_with());
  daemon.start();
  daemon.send_signal(SIGHUP);
  CHECK(eventually([&] { return daemon.log_text().contains("info reload_unchanged: "); }, 10s));
  CHECK(daemon.readyz() == 200);
  CHECK(daemon.terminate() == 0);
}

TEST_CASE(
    "cli: SIGHUP with a file that is wrong names file, line and key of each error, and keeps "
    "the old one",
    "[cli][serve][reload]") {
  Daemon daemon(config_with());
  daemon.start();
  daemon.reconfigure([](DaemonConfig& config) {
    config.ingress = "max_bdy = \"1KiB\"\n";
    config.destination = "url = \"postgres://canary:canary@h/?canary=1\"\nbatch_entries = -1\n";
    config.sources = "[[source]]\nname = \"other\"\nprovider = \"none\"\n";
  });
  daemon.send_signal(SIGHUP);
  REQUIRE(eventually([&] { return daemon.log_text().contains("batch_entries"); }, 10s));
  const auto log = daemon.log_text();
  INFO(log);
  CHECK(
      log.contains(std::format(" error reload_refused: unknown key; did you mean \"max_body\"? "
                               "file={} line=3 key=ingress.max_bdy",
                               daemon.config_path())));
  CHECK(log.contains("key=destination.batch_entries"));
  CHECK_FALSE(log.contains("canary"));
  CHECK(post(daemon.port(), "/ingest/plain", {}, "x").status == 202);
  CHECK(post(daemon.port(), "/ingest/other", {}, "x").status == 404);
  daemon.reconfigure([](DaemonConfig& config) { config.ingress = config.destination = ""; });
  daemon.send_signal(SIGHUP);
  REQUIRE(eventually([&] { return daemon.log_text().contains("info reloaded: "); }, 10s));
  CHECK(post(daemon.port(), "/ingest/other", {}, "x").status == 202);
  CHECK(post(daemon.port(), "/ingest/plain", {}, "x").status == 404);
  CHECK(daemon.log_text().contains(
      "source other: added; source plain: removed; source keyed: removed\""));
  CHECK(daemon.terminate() == 0);
}

TEST_CASE("cli: SIGHUP after a change that needs a restart names each such key and changes nothing",
          "[cli][serve][reload]") {
  Daemon daemon(config_with());
  daemon.start();
  daemon.reconfigure([](DaemonConfig& config) {
    config.ingress = "max_connections = 7\n";
    config.outbox = "max_size = \"1GiB\"\n";
    config.sources = "[log]\nformat = \"json\"\n" + config.sources +
                     "[[source]]\nname = \"other\"\nprovider = \"none\"\n";
  });
  daemon.send_signal(SIGHUP);
  REQUIRE(eventually([&] { return daemon.log_text().contains("reload_refused: "); }, 10s));
  const auto log = daemon.log_text();
  INFO(log);
  CHECK(log.contains("keys=\"ingress.max_connections, outbox.max_size, log.format\""));
  CHECK(post(daemon.port(), "/ingest/other", {}, "x").status == 404);
  CHECK(daemon.readyz() == 200);
  CHECK(daemon.terminate() == 0);
}

TEST_CASE("cli: SIGHUP changes the level of the log in both directions", "[cli][serve][reload]") {
  Daemon daemon(config_with());
  daemon.start();
  const auto with_level = [&](const std::string& level) {
    const auto sources = DaemonConfig().sources;
    daemon.reconfigure([&](DaemonConfig& config) {
      config.sources = "[log]\nlevel = \"" + level + "\"\n" + sources;
    });
    daemon.send_signal(SIGHUP);
  };
  const auto reloads = [&] { return occurrences(daemon.log_text(), "changed=log.level"); };
  CHECK(post(daemon.port(), "/ingest/plain", {}, "x").status == 202);
  CHECK_FALSE(daemon.log_text().contains(" debug request: "));
  with_level("debug");
  REQUIRE(eventually([&] { return reloads() == 1; }, 10s));
  CHECK(post(daemon.port(), "/ingest/plain", {}, "x").status == 202);
  CHECK(eventually([&] { return daemon.log_text().contains(" debug request: "); }, 10s));
  with_level("error");
  REQUIRE(eventually([&] { return reloads() == 2; }, 10s));
  with_level("info");
  REQUIRE(eventually([&] { return reloads() == 3; }, 10s));
  CHECK(daemon.terminate() == 0);
}

TEST_CASE("cli: SIGHUP at any moment of a start and a stop ends nothing and spoils no exit code",
          "[cli][serve][reload]") {
  Daemon daemon(config_with());
  for (int round = 0; round < 3; ++round) {
    daemon.launch();
    // Before it has blocked its signals a SIGHUP would end it, as it does every process.
    const auto starts = [&] { return occurrences(daemon.log_text(), " starting: "); };
    REQUIRE(eventually([&] { return starts() == round + 1; }, 10s));
    for (int i = 0; i < 20; ++i) daemon.send_signal(SIGHUP);
    REQUIRE(eventually([&] { return daemon.out_text().contains("admin listening"); }, 10s));
    for (int i = 0; i < 20; ++i) daemon.send_signal(SIGHUP);
    daemon.send_signal(SIGTERM);
    for (int i = 0; i < 20 && daemon.running(); ++i) daemon.send_signal(SIGHUP);
    CHECK(daemon.wait_for_end() == 0);
  }
  CHECK_FALSE(daemon.log_text().contains("reload_refused"));
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
