#include <catch2/catch_test_macros.hpp>
#include <csignal>
#include <cstdio>
#include <format>
#include <iostream>
#include <random>

#include "rig.hpp"
#include "support/delivery.hpp"
#include "support/wait.hpp"

using namespace holdfast;
using namespace holdfast::faults;
using namespace holdfast::support;
using namespace std::chrono_literals;

namespace {

void wait_at_most(std::mt19937& random, int milliseconds_max) {
  pause_for(
      std::chrono::milliseconds(std::uniform_int_distribution<>(0, milliseconds_max)(random)));
}

std::vector<WriteOutcome> end(Load& load, WriteOutcome first) {
  load.stop();
  auto outcomes = load.finish();
  outcomes.push_back(std::move(first));
  return outcomes;
}

}  // namespace

TEST_CASE("faults: twenty starts in a row that are killed while they start lose nothing",
          "[faults][kills]") {
  std::mt19937 random(e2e::announced_seed());
  PostgresCluster cluster;
  Daemon daemon(e2e::config_for(cluster.url()));
  daemon.start();
  const WriteOutcome first = e2e::deliver_the_first(daemon, cluster);
  Load load(endless_load(daemon, 0, 400));
  for (int storm = 0; storm < 20; ++storm) {
    // Every fifth start lives long enough to take writes, which the next ones have to recover.
    if (storm % 5 == 0) {
      const int before = load.done();
      REQUIRE(comes_up(daemon, 20s));
      REQUIRE(eventually([&] { return load.done() > before + 20; }, 20s));
    }
    daemon.kill_hard();
    daemon.launch();
    wait_at_most(random, 60);
  }
  daemon.kill_hard();
  daemon.start();
  const auto outcomes = end(load, first);
  CHECK(outcomes.size() > 60);
  everything_arrives(daemon, cluster, outcomes);
}

TEST_CASE("faults: kill -9 shortly after SIGTERM, as a container's stop does it, loses nothing",
          "[faults][kills]") {
  std::mt19937 random(e2e::announced_seed());
  PostgresCluster cluster;
  Daemon daemon(e2e::config_for(cluster.url()));
  daemon.start();
  const WriteOutcome first = e2e::deliver_the_first(daemon, cluster);
  Load load(endless_load(daemon, 0, 600));
  for (int round = 0; round < 6; ++round) {
    const int before = load.done();
    REQUIRE(eventually([&] { return load.done() > before + 30; }, 20s));
    daemon.send_signal(SIGTERM);
    wait_at_most(random, 30);
    daemon.kill_hard();
    daemon.restart();
  }
  const auto outcomes = end(load, first);
  everything_arrives(daemon, cluster, outcomes);
}

TEST_CASE("soak: random kills of the daemon and of Postgres", "[.soak][kills]") {
  const unsigned seed = soak_seed();
  std::fprintf(stderr, "HOLDFAST_SEED=%u\n", seed);
  std::mt19937 random(seed);
  PostgresCluster cluster;
  Daemon daemon(e2e::config_for(cluster.url()));
  daemon.start();
  const WriteOutcome first = e2e::deliver_the_first(daemon, cluster);
  Load load(endless_load(daemon, 0, 300));
  const SystemClock clock;
  const auto until = clock.steady_now() + soak_time();
  int kills = 0;
  int postgres_kills = 0;
  for (; clock.steady_now() < until; ++kills) {
    wait_at_most(random, 250);
    if (kills % 4 == 3) daemon.send_signal(SIGTERM);
    daemon.kill_hard();
    daemon.launch();
    wait_at_most(random, 100);
    // Half of the starts are cut as well; the others take writes.
    if (kills % 2 == 0) REQUIRE(comes_up(daemon, 20s));
    if (kills % 25 == 24) {
      if (kills % 50 == 24)
        cluster.kill_hard();
      else
        cluster.stop();
      cluster.start();
      ++postgres_kills;
    }
  }
  daemon.kill_hard();
  daemon.start();
  const auto outcomes = end(load, first);
  REQUIRE(daemon.drains(120s));
  const auto verdict = judge(cluster, outcomes);
  std::cout << std::format("soak: kills: kills={} postgres={} accepted={} lost={} doubled={}\n",
                           kills, postgres_kills, verdict.accepted, verdict.lost, verdict.doubled);
  CHECK(verdict.accepted > 0);
  CHECK(verdict.lost == 0);
  CHECK(verdict.doubled == 0);
}
