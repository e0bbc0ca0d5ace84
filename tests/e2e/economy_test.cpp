#include <catch2/catch_test_macros.hpp>

#include "base/encoding.hpp"
#include "fixture.hpp"
#include "support/delivery.hpp"
#include "support/wait.hpp"

using namespace holdfast;
using namespace holdfast::support;
using namespace std::chrono_literals;

namespace {

std::size_t occurrences(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

}  // namespace

TEST_CASE("e2e: in economy mode the server sees one connection a window", "[e2e][economy][slow]") {
  PostgresCluster cluster;
  DaemonConfig config = e2e::config_for(cluster.url());
  config.destination = "drain = \"economy\"\neconomy_window = \"4s\"\nidle_close = \"300ms\"\n";
  Daemon daemon(config);
  daemon.start();
  std::vector<WriteOutcome> outcomes;
  const auto log_before = cluster.log_text();
  for (int window = 0; window < 3; ++window) {
    const std::size_t connections = occurrences(cluster.log_text(), "connection received");
    for (int number = 0; number < 20; ++number)
      outcomes.push_back(e2e::post_one(daemon, e2e::mixed_write(window * 100 + number)));
    // The health document says when the database will be woken.
    CHECK(eventually([&] { return !daemon.health().at("destination").at("retry_at").is_null(); },
                     2s));
    const auto destination = daemon.health().at("destination");
    CHECK(destination.at("state") == "idle");
    CHECK(daemon.health().at("status") == "ok");
    const auto wakes_at = base::from_rfc3339(destination.at("retry_at").get<std::string>());
    REQUIRE(wakes_at.has_value());
    const SystemClock clock;
    CHECK(*wakes_at - clock.wall_now() <= 4s);
    CHECK(daemon.pending() == 20);
    CHECK(occurrences(cluster.log_text(), "connection received") == connections);
    REQUIRE(daemon.drains(15s));
    REQUIRE(daemon.reaches_state("idle", 5s));
    CHECK(clock.wall_now() >= *wakes_at - 100ms);
  }
  // Ours alone: the test asks the server nothing before this.
  CHECK(occurrences(cluster.log_text().substr(log_before.size()), "connection received") == 3);
  everything_arrives(daemon, cluster, outcomes);
}

TEST_CASE("e2e: validate warns of a window that keeps Neon awake", "[e2e][economy][config]") {
  for (const auto& [window, warned] : {std::pair{"659s", true}, {"11m", false}}) {
    DaemonConfig config = e2e::config_for("");
    config.destination = std::string("drain = \"economy\"\neconomy_window = \"") + window + "\"\n";
    const Daemon daemon(config);
    const auto result = daemon.run({"validate"});
    CHECK(result.exit_code == 0);
    CHECK((result.out + result.err).contains("economy_window") == warned);
  }
}
