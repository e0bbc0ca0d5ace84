#include <catch2/catch_test_macros.hpp>

#include "fixture.hpp"
#include "support/delivery.hpp"
#include "support/wait.hpp"

using namespace holdfast;
using namespace holdfast::support;
using namespace std::chrono_literals;

namespace {

std::string sessions(const PostgresCluster& cluster) {
  return cluster
      .query(
          "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' "
          "AND pid <> pg_backend_pid()")
      .at(0)
      .at(0);
}

}  // namespace

TEST_CASE("e2e: thirty idle seconds after a drain leave Postgres alone", "[e2e][idle][slow]") {
  PostgresCluster cluster;
  DaemonConfig config = e2e::config_for(cluster.url());
  config.destination = "idle_close = \"2s\"\n";
  Daemon daemon(config);
  daemon.start();
  const auto outcomes = Load(e2e::mixed_load(daemon, 200)).finish();
  everything_arrives(daemon, cluster, outcomes);
  REQUIRE(eventually([&] { return sessions(cluster) == "0"; }, 10s));
  REQUIRE(daemon.reaches_state("idle", 5s));

  // The server's log is looked at from here on, without a question to the server in between;
  // health and metrics are asked all the time and must not wake it.
  REQUIRE(eventually([&] { return cluster.log_text().ends_with("\n"); }, 5s));
  const std::size_t log_before = cluster.log_text().size();
  const auto ask_about_health = [&] {
    return daemon.health().at("status") == "ok" && daemon.readyz() == 200 &&
           get(daemon.port(), "/api/health").status == 200 &&
           get(daemon.admin_port(), "/metrics").status == 200;
  };
  CHECK(stays(ask_about_health, 30s));
  const std::string log = cluster.log_text().substr(log_before);
  INFO(log);
  CHECK_FALSE(log.contains("connection received"));
  CHECK_FALSE(log.contains("statement:"));
  CHECK_FALSE(log.contains("execute "));
  CHECK(sessions(cluster) == "0");

  // And it is there again at once when there is something to deliver.
  const auto woken = e2e::post_one(daemon, e2e::write_number(1'000'000, false));
  CHECK(daemon.drains(5s));
  CHECK(woken.last_status == 202);
}

TEST_CASE("e2e: a session killed while it is idle costs no alarm and no delay", "[e2e][idle]") {
  PostgresCluster cluster;
  DaemonConfig config = e2e::config_for(cluster.url());
  config.destination = "idle_close = \"60s\"\nbackoff_initial = \"20s\"\n";
  Daemon daemon(config);
  daemon.start();
  std::vector<WriteOutcome> outcomes{e2e::post_one(daemon, e2e::mixed_write(1))};
  REQUIRE(daemon.drains(10s));
  (void)cluster.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
      "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()");
  REQUIRE(eventually([&] { return sessions(cluster) == "0"; }, 5s));
  // As Neon does when it suspends: the first reconnect comes at once, not after the backoff.
  outcomes.push_back(e2e::post_one(daemon, e2e::mixed_write(2)));
  CHECK(daemon.drains(5s));
  everything_arrives(daemon, cluster, outcomes);
}
