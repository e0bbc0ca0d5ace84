#include <catch2/catch_test_macros.hpp>
#include <cerrno>
#include <filesystem>

#include "rig.hpp"
#include "support/delivery.hpp"
#include "support/wait.hpp"

using namespace holdfast;
using namespace holdfast::faults;
using namespace holdfast::support;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t padding = 16'000;

DaemonConfig config_on(const SmallDisk& disk, const PostgresCluster& cluster,
                       const std::string& outbox) {
  DaemonConfig config = e2e::config_for(cluster.url());
  config.binary = disk.program();
  config.outbox_path = disk.outbox();
  config.outbox = outbox;
  return config;
}

/// Posts new writes and remembers what became of them.
struct Sender {
  const Daemon& daemon;
  std::vector<WriteOutcome> outcomes = {};

  int post(std::size_t bytes = padding) {
    const int number = static_cast<int>(outcomes.size());
    outcomes.push_back(post_patiently(daemon, write_number(number, number % 2 == 0, bytes)));
    return outcomes.back().last_status;
  }
  /// Until writes are refused for good: the first refusals still make the WAL give back its room.
  void post_until_full() {
    int refused = 0;
    for (int i = 0; i < 4000 && refused < 5; ++i) {
      refused = post() == 503 ? refused + 1 : 0;
      if (refused > 0) pause_for(100ms);
    }
    INFO(daemon.log_text());
    REQUIRE(refused == 5);
  }
  [[nodiscard]] bool accepted_again(std::chrono::milliseconds deadline) {
    return eventually([&] { return post() == 202; }, deadline);
  }
};

void check_full(const Daemon& daemon) {
  const auto refused = fetch(daemon.port(), write_number(-7, false, padding).request);
  CHECK(refused.status == 503);
  CHECK_FALSE(refused.header("Retry-After").empty());
  CHECK(daemon.readyz() == 503);
  const auto health = daemon.health();
  INFO(health.dump());
  CHECK(health.at("status") == "failing");
  CHECK(daemon.log_text().contains("write_refused"));
}

/// Full by our own entries, drained, full again, by another program this time.
void full_drained_full_drained(const std::string& outbox, bool reserve) {
  PostgresCluster cluster;
  const SmallDisk disk("12m");
  Daemon daemon(config_on(disk, cluster, outbox));
  daemon.start();
  if (!reserve) write_file(disk.seen("spare"), std::string(3'000'000, 's'));
  Sender sender{daemon};
  REQUIRE(sender.post() == 202);
  REQUIRE(daemon.drains(20s));

  const int rounds = reserve ? 2 : 1;
  for (int round = 0; round < rounds; ++round) {
    INFO("round " << round);
    cluster.stop();
    sender.post_until_full();
    check_full(daemon);
    // Postgres comes back while the disk is still full: the reserve is what outcomes are written
    // into. Without one, a little room has to be made.
    cluster.start();
    if (!reserve) {
      CHECK(stays([&] { return daemon.running(); }, 1s));
      std::filesystem::remove(disk.seen("spare"));
    }
    INFO(daemon.log_text());
    REQUIRE(daemon.drains(30s));
    // What was delivered is free room inside the file: nobody has to delete anything.
    REQUIRE(sender.accepted_again(15s));
    REQUIRE(eventually([&] { return daemon.readyz() == 200; }, 10s));
  }
  // Now somebody else takes all the room.
  cluster.stop();
  for (int i = 0; i < 20; ++i) CHECK(sender.post() == 202);
  disk.fill();
  sender.post_until_full();
  check_full(daemon);
  cluster.start();
  // Without a reserve one batch arrives and the rest waits until its outcome can be written.
  const auto arrived = reserve ? accepted_ids(sender.outcomes).size() : 1;
  CHECK(eventually([&] { return inbox_rows(cluster) >= arrived; }, 30s));
  disk.empty();
  CHECK(sender.accepted_again(15s));
  CHECK(eventually([&] { return daemon.readyz() == 200; }, 10s));
  everything_arrives(daemon, cluster, sender.outcomes);
  CHECK(daemon.terminate() == 0);
}

}  // namespace

TEST_CASE("faults: a disk that fills to its reserve is drained and used again, twice over",
          "[faults][disk]") {
  full_drained_full_drained("disk_reserve = \"2MiB\"\n", true);
}

TEST_CASE("faults: without a reserve the disk itself refuses, and intake comes back all the same",
          "[faults][disk]") {
  full_drained_full_drained("disk_reserve = \"0B\"\nkeep_delivered = \"0s\"\n", false);
}

TEST_CASE("faults: a file system that turns read-only stops intake and sends nothing for ever",
          "[faults][disk]") {
  PostgresCluster cluster;
  const SmallDisk disk("32m");
  Daemon daemon(config_on(disk, cluster, "disk_reserve = \"0B\"\n"));
  daemon.start();
  Sender sender{daemon};
  REQUIRE(sender.post() == 202);
  REQUIRE(daemon.drains(20s));
  cluster.stop();
  for (int i = 0; i < 30; ++i) REQUIRE(sender.post(200) == 202);

  // A file that is open for writing makes the kernel refuse the remount, so it takes a bind mount's
  // flag, which every write by a new descriptor meets, or a restart on a disk that is read-only.
  const bool remounted = disk.remount("ro");
  CHECK_FALSE(remounted);
  daemon.kill_hard();
  REQUIRE(disk.remount("ro"));
  const auto refused = daemon.start_refused();
  INFO(refused.err);
  CHECK(refused.exit_code == 1);
  CHECK(refused.err.contains("holdfast.db"));
  REQUIRE(disk.remount("rw"));
  cluster.start();
  daemon.restart();
  everything_arrives(daemon, cluster, sender.outcomes);
}

TEST_CASE("faults: with a file system that takes no write any more the entries sent are bounded",
          "[faults][disk]") {
  for (const int error : {EROFS, EIO}) {
    INFO("errno " << error);
    PostgresCluster cluster({"log_min_messages = info"});
    const ControlPage control;
    const ScratchFolder folder;
    DaemonConfig config = e2e::config_for(cluster.url());
    config.outbox_path = folder.file("holdfast.db");
    config.environment = {"LD_PRELOAD=" HOLDFAST_FAIL_IO_SHIM,
                          "HOLDFAST_FAIL_PATH=" + config.outbox_path,
                          "HOLDFAST_FAIL_CONTROL=" + control.path()};
    Daemon daemon(config);
    daemon.start();
    Sender sender{daemon};
    REQUIRE(sender.post() == 202);
    REQUIRE(daemon.drains(20s));
    cluster.stop();
    for (int i = 0; i < 30; ++i) REQUIRE(sender.post(200) == 202);
    control->kinds = shims::bit(shims::Call::write) | shims::bit(shims::Call::sync) |
                     shims::bit(shims::Call::truncate);
    control.arm(1, 1'000'000, error);
    cluster.start();
    // The daemon must not go on sending what it cannot settle: it leaves, and says why.
    CHECK(daemon.wait_for_end() == 1);
    CHECK(daemon.log_text().contains("outbox_broken"));
    CHECK(control->syncs_after_failure == 0);
    control.disarm();
    daemon.restart();
    sender.outcomes.push_back(post_patiently(daemon, write_number(5000, true)));
    everything_arrives(daemon, cluster, sender.outcomes);
  }
}
