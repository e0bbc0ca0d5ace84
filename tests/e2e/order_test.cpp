#include <catch2/catch_test_macros.hpp>
#include <format>

#include "fixture.hpp"
#include "support/delivery.hpp"
#include "support/wait.hpp"

using namespace holdfast;
using namespace holdfast::support;
using namespace std::chrono_literals;

namespace {

constexpr int keys = 1000;

const std::string ordered_source = R"toml(
[[source]]
name = "ordered"
provider = "none"
order_by = "/userId"
write = [
  { statement = "INSERT INTO events (user_id, number) VALUES ($1, $2)",
                  parameters = [ "/userId", "/number" ]
},
]
)toml";

/// Every hundredth write is one that table events refuses.
WriteOutcome ordered_write(int number) {
  WriteOutcome write;
  write.request.target = "/ingest/ordered";
  write.request.headers = {{"Content-Type", "application/json"}};
  write.request.body = std::format(R"({{"userId":"u{}","number":{}}})", number % keys,
                                   number % 100 == 99 ? -number : number);
  return write;
}

std::string one(const PostgresCluster& cluster, const std::string& sql) {
  return cluster.query(sql).at(0).at(0);
}

/// Rows that came before one of the same user that was accepted earlier.
std::string rows_out_of_order(const PostgresCluster& cluster) {
  return one(cluster,
             "SELECT count(*) FROM (SELECT seq < lag(seq) OVER (PARTITION BY payload->>'userId' "
             "ORDER BY arrival) AS wrong FROM holdfast.inbox) AS pairs WHERE wrong");
}

}  // namespace

TEST_CASE("e2e: with 4 connections and 1,000 keys every key's rows are in order",
          "[e2e][order][slow]") {
  PostgresCluster cluster;
  (void)cluster.query(
      "CREATE TABLE events (id bigserial, user_id text, number int CHECK (number >= 0), "
      "pid int DEFAULT pg_backend_pid())");
  DaemonConfig config = e2e::config_for(cluster.url());
  config.destination = "connections = 4\nbatch_entries = 200\nbackoff_max = \"500ms\"\n";
  config.sources = ordered_source;
  Daemon daemon(config);
  daemon.start();
  std::vector<WriteOutcome> outcomes{e2e::post_one(daemon, ordered_write(0))};
  REQUIRE(daemon.drains(30s));
  record_arrival_order(cluster);

  Load load({.senders = 8,
             .writes = 8'000,
             .make = [](int n) { return ordered_write(n + 1); },
             .port = daemon.port()});
  // The database restarts and ends sessions while batches of all connections are under way.
  REQUIRE(eventually([&] { return load.done() > 2'000; }, 60s));
  cluster.stop();
  cluster.start();
  for (auto& outcome : load.finish()) outcomes.push_back(std::move(outcome));
  REQUIRE(daemon.drains(90s));

  CHECK(daemon.health().at("outbox").at("dead") == 80);
  CHECK(one(cluster, "SELECT count(*) FROM holdfast.inbox") == "7921");
  CHECK(one(cluster, "SELECT count(*) FROM events") == "7921");
  CHECK(rows_out_of_order(cluster) == "0");
  CHECK(one(cluster,
            "SELECT count(*) FROM (SELECT pid FROM events GROUP BY pid HAVING count(*) > 500) p") >=
        "4");
}
