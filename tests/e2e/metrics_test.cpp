#include <catch2/catch_test_macros.hpp>

#include "fixture.hpp"
#include "support/delivery.hpp"

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
