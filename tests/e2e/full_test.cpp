#include <catch2/catch_test_macros.hpp>
#include <csignal>
#include <filesystem>

#include "fixture.hpp"
#include "support/delivery.hpp"
#include "support/wait.hpp"

using namespace holdfast;
using namespace holdfast::support;
using namespace std::chrono_literals;

TEST_CASE("e2e: a full outbox answers 503, loses nothing, and takes writes again after the drain",
          "[e2e][full]") {
  PostgresCluster cluster;
  cluster.stop();
  DaemonConfig config = e2e::config_for(cluster.url());
  config.outbox = "max_size = \"4MiB\"\n";
  Daemon daemon(config);
  daemon.start();
  std::vector<WriteOutcome> outcomes;
  int number = 0;
  const auto post = [&] {
    outcomes.push_back(e2e::post_one(daemon, e2e::write_number(number, number % 2 == 0, 16'000)));
    ++number;
    return outcomes.back().last_status;
  };
  while (number < 2000 && post() == 202) continue;
  REQUIRE(outcomes.back().last_status == 503);
  CHECK(outcomes.size() > 50);
  const HttpResponse refused = fetch(daemon.port(), e2e::write_number(-2, false, 16'000).request);
  CHECK(refused.status == 503);
  CHECK_FALSE(refused.header("Retry-After").empty());
  CHECK(refused.header("Content-Type") == "application/problem+json");
  CHECK(daemon.readyz() == 503);
  CHECK(daemon.health().at("status") == "failing");
  const std::uint64_t accepted = accepted_ids(outcomes).size();
  CHECK(daemon.pending() == accepted);

  cluster.start();
  CHECK(daemon.drains(30s));
  CHECK(eventually([&] { return daemon.readyz() == 200; }, 10s));
  // As much again as had filled it: what was delivered makes room.
  for (std::uint64_t i = 0; i < accepted + 50; ++i) {
    REQUIRE(post() == 202);
    if (i % 50 == 49) REQUIRE(daemon.drains(30s));
  }
  everything_arrives(daemon, cluster, outcomes);
  std::uintmax_t bytes = 0;
  for (const auto& file : std::filesystem::directory_iterator(daemon.folder()))
    if (file.path().filename().string().starts_with("holdfast.db")) bytes += file.file_size();
  CHECK(bytes < 8ULL * 1024 * 1024);
}

TEST_CASE("e2e: a second daemon on the same file is refused with a clear message", "[e2e][full]") {
  Daemon first(e2e::config_for(""));
  first.start();
  DaemonConfig config = e2e::config_for("");
  config.outbox_path = first.outbox_path();
  Daemon second(config);
  const CommandResult result = second.start_refused();
  INFO(result.out << result.err);
  CHECK(result.exit_code == 1);
  CHECK(result.err.contains(first.outbox_path()));
  CHECK(result.err.contains("has this outbox open"));
  CHECK_FALSE(result.out.contains("listening"));
  // The first one is not harmed.
  CHECK(e2e::post_one(first, e2e::mixed_write(1)).last_status == 202);
  CHECK(first.terminate() == 0);
  // The lock goes with its owner, even when that is killed.
  second.start();
  second.kill_hard();
  first.start();
  CHECK(first.pending() == 1);
}

TEST_CASE("e2e: a second daemon on the same port is refused with a clear message", "[e2e][full]") {
  Daemon first(e2e::config_for(""));
  first.start();
  for (const bool admin : {false, true}) {
    DaemonConfig config = e2e::config_for("");
    (admin ? config.admin_port : config.port) = admin ? first.admin_port() : first.port();
    Daemon second(config);
    const CommandResult result = second.start_refused();
    INFO(result.out << result.err);
    CHECK(result.exit_code == 1);
    const std::uint16_t taken = admin ? first.admin_port() : first.port();
    CHECK(result.err.contains("127.0.0.1:" + std::to_string(taken)));
  }
  CHECK(e2e::post_one(first, e2e::mixed_write(1)).last_status == 202);
}
