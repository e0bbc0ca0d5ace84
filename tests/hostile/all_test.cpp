// All of it at once, with Postgres behind. Scenarios 26 to 28 and 31.

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <cstdio>
#include <format>

#include "rig.hpp"
#include "support/delivery.hpp"
#include "support/postgres_cluster.hpp"
#include "support/wait.hpp"

using namespace holdfast;
using namespace holdfast::hostile;
using namespace std::chrono_literals;
using support::eventually;

namespace {

/// One round of everything that does not take long.
void attack_once(std::uint16_t port, std::uint16_t admin_port, int round) {
  const auto from = std::format("127.9.40.{}", round + 1);
  const auto attack = [&](std::string_view bytes, bool read) {
    RawClient client(port, "127.0.0.1", from);
    client.send(bytes);
    if (read) {
      (void)client.receive();
    } else {
      client.reset();
    }
  };
  const auto smuggled = head("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n";
  attack(smuggled + post("smuggled"), true);
  attack(head("Content-Length: 99999999999\r\n"), true);
  attack(head("Transfer-Encoding: chunked\r\n") + "ffffffffffffffff\r\n", true);
  attack("GET /" + std::string(100'000, 'a'), true);
  attack(head(std::string(100'000, 'h')), true);
  attack("\x16\x03\x01\x02", true);
  std::string chunks = head("Transfer-Encoding: chunked\r\n");
  for (int i = 0; i < 20'000; ++i) chunks += "1;e\r\nx\r\n";
  attack(chunks, false);
  attack(post(std::string(1'000'000, 'b')).substr(0, 700'000), false);
  std::string pipelined;
  for (int i = 0; i < 50; ++i) pipelined += post(std::format("pipelined {} {}", round, i));
  attack(pipelined, false);
  for (int i = 0; i < 100; ++i) attack("", false);
  for (int i = 0; i < 20; ++i) RawClient(admin_port).send("GET /livez HTTP/1.1\r\nHo");
}

}  // namespace

TEST_CASE("hostile: after all of it at once it is the same process, and what it accepted arrives",
          "[hostile][all]") {
  need_descriptors(8192);
  support::PostgresCluster cluster;
  auto config = e2e::config_for(cluster.url());
  config.ingress = "request_deadline = \"3s\"\n";
  Daemon daemon(config);
  daemon.start();
  const int pid = daemon.pid();
  std::vector<support::WriteOutcome> outcomes{e2e::deliver_the_first(daemon, cluster)};
  const auto before = usage_of(pid);
  forget_peak(pid);

  auto options = e2e::mixed_load(daemon, 2000);
  options.writes_per_second = 400;
  support::Load load(options);
  Crowd heads(daemon.port());
  Crowd bodies(daemon.port());
  Crowd deaf(daemon.port());
  Crowd idle(daemon.port());
  heads.open(500, 100, "POST /ingest/plain HTTP/1.1\r\nHost: h\r\nX-Slow: ");
  bodies.open(500, 100, head("Content-Length: 100000\r\n"));
  deaf.open(20, 10);
  idle.open(2000, 100);
  const auto write = post("nobody reads the answer to this");
  int rounds = 0;
  for (; rounds < 100 && load.done() < load.writes(); ++rounds) {
    attack_once(daemon.port(), daemon.admin_port(), rounds);
    heads.send("x");
    bodies.send("x");
    (void)deaf.pour(write, write.size() * 200);
    CHECK(daemon.readyz() == 200);
  }
  const auto written = load.finish();
  outcomes.insert(outcomes.end(), written.begin(), written.end());
  CHECK(heads.all_closed_within(20s));
  CHECK(bodies.all_closed_within(20s));
  for (const auto& outcome : written) CHECK(outcome.last_status == 202);
  const auto peak = usage_of(pid).peak_kib - before.resident_kib;
  std::printf("  %d rounds, %zu writes of a healthy sender, peak %lld KiB\n", rounds,
              written.size(), static_cast<long long>(peak));
  if (memory_counts()) CHECK(peak < 96 * 1024);
  idle.close();
  deaf.close();
  CHECK(eventually([&] { return usage_of(pid).descriptors <= before.descriptors + 2; }, 30s));

  support::everything_arrives(daemon, cluster, outcomes);
  CHECK(daemon.health().at("status") == "ok");
  CHECK(daemon.pid() == pid);
  CHECK(daemon.terminate() == 0);
  // Whatever else was stored, answered or not, is in Postgres, too, and nothing besides.
  auto stored = stored_ids(daemon);
  std::ranges::sort(stored);
  std::vector<std::string> delivered;
  for (auto& row : cluster.query("SELECT id FROM holdfast.inbox ORDER BY id"))
    delivered.push_back(std::move(row[0]));
  CHECK((stored == delivered));
  CHECK(cluster.query("SELECT count(*) FROM holdfast.inbox WHERE body LIKE '%smuggled%'")
            .at(0)
            .at(0) == "0");
}
