#include <catch2/catch_test_macros.hpp>
#include <format>
#include <random>

#include "fixture.hpp"
#include "support/delivery.hpp"
#include "support/tcp_gate.hpp"
#include "support/wait.hpp"

using namespace holdfast;
using namespace holdfast::support;
using namespace std::chrono_literals;

namespace {

constexpr int counters = 7;

const std::string counting_source = R"toml(
[[source]]
name = "keyed"
provider = "none"
dedupe = "header:X-Key"
write = [
  { statement = "UPDATE counters SET n = n + 1 WHERE name = $1", parameters = ["/name"] },
  { statement = "INSERT INTO hits (number, name) VALUES ($1, $2)",
                  parameters = [ "/number", "/name" ]
},
]
)toml";

WriteOutcome counted_write(int number) {
  WriteOutcome write = e2e::write_number(number, true);
  write.request.body = std::format(R"({{"number":{},"name":"c{}"}})", number, number % counters);
  return write;
}

/// What the counters are, and what the inbox says that they should be.
void counters_are_exact(const PostgresCluster& cluster) {
  const auto wrong = cluster.query(
      "SELECT c.name, c.n, count(i.id) FROM counters c "
      "LEFT JOIN holdfast.inbox i ON i.payload->>'name' = c.name GROUP BY c.name, c.n "
      "HAVING c.n <> count(i.id)");
  for (const auto& row : wrong)
    FAIL_CHECK(row[0] << " counted " << row[1] << " times for " << row[2] << " entries");
  CHECK(cluster.query("SELECT count(*), count(DISTINCT number) FROM hits").at(0) ==
        cluster.query("SELECT count(*), count(*) FROM holdfast.inbox").at(0));
}

}  // namespace

TEST_CASE("e2e: a counter statement counts exactly once over fifty kills of the daemon",
          "[e2e][writes][crash][slow]") {
  std::mt19937 random(e2e::announced_seed());
  PostgresCluster cluster;
  (void)cluster.query(
      "CREATE TABLE counters (name text PRIMARY KEY, n bigint NOT NULL DEFAULT 0);"
      "CREATE TABLE hits (number bigint, name text NOT NULL)");
  (void)cluster.query(std::format(
      "INSERT INTO counters (name) SELECT 'c' || i FROM generate_series(0, {}) i", counters - 1));
  TcpGate gate(cluster.port());
  DaemonConfig config = e2e::config_for(gate.url());
  config.sources = counting_source;
  Daemon daemon(config);
  daemon.start();
  Load load({.senders = 4,
             .writes = 1'000'000,
             .make = counted_write,
             .port = daemon.port(),
             .retry = true,
             .repeat_every = 7,
             .writes_per_second = 600});
  for (int kill = 0; kill < 50; ++kill) {
    const int before = load.done();
    REQUIRE(eventually([&] { return load.done() > before + 10; }, 20s));
    // Some of the kills come while a commit is in doubt.
    if (kill % 3 == 1) gate.cut_inside_commit(TcpGate::CommitCut::after_forward);
    pause_for(std::chrono::milliseconds(std::uniform_int_distribution<>(0, 120)(random)));
    daemon.kill_hard();
    daemon.restart();
  }
  load.stop();
  const auto outcomes = load.finish();
  gate.heal();
  CHECK(outcomes.size() > 500);
  everything_arrives(daemon, cluster, outcomes);
  counters_are_exact(cluster);
}
