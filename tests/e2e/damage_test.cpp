#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <csignal>
#include <filesystem>
#include <string>

#include "fixture.hpp"
#include "support/delivery.hpp"
#include "support/wait.hpp"

using namespace holdfast;
using namespace holdfast::support;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t page_bytes = 4096;

/// Wipes the first page and all inner pages of tables: no row is reached from a root any more.
int wipe_the_way_to_rows(std::string& database) {
  int wiped = 0;
  for (std::size_t at = 0; at + page_bytes <= database.size(); at += page_bytes) {
    if (at != 0 && database[at] != 5) continue;
    database.replace(at, page_bytes, page_bytes, '\0');
    ++wiped;
  }
  return wiped;
}

}  // namespace

TEST_CASE("e2e: a damaged outbox is put aside, and all that was accepted arrives once",
          "[e2e][outbox][salvage]") {
  PostgresCluster cluster;
  cluster.stop();
  Daemon daemon(e2e::config_for(cluster.url()));
  daemon.start();
  auto outcomes = Load(e2e::mixed_load(daemon, 200)).finish();
  CHECK(accepted_ids(outcomes).size() == 200);
  daemon.kill_hard();
  // The next start moves the WAL into the file; then it is the file alone that counts.
  daemon.restart();
  CHECK(daemon.pending() == 200);
  daemon.kill_hard();
  std::string damaged = read_file(daemon.outbox_path());
  REQUIRE(wipe_the_way_to_rows(damaged) > 2);
  write_file(daemon.outbox_path(), damaged);

  daemon.restart();
  CHECK(daemon.log_text().contains("outbox_salvaged"));
  CHECK(daemon.pending() == 200);
  const auto folder = std::filesystem::path(daemon.outbox_path()).parent_path();
  const auto aside =
      std::ranges::find_if(std::filesystem::directory_iterator(folder),
                           std::filesystem::directory_iterator(), [](const auto& file) {
                             const auto name = file.path().string();
                             return name.contains(".damaged-") && name.ends_with("Z");
                           });
  REQUIRE(aside != std::filesystem::directory_iterator());
  CHECK((read_file((*aside).path().string()) == damaged));

  // Known keys are still known.
  const auto again = e2e::post_one(daemon, e2e::mixed_write(0));
  REQUIRE(again.ids.size() == 1);
  const auto first = std::ranges::find_if(outcomes, [&](const WriteOutcome& outcome) {
    return outcome.request.body == again.request.body;
  });
  REQUIRE(first != outcomes.end());
  CHECK(first->ids == again.ids);
  outcomes.push_back(e2e::post_one(daemon, e2e::mixed_write(1000)));
  cluster.start();
  everything_arrives(daemon, cluster, outcomes);
  CHECK(inbox_rows(cluster) == 201);
  CHECK(daemon.terminate() == 0);
}

TEST_CASE("e2e: a daemon that meets damage leaves, and its next start serves again",
          "[e2e][outbox][salvage]") {
  PostgresCluster cluster;
  cluster.stop();
  Daemon daemon(e2e::config_for(cluster.url()));
  daemon.start();
  auto options = e2e::mixed_load(daemon, 600);
  auto outcomes = Load(options).finish();
  CHECK(daemon.terminate() == 0);
  // In the middle of the payloads, where no start looks: a page that is no page any more.
  std::string damaged = read_file(daemon.outbox_path());
  std::size_t leaf = damaged.size() / page_bytes / 2 * page_bytes;
  while (leaf < damaged.size() && damaged[leaf] != 13) leaf += page_bytes;
  REQUIRE(leaf < damaged.size());
  damaged.replace(leaf, 8, "rubbish!");
  write_file(daemon.outbox_path(), damaged);
  cluster.start();
  daemon.launch();
  CHECK(daemon.wait_for_end() == 1);
  CHECK(daemon.log_text().contains("outbox_broken"));
  daemon.restart();
  CHECK(daemon.log_text().contains("outbox_salvaged"));
  CHECK(daemon.drains(30s));
  // What that page held is dead as damaged or named as missing; all else arrives.
  CHECK(inbox_rows(cluster) >= 500);
  CHECK(daemon.readyz() == 200);
}
