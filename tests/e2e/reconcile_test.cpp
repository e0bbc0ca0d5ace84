#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

#include "fixture.hpp"
#include "support/wait.hpp"

using namespace holdfast;
using namespace holdfast::support;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

/// What reconcile says, and that its exit code fits.
json reconcile(const Daemon& daemon, std::vector<std::string> arguments = {}) {
  arguments.insert(arguments.begin(), {"reconcile", "--since", "1h", "--json"});
  const auto result = daemon.run(std::move(arguments));
  INFO(result.out << result.err);
  REQUIRE(json::accept(result.out));
  const auto document = json::parse(result.out);
  CHECK(result.exit_code == (document["missing"].empty() ? 0 : 1));
  return document;
}

}  // namespace

TEST_CASE("e2e: reconcile finds what Postgres has lost, and nothing else",
          "[e2e][cli][reconcile]") {
  PostgresCluster cluster;
  Daemon daemon(e2e::config_for(cluster.url()));
  daemon.start();
  std::vector<std::string> ids;
  for (int i = 0; i < 20; ++i) ids.push_back(e2e::post_one(daemon, e2e::mixed_write(i)).ids.at(0));
  // A repeat of a key that Postgres holds under the first id.
  CHECK(e2e::post_one(daemon, e2e::mixed_write(2)).ids.at(0) == ids[2]);
  REQUIRE(daemon.drains(30s));
  const auto whole = reconcile(daemon);
  CHECK(whole["accepted"] == 20);
  CHECK(whole["held"] == 20);
  CHECK(whole["receipts_gone"] == 0);
  CHECK(whole["judged_since"].is_null());

  cluster.query("DELETE FROM holdfast.inbox WHERE id = '" + ids[5] + "'");
  // Of this one another row of the same key is left: its write is there.
  cluster.query("UPDATE holdfast.inbox SET id = gen_random_uuid() WHERE id = '" + ids[4] + "'");
  const auto lost = reconcile(daemon);
  CHECK(lost["held"] == 19);
  REQUIRE(lost["missing"].size() == 1);
  CHECK(lost["missing"][0]["id"] == ids[5]);
  CHECK(lost["missing"][0]["source"] == "plain");
  CHECK(lost["missing"][0]["payload_kept"] == true);
  const auto text = daemon.run({"reconcile", "--since", "1h"});
  CHECK(text.exit_code == 1);
  CHECK(text.out.contains(ids[5]));
  CHECK(text.out.ends_with("1 missing\n"));
  // Before the range there is nothing to miss.
  const auto before = daemon.run({"reconcile", "--since", "2h", "--until", "1h"});
  CHECK(before.exit_code == 0);
  CHECK(before.out.ends_with("0 missing\n"));

  // The file is read without the daemon, too; without Postgres nothing is judged.
  CHECK(daemon.terminate() == 0);
  CHECK(reconcile(daemon)["missing"].size() == 1);
  cluster.stop();
  const auto away = daemon.run({"reconcile", "--since", "1h"});
  CHECK(away.exit_code == 1);
  CHECK(away.out.empty());
  CHECK(away.err.contains("connecting to Postgres: "));
}

TEST_CASE("e2e: reconcile says where it cannot judge", "[e2e][cli][reconcile]") {
  PostgresCluster cluster;
  auto config = e2e::config_for(cluster.url());
  config.outbox = "keep_delivered = \"1s\"\ndedupe_window = \"1s\"\n";
  Daemon daemon(config);
  daemon.start();
  for (int i = 0; i < 5; ++i) CHECK(e2e::post_one(daemon, e2e::mixed_write(i)).last_status == 202);
  REQUIRE(daemon.drains(30s));
  REQUIRE(eventually(
      [&] { return json::parse(daemon.run({"outbox", "list", "--json"}).out)["entries"].empty(); },
      20s));
  const auto report = reconcile(daemon);
  CHECK(report["accepted"] == 0);
  CHECK(report["judged_since"].is_string());
  CHECK(daemon.run({"reconcile", "--since", "1h"}).out.contains("cannot be judged"));
}

TEST_CASE("e2e: doctor finds a daemon that works well", "[e2e][cli][doctor]") {
  PostgresCluster cluster;
  Daemon daemon(e2e::config_for(cluster.url()));
  daemon.start();
  CHECK(e2e::post_one(daemon, e2e::mixed_write(1)).last_status == 202);
  REQUIRE(daemon.drains(30s));
  const auto result = daemon.run({"doctor", "--json"});
  INFO(result.out << result.err);
  CHECK(result.exit_code == 0);
  const auto document = json::parse(result.out);
  for (const auto& check : document["checks"]) CHECK(check["verdict"] != "fail");
  CHECK(result.out.contains("schema holdfast and its tables can be used"));
  CHECK(result.out.contains("the daemon may open"));
  // It leaves nothing behind, and the daemon works on.
  CHECK(daemon.run({"outbox", "list"}).exit_code == 0);
  CHECK(daemon.terminate() == 0);
  const auto stopped = daemon.run({"doctor", "--offline"});
  CHECK(stopped.exit_code == 0);
  CHECK(stopped.out.contains("warn  daemon "));
}
