#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <set>

#include "fixture.hpp"
#include "support/scratch_folder.hpp"

using namespace holdfast;
using namespace holdfast::support;

TEST_CASE(
    "e2e: after a sync that failed the daemon leaves with 1, and the restart has all it promised",
    "[e2e][faults]") {
  const ScratchFolder folder;
  const std::string trigger = folder.file("fail");
  auto config = e2e::config_for("");
  config.environment = {"LD_PRELOAD=" HOLDFAST_FAIL_SYNC_SHIM, "HOLDFAST_FAIL_SYNC=" + trigger};
  Daemon daemon(config);
  daemon.start();
  std::set<std::string> promised;
  for (int i = 0; i < 20; ++i) {
    const auto write = e2e::post_one(daemon, e2e::write_number(i, i % 2 == 0));
    REQUIRE(write.ids.size() == 1);
    promised.insert(write.ids.at(0));
  }

  write_file(trigger, "");
  // In doubt: it may be stored or not, but it must not be promised.
  const auto doubtful = e2e::post_one(daemon, e2e::write_number(100, true));
  CHECK(doubtful.ids.empty());
  CHECK(doubtful.last_status == 503);
  CHECK(daemon.wait_for_end() == 1);
  CHECK(daemon.log_text().contains("outbox_broken"));

  std::filesystem::remove(trigger);
  daemon.restart();
  const auto again = e2e::post_one(daemon, e2e::write_number(100, true));
  REQUIRE(again.ids.size() == 1);
  promised.insert(again.ids.at(0));
  const auto listed = daemon.run({"outbox", "list", "--limit", "1000"}).out;
  for (const auto& id : promised) CHECK(listed.contains(id));
  CHECK(daemon.pending() == promised.size());
  CHECK(daemon.terminate() == 0);
}
