#include <catch2/catch_test_macros.hpp>
#include <csignal>
#include <memory>
#include <random>

#include "fixture.hpp"
#include "support/delivery.hpp"
#include "support/http.hpp"
#include "support/wait.hpp"

using namespace holdfast;
using namespace holdfast::support;
using namespace std::chrono_literals;

TEST_CASE("e2e: twenty kills of the daemon in mid-load lose nothing", "[e2e][crash][slow]") {
  std::mt19937 random(e2e::announced_seed());
  PostgresCluster cluster;
  Daemon daemon(e2e::config_for(cluster.url()));
  daemon.start();
  const WriteOutcome first = e2e::deliver_the_first(daemon, cluster);
  auto options = e2e::mixed_load(daemon, 1'000'000);
  options.senders = 6;
  options.retry = true;
  options.writes_per_second = 1500;
  Load load(options);
  for (int kill = 0; kill < 20; ++kill) {
    // Some writes must have come through, then the moment is random within them.
    const int before = load.done();
    REQUIRE(eventually([&] { return load.done() > before + 20; }, 20s));
    pause_for(std::chrono::milliseconds(std::uniform_int_distribution<>(0, 300)(random)));
    daemon.kill_hard();
    daemon.restart();
  }
  load.stop();
  auto outcomes = load.finish();
  CHECK(outcomes.size() > 400);
  outcomes.push_back(first);
  everything_arrives(daemon, cluster, outcomes);
}

TEST_CASE("e2e: SIGTERM under load ends with 0 and keeps what was accepted", "[e2e][crash]") {
  PostgresCluster cluster;
  Daemon daemon(e2e::config_for(cluster.url()));
  daemon.start();
  std::vector<WriteOutcome> outcomes{e2e::deliver_the_first(daemon, cluster)};
  for (int round = 0; round < 3; ++round) {
    auto options = e2e::mixed_load(daemon, 1'000'000);
    options.make = [round](int number) {
      return e2e::write_number(round * 10'000'000 + number, number % 2 == 0);
    };
    Load load(options);
    REQUIRE(eventually([&] { return load.done() > 200; }, 20s));
    daemon.send_signal(round == 1 ? SIGINT : SIGTERM);
    CHECK(daemon.wait_for_end() == 0);
    CHECK_FALSE(daemon.log_text().contains("abort"));
    load.stop();
    for (WriteOutcome& outcome : load.finish()) outcomes.push_back(std::move(outcome));
    daemon.restart();
  }
  everything_arrives(daemon, cluster, outcomes);
}

TEST_CASE("e2e: SIGTERM with Postgres away is quick and keeps the backlog", "[e2e][crash]") {
  PostgresCluster cluster;
  cluster.stop();
  Daemon daemon(e2e::config_for(cluster.url()));
  daemon.start();
  std::vector<WriteOutcome> outcomes;
  for (int number = 0; number < 50; ++number)
    outcomes.push_back(e2e::post_one(daemon, e2e::mixed_write(number)));
  CHECK(daemon.reaches_state("backing_off", 10s));
  CHECK(daemon.terminate() == 0);
  daemon.restart();
  CHECK(daemon.pending() == 50);
  cluster.start();
  everything_arrives(daemon, cluster, outcomes);
}

TEST_CASE("e2e: a request under way at SIGTERM is answered, and idle connections delay nothing",
          "[e2e][crash]") {
  Daemon daemon(e2e::config_for(""));
  daemon.start();
  std::vector<std::unique_ptr<HttpConnection>> idle;
  for (int i = 0; i < 20; ++i) {
    idle.push_back(std::make_unique<HttpConnection>(daemon.port()));
    REQUIRE(idle.back()->exchange({.method = "GET", .target = "/api/health"}).has_value());
  }
  HttpConnection slow(daemon.port());
  REQUIRE(
      slow.send_bytes("POST /ingest/plain HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n"
                      "Expect: 100-continue\r\n\r\n"));
  // By this answer the daemon is known to have the request in hand.
  const auto go_on = slow.receive();
  REQUIRE(go_on.has_value());
  REQUIRE(go_on->status == 100);
  REQUIRE(slow.send_bytes("half"));
  daemon.send_signal(SIGTERM);
  CHECK(eventually([&] { return daemon.readyz() == 503; }, 5s));
  CHECK(eventually([&] { return !accepts_connections(daemon.port()); }, 5s));
  REQUIRE(slow.send_bytes("a body"));
  const auto response = slow.receive();
  REQUIRE(response.has_value());
  CHECK(response->status == 202);
  CHECK(daemon.wait_for_end() == 0);
  daemon.restart();
  CHECK(daemon.pending() == 1);
}

TEST_CASE("e2e: a request that meets SIGTERM gets 2xx, 503 or nothing, but never the blame",
          "[e2e][crash]") {
  Daemon daemon(e2e::config_for(""));
  std::uint64_t accepted = 0;
  for (int round = 0; round < 3; ++round) {
    daemon.start();
    std::vector<std::unique_ptr<HttpConnection>> senders;
    for (int i = 0; i < 60; ++i) {
      senders.push_back(std::make_unique<HttpConnection>(daemon.port()));
      // Every second connection has carried a request before.
      if (i % 2 == 0) (void)senders.back()->exchange({.method = "GET", .target = "/api/health"});
    }
    for (const auto& sender : senders)
      REQUIRE(sender->send_bytes(
          "POST /ingest/plain HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf"));
    daemon.send_signal(SIGTERM);
    CHECK(eventually([&] { return !accepts_connections(daemon.port()); }, 5s));
    for (const auto& sender : senders) {
      (void)sender->send_bytes("a body");
      const auto response = sender->receive();
      if (!response) continue;
      CHECK((response->status == 202 || response->status == 503));
      if (response->accepted()) ++accepted;
    }
    CHECK(daemon.wait_for_end() == 0);
  }
  daemon.start();
  CHECK(daemon.pending() >= accepted);
}
