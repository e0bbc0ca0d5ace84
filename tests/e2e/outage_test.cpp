#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

#include "fixture.hpp"
#include "support/delivery.hpp"
#include "support/tcp_gate.hpp"
#include "support/wait.hpp"

using namespace holdfast;
using namespace holdfast::support;
using namespace std::chrono_literals;
using nlohmann::json;

TEST_CASE("e2e: writes are accepted while Postgres was never there, and drain once it is",
          "[e2e][outage]") {
  PostgresCluster cluster;
  cluster.stop();
  Daemon daemon(e2e::config_for(cluster.url()));
  daemon.start();
  auto outcomes = Load(e2e::mixed_load(daemon, 300)).finish();
  CHECK(accepted_ids(outcomes).size() == 300);
  CHECK(daemon.reaches_state("backing_off", 10s));
  CHECK(daemon.readyz() == 200);
  CHECK(get(daemon.admin_port(), "/livez").status == 200);
  const HttpResponse response = get(daemon.port(), "/api/health");
  CHECK(response.status == 200);
  const json health = json::parse(response.body);
  CHECK(health.at("status") == "degraded");
  CHECK(health.at("outbox").at("pending") == 300);
  CHECK(health.at("outbox").at("oldest_pending_age_seconds") >= 0);
  CHECK(health.at("destination").at("state") == "backing_off");
  CHECK_FALSE(health.at("destination").at("last_error").is_null());
  CHECK_FALSE(health.at("destination").at("retry_at").is_null());
  CHECK_FALSE(response.body.contains(std::to_string(cluster.port())));

  cluster.start();
  everything_arrives(daemon, cluster, outcomes);
  CHECK(daemon.health().at("status") == "ok");
}

TEST_CASE("e2e: without a destination writes wait, and go out once it is configured",
          "[e2e][outage]") {
  Daemon daemon(e2e::config_for(""));
  daemon.start();
  auto outcomes = Load(e2e::mixed_load(daemon, 20)).finish();
  CHECK(accepted_ids(outcomes).size() == 20);
  CHECK(daemon.health().at("status") == "degraded");
  CHECK(daemon.health().at("destination").at("state") == "unconfigured");
  CHECK(daemon.readyz() == 200);
  CHECK(daemon.pending() == 20);
}

TEST_CASE("e2e: a table that is gone pauses the destination until it is back",
          "[e2e][outage][slow]") {
  PostgresCluster cluster;
  Daemon daemon(e2e::config_for(cluster.url()));
  daemon.start();
  std::vector<WriteOutcome> outcomes{e2e::deliver_the_first(daemon, cluster)};
  (void)cluster.query("ALTER TABLE holdfast.inbox RENAME TO inbox_elsewhere");
  for (int number = 0; number < 30; ++number)
    outcomes.push_back(e2e::post_one(daemon, e2e::mixed_write(number)));
  REQUIRE(daemon.reaches_state("paused", 20s));
  const json health = daemon.health();
  CHECK(health.at("status") == "degraded");
  CHECK(health.at("relay").at("paused") == true);
  CHECK(health.at("destination").at("last_error").get<std::string>().contains("42P01"));
  CHECK(health.at("outbox").at("dead") == 0);
  CHECK(daemon.readyz() == 200);

  (void)cluster.query("ALTER TABLE holdfast.inbox_elsewhere RENAME TO inbox");
  // A pause is probed every 30 s and ends by itself.
  everything_arrives(daemon, cluster, outcomes, 45s);
  CHECK(daemon.health().at("status") == "ok");
}

TEST_CASE("e2e: a refused port and a reset link are outages like any other", "[e2e][outage]") {
  PostgresCluster cluster;
  TcpGate gate(cluster.port());
  Daemon daemon(e2e::config_for(gate.url()));
  daemon.start();
  std::vector<WriteOutcome> outcomes{e2e::deliver_the_first(daemon, cluster)};
  for (int round = 0; round < 5; ++round) {
    gate.set_mode(TcpGate::Mode::refuse);
    gate.cut_all();
    for (int number = 0; number < 10; ++number)
      outcomes.push_back(e2e::post_one(daemon, e2e::mixed_write(round * 10 + number)));
    CHECK(daemon.reaches_state("backing_off", 10s));
    gate.heal();
    CHECK(daemon.drains(10s));
  }
  everything_arrives(daemon, cluster, outcomes);
}
