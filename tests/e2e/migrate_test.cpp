#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

#include "fixture.hpp"
#include "support/wait.hpp"

using namespace holdfast;
using namespace holdfast::support;
using namespace std::chrono_literals;
using nlohmann::json;

TEST_CASE("e2e: with migrate = false the operator plans and applies, and then the backlog drains",
          "[e2e][cli]") {
  PostgresCluster cluster;
  auto config = e2e::config_for(cluster.url());
  config.destination += "migrate = false\n";
  Daemon daemon(config);
  const auto planned = daemon.run({"migrate", "plan", "--json"});
  REQUIRE(planned.exit_code == 0);
  const auto pending = json::parse(planned.out).at("pending");
  REQUIRE(pending.size() >= 1);
  CHECK(pending.at(0).at("sql").get<std::string>().contains("inbox"));
  CHECK(cluster.query("SELECT count(*) FROM pg_tables WHERE tablename = 'inbox'").at(0).at(0) ==
        "0");

  daemon.start();
  const auto write = e2e::post_one(daemon, e2e::write_number(1, true));
  REQUIRE(write.ids.size() == 1);
  CHECK(daemon.reaches_state("paused", 10s));
  CHECK(daemon.run({"status"}).out.contains("migrate apply"));
  CHECK(daemon.readyz() == 200);
  CHECK(daemon.run({"migrate", "apply"}).exit_code == 0);
  CHECK(daemon.run({"migrate", "apply"}).out.starts_with("Nothing to do"));
  CHECK(json::parse(daemon.run({"migrate", "plan", "--json"}).out).at("pending").empty());

  // The next probe would come within 30 s; a restart looks at once.
  CHECK(daemon.terminate() == 0);
  daemon.restart();
  CHECK(daemon.drains(20s));
  CHECK(cluster.query("SELECT id FROM holdfast.inbox").at(0).at(0) == write.ids.at(0));
  CHECK(daemon.terminate() == 0);
}

TEST_CASE("e2e: migrate says what is wrong when it cannot work", "[e2e][cli]") {
  Daemon unconfigured(e2e::config_for(""));
  CHECK(unconfigured.run({"migrate", "plan"}).exit_code == 2);
  Daemon unreachable(e2e::config_for("postgresql://postgres:hunter2@127.0.0.1:1/postgres"));
  const auto failed = unreachable.run({"migrate", "apply"});
  CHECK(failed.exit_code == 1);
  CHECK(failed.err.contains("connecting to Postgres"));
  CHECK_FALSE(failed.err.contains("hunter2"));
  CHECK(unreachable.run({"migrate"}).exit_code == 2);
}
