#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <format>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "fixture.hpp"
#include "support/delivery.hpp"
#include "support/wait.hpp"

using namespace holdfast;
using namespace holdfast::support;
using namespace std::chrono_literals;

TEST_CASE("e2e: the metrics count what went in and what came out", "[e2e][metrics]") {
  PostgresCluster cluster;
  Daemon daemon(e2e::config_for(cluster.url()));
  daemon.start();
  const auto outcomes = Load(e2e::mixed_load(daemon, 40)).finish();
  CHECK(e2e::post_one(daemon, outcomes.front()).last_status == 202);  // A duplicate.
  CHECK(get(daemon.port(), "/ingest/nobody").status == 404);
  everything_arrives(daemon, cluster, outcomes);

  const std::string metrics = get(daemon.admin_port(), "/metrics").body;
  for (const std::string line :
       {"holdfast_outbox_entries{state=\"pending\"} 0\n",
        "holdfast_outbox_entries{state=\"delivered\"} 40\n",
        "holdfast_outbox_entries{state=\"dead\"} 0\n",
        "holdfast_outbox_entries{state=\"discarded\"} 0\n",
        "holdfast_delivered_entries_total{source=\"keyed\"} 20\n",
        "holdfast_delivered_entries_total{source=\"plain\"} 20\n", "holdfast_destination_up 1\n",
        "holdfast_destination_connects_total 1\n", "holdfast_relay_paused 0\n"}) {
    INFO(line);
    CHECK(metrics.contains(line));
  }
  const auto requests = [&](const std::string& source, const std::string& code) {
    return metrics.contains("holdfast_ingress_requests_total{source=\"" + source + "\",code=\"" +
                            code + "\"}") ||
           metrics.contains("holdfast_ingress_requests_total{code=\"" + code + "\",source=\"" +
                            source + "\"}");
  };
  CHECK(requests("plain", "202"));
  CHECK(requests("keyed", "202"));
  CHECK(requests("", "404"));
}

TEST_CASE("e2e: top -H tells the threads apart", "[e2e][metrics]") {
  PostgresCluster cluster;
  Daemon daemon(e2e::config_for(cluster.url()));
  daemon.start();
  // So large that it goes to the pool, which is made when first needed.
  CHECK(e2e::post_one(daemon, e2e::write_number(1, true, 20'000)).last_status == 202);
  std::set<std::string> names;
  const std::filesystem::path tasks = std::format("/proc/{}/task", daemon.pid());
  for (const auto& task : std::filesystem::directory_iterator(tasks)) {
    std::ifstream comm(task.path() / "comm");
    std::string name;
    std::getline(comm, name);
    names.insert(name);
  }
  for (const std::string name : {"hf-accept", "hf-loop", "hf-pool", "hf-writer", "hf-sync",
                                 "hf-relay", "hf-admin", "hf-sampler"}) {
    INFO(name);
    CHECK(names.contains(name));
  }
}

TEST_CASE("e2e: status has rates and a forecast, and the history begins with the start",
          "[e2e][metrics]") {
  PostgresCluster cluster;
  Daemon daemon(e2e::config_for(cluster.url()));
  daemon.start();
  const auto read = [&](const std::string& path) {
    return nlohmann::json::parse(get(daemon.admin_port(), path).body);
  };
  REQUIRE(eventually([&] { return !read("/api/v1/history").at("samples").empty(); }, 5s));
  const auto outcomes = Load(e2e::mixed_load(daemon, 40)).finish();
  everything_arrives(daemon, cluster, outcomes);
  const auto status = read("/api/v1/status");
  const auto& rates = status.at("rates");
  const double seconds = rates.at("window_seconds");
  REQUIRE(seconds > 0);
  CHECK(rates.at("accepted_per_second").get<double>() * seconds == Catch::Approx(40));
  CHECK(rates.at("delivered_per_second").get<double>() * seconds == Catch::Approx(40));
  CHECK(status.at("forecast").at("full_in_seconds").is_null());
  CHECK(status.at("forecast").at("limited_by").is_null());
  const auto history = read("/api/v1/history");
  CHECK(history.at("step_seconds") == 10);
  REQUIRE_FALSE(history.at("samples").empty());
  CHECK(history.at("samples").at(0).at("pending") == 0);
  CHECK(daemon.terminate() == 0);
}
