#include <catch2/catch_test_macros.hpp>

#include "rig.hpp"
#include "support/delivery.hpp"
#include "support/wait.hpp"

using namespace holdfast;
using namespace holdfast::faults;
using namespace holdfast::support;
using namespace std::chrono_literals;

namespace {

constexpr std::int64_t year_secs = 365LL * 24 * 3600;

DaemonConfig config_with(const std::string& url, const ControlPage& control) {
  DaemonConfig config = e2e::config_for(url);
  config.environment = {"LD_PRELOAD=" HOLDFAST_SHIFT_CLOCK_SHIM,
                        "HOLDFAST_CLOCK_CONTROL=" + control.path()};
  return config;
}

}  // namespace

TEST_CASE("faults: a clock that jumps by years, running and across restarts, loses nothing",
          "[faults][clock]") {
  PostgresCluster cluster;
  const ControlPage control;
  Daemon daemon(config_with(cluster.url(), control));
  daemon.start();
  std::vector<WriteOutcome> outcomes;
  int number = 0;
  const auto post = [&](int times) {
    for (int i = 0; i < times; ++i) {
      outcomes.push_back(post_patiently(daemon, mixed_write(number++)));
      REQUIRE(outcomes.back().last_status == 202);
    }
  };
  for (const std::int64_t years : {0, 10, -10, 3, -30, 0}) {
    INFO("off by " << years << " years");
    control->wall_shift_secs = years * year_secs;
    post(10);
    REQUIRE(daemon.drains(10s));
    // With Postgres away: the backoff counts on the other clock.
    cluster.stop();
    post(5);
    control->wall_shift_secs = -years * year_secs;
    post(5);
    REQUIRE(daemon.reaches_state("backing_off", 10s));
    cluster.start();
    REQUIRE(daemon.drains(10s));
    control->wall_shift_secs = years * year_secs / 2;
    CHECK(daemon.terminate() == 0);
    daemon.restart();
    post(3);
  }
  // A repeat whose receipt the jumps have expired travels once more and is one row all the same.
  for (std::size_t i = 0; i < 40; i += 2) {
    const auto again = post_patiently(daemon, write_number(static_cast<int>(i), true));
    CHECK(again.last_status / 100 == 2);
  }
  REQUIRE(daemon.drains(20s));
  CHECK(daemon.health().at("outbox").at("dead") == 0);
  CHECK(inbox_rows(cluster) == outcomes.size());
  std::string last;
  for (const auto& outcome : outcomes) {
    CHECK(outcome.ids.at(0) > last);
    last = outcome.ids.at(0);
  }
  everything_arrives(daemon, cluster, outcomes);
  CHECK(daemon.terminate() == 0);
}

TEST_CASE("faults: a clock put back keeps the receipts of a minute ago", "[faults][clock]") {
  PostgresCluster cluster;
  const ControlPage control;
  Daemon daemon(config_with(cluster.url(), control));
  daemon.start();
  const auto first = post_patiently(daemon, write_number(1, true));
  REQUIRE(daemon.drains(10s));
  for (const std::int64_t shift : {-10 * year_secs, std::int64_t{3600}}) {
    control->wall_shift_secs = shift;
    const auto other = post_patiently(daemon, write_number(2, false));
    REQUIRE(other.last_status == 202);
    const auto again = post_patiently(daemon, write_number(1, true));
    REQUIRE(again.ids.size() == 1);
    CHECK(again.ids.at(0) == first.ids.at(0));
  }
  everything_arrives(daemon, cluster, {first});
}
