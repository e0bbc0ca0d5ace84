#include <sqlite3.h>

#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <format>

#include "rig.hpp"
#include "support/delivery.hpp"
#include "support/wait.hpp"

using namespace holdfast;
using namespace holdfast::faults;
using namespace holdfast::support;
using namespace std::chrono_literals;

TEST_CASE("faults: an outbox on a file system that goes away with the machine is warned of",
          "[faults][place]") {
  const SmallDisk disk("32m");
  DaemonConfig config = e2e::config_for("");
  config.binary = disk.program();
  config.outbox_path = disk.outbox();
  config.outbox = "disk_reserve = \"1MiB\"\n";
  Daemon daemon(config);
  daemon.start();
  CHECK(daemon.log_text().contains("outbox_filesystem"));
  CHECK(daemon.log_text().contains("tmpfs"));
  CHECK(post_one(daemon, mixed_write(1)).last_status == 202);
  CHECK(daemon.terminate() == 0);
}

TEST_CASE("faults: another program's long look at the outbox keeps the WAL within max_size",
          "[faults][wal]") {
  PostgresCluster cluster;
  DaemonConfig config = e2e::config_for(cluster.url());
  config.outbox = "max_size = \"12MiB\"\nkeep_delivered = \"0s\"\n";
  Daemon daemon(config);
  daemon.start();
  std::vector<WriteOutcome> outcomes{post_one(daemon, mixed_write(-1))};
  REQUIRE(daemon.drains(20s));
  sqlite3* reader = nullptr;
  REQUIRE(sqlite3_open_v2(daemon.outbox_path().c_str(), &reader, SQLITE_OPEN_READONLY, nullptr) ==
          SQLITE_OK);
  REQUIRE(sqlite3_exec(reader, "BEGIN; SELECT count(*) FROM entry", nullptr, nullptr, nullptr) ==
          SQLITE_OK);
  int status = 202;
  for (int i = 0; i < 2000 && status == 202; ++i) {
    outcomes.push_back(post_patiently(daemon, write_number(i, i % 2 == 0, 16'000)));
    status = outcomes.back().last_status;
  }
  // With its snapshot held, nothing of the WAL can be used again: the limit holds all the same.
  CHECK(status == 503);
  const auto wal_bytes = [&] { return std::filesystem::file_size(daemon.outbox_path() + "-wal"); };
  CHECK(wal_bytes() < 16ULL * 1024 * 1024);
  CHECK(eventually([&] { return inbox_rows(cluster) >= accepted_ids(outcomes).size(); }, 20s));
  CHECK(sqlite3_close(reader) == SQLITE_OK);
  // It goes on by itself once the reader is gone.
  CHECK(eventually(
      [&] {
        outcomes.push_back(post_patiently(
            daemon, write_number(5'000 + static_cast<int>(outcomes.size()), true, 16'000)));
        return outcomes.back().last_status == 202;
      },
      15s));
  everything_arrives(daemon, cluster, outcomes);
  CHECK(daemon.terminate() == 0);
}
