#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "base/guarded.hpp"
#include "fixture.hpp"
#include "support/delivery.hpp"
#include "support/wait.hpp"

using namespace holdfast;
using namespace holdfast::support;
using namespace std::chrono_literals;
using nlohmann::json;

TEST_CASE("e2e: a repeated key gets the first id, before and after delivery", "[e2e][duplicates]") {
  PostgresCluster cluster;
  Daemon daemon(e2e::config_for(cluster.url()));
  daemon.start();
  const HttpRequest request = e2e::write_number(1, true).request;
  const HttpResponse first = fetch(daemon.port(), request);
  const HttpResponse again = fetch(daemon.port(), request);
  REQUIRE(daemon.drains(20s));
  const HttpResponse after_delivery = fetch(daemon.port(), request);
  CHECK(daemon.terminate() == 0);
  daemon.restart();
  const HttpResponse after_restart = fetch(daemon.port(), request);

  CHECK(json::parse(first.body).at("duplicate") == false);
  for (const HttpResponse* repeat : {&again, &after_delivery, &after_restart}) {
    CHECK(repeat->status == 202);
    CHECK(repeat->header("Holdfast-Id") == first.header("Holdfast-Id"));
    CHECK(json::parse(repeat->body).at("duplicate") == true);
  }
  REQUIRE(daemon.drains(20s));
  CHECK(inbox_rows(cluster) == 1);
}

TEST_CASE("e2e: a repeat is known when only the receipt of its first copy is left",
          "[e2e][duplicates]") {
  PostgresCluster cluster;
  DaemonConfig config = e2e::config_for(cluster.url());
  config.outbox = "keep_delivered = \"100ms\"\n";
  Daemon daemon(config);
  daemon.start();
  const HttpRequest request = e2e::write_number(1, true).request;
  const std::string id = fetch(daemon.port(), request).header("Holdfast-Id");
  REQUIRE(daemon.drains(20s));
  const auto payload_is_gone = [&] {
    const auto shown = daemon.run({"outbox", "show", id, "--json"});
    return shown.exit_code == 0 && json::parse(shown.out).at("payload_kept") == false;
  };
  REQUIRE(eventually(payload_is_gone, 20s));
  const HttpResponse repeat = fetch(daemon.port(), request);
  CHECK(repeat.status == 202);
  CHECK(repeat.header("Holdfast-Id") == id);
  CHECK(json::parse(repeat.body).at("duplicate") == true);
  CHECK(daemon.pending() == 0);
  CHECK(inbox_rows(cluster) == 1);
}

TEST_CASE("e2e: one key on many connections at once makes one row", "[e2e][duplicates]") {
  PostgresCluster cluster;
  Daemon daemon(e2e::config_for(cluster.url()));
  daemon.start();
  base::Guarded<std::multiset<std::string>> ids;
  {
    std::vector<std::jthread> senders;
    for (int sender = 0; sender < 8; ++sender)
      senders.emplace_back([&] {
        HttpConnection connection(daemon.port());
        for (int number = 0; number < 50; ++number) {
          const auto response = connection.exchange(e2e::write_number(number, true).request);
          if (!response || response->status != 202) continue;
          ids.with([&](auto& all) { all.insert(response->header("Holdfast-Id")); });
        }
      });
  }
  const std::multiset<std::string> all = ids.copy();
  CHECK(all.size() == 8 * 50);
  CHECK(std::set<std::string>(all.begin(), all.end()).size() == 50);
  REQUIRE(daemon.drains(20s));
  CHECK(inbox_rows(cluster) == 50);
}

TEST_CASE("e2e: the same key with another body is a duplicate, and its body is kept",
          "[e2e][duplicates]") {
  PostgresCluster cluster;
  Daemon daemon(e2e::config_for(cluster.url()));
  daemon.start();
  HttpRequest request = e2e::write_number(1, true).request;
  const HttpResponse first = fetch(daemon.port(), request);
  request.body = R"({"other":"body"})";
  const HttpResponse second = fetch(daemon.port(), request);
  CHECK(second.status == 202);
  CHECK(second.header("Holdfast-Id") == first.header("Holdfast-Id"));
  CHECK(json::parse(second.body).at("duplicate") == true);
  REQUIRE(daemon.drains(20s));
  CHECK(inbox_rows(cluster) == 1);

  const CommandResult listed = daemon.run({"outbox", "list", "--state", "discarded", "--json"});
  CHECK(listed.exit_code == 0);
  CHECK(listed.out.contains("key_conflict"));
  CHECK(listed.out.contains(first.header("Holdfast-Id")));
}

TEST_CASE("e2e: a key that Postgres already holds settles as delivered", "[e2e][duplicates]") {
  PostgresCluster cluster;
  const HttpRequest request = e2e::write_number(1, true).request;
  std::string first_id;
  {
    Daemon daemon(e2e::config_for(cluster.url()));
    daemon.start();
    first_id = fetch(daemon.port(), request).header("Holdfast-Id");
    REQUIRE(daemon.drains(20s));
  }
  // Another outbox, which has never seen the key: only Postgres knows.
  Daemon daemon(e2e::config_for(cluster.url()));
  daemon.start();
  const HttpResponse response = fetch(daemon.port(), request);
  CHECK(json::parse(response.body).at("duplicate") == false);
  REQUIRE(daemon.drains(20s));
  CHECK(inbox_rows(cluster) == 1);
  const CommandResult shown =
      daemon.run({"outbox", "show", response.header("Holdfast-Id"), "--json"});
  CHECK(shown.exit_code == 0);
  CHECK(shown.out.contains("duplicate_of"));
  CHECK(shown.out.contains(first_id));
}
