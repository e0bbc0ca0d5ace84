#include <catch2/catch_test_macros.hpp>
#include <stop_token>
#include <thread>

#include "fixture.hpp"
#include "support/delivery.hpp"
#include "support/pgbouncer.hpp"
#include "support/tcp_gate.hpp"
#include "support/wait.hpp"

using namespace holdfast;
using namespace holdfast::support;
using namespace std::chrono_literals;

namespace {

/// Ends every session of the server but its own each 200 ms, while the server is there.
class BackendTerminator {
 public:
  explicit BackendTerminator(const PostgresCluster& cluster)
      : thread_([this, &cluster](const std::stop_token& stop) {
          while (!stop.stop_requested()) {
            terminate_all(cluster);
            pause_for(200ms);
          }
        }) {}
  [[nodiscard]] int terminated() const { return terminated_; }
  void stop() {
    thread_.request_stop();
    thread_.join();
  }

 private:
  void terminate_all(const PostgresCluster& cluster) {
    try {
      const auto rows = cluster.query(
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
          "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()");
      terminated_ += static_cast<int>(rows.size());
    } catch (const std::runtime_error&) {
      // The server is down at the moment, which is part of the test.
    }
  }
  std::atomic<int> terminated_{0};
  std::jthread thread_;
};

/// The whole way of a write: daemon, gate, PgBouncer, PostgreSQL.
struct Chain {
  PostgresCluster cluster;
  PgBouncer pgbouncer{cluster.port()};
  TcpGate gate{pgbouncer.port()};
};

/// Waits until the gate has cut that many COMMITs more.
void cut_commits(TcpGate& gate, TcpGate::CommitCut where, std::uint64_t times) {
  const std::uint64_t before = gate.counts().commits_cut;
  gate.cut_inside_commit(where, times);
  CHECK(eventually([&] { return gate.counts().commits_cut >= before + times; }, 30s));
}

}  // namespace

TEST_CASE("e2e: ten thousand writes survive everything that can happen to Postgres",
          "[e2e][chaos][slow]") {
  Chain chain;
  Daemon daemon(e2e::config_for(chain.gate.url()));
  daemon.start();
  const WriteOutcome first = e2e::deliver_the_first(daemon, chain.cluster);

  // About 26 s of load: each of the faults below meets writes that come in.
  auto options = e2e::mixed_load(daemon, 10'000);
  options.repeat_every = 5;  // Half of them with a key.
  options.writes_per_second = 380;
  options.retry = true;
  Load load(options);
  {
    BackendTerminator terminator(chain.cluster);
    cut_commits(chain.gate, TcpGate::CommitCut::after_forward, 1);
    chain.pgbouncer.restart();
    cut_commits(chain.gate, TcpGate::CommitCut::before_forward, 2);
    chain.gate.cut_all();
    chain.cluster.stop();
    CHECK(stays([&] { return daemon.readyz() == 200; }, 10s));
    chain.cluster.start();
    cut_commits(chain.gate, TcpGate::CommitCut::after_forward, 2);
    chain.cluster.kill_hard();
    chain.cluster.start();
    chain.pgbouncer.restart();
    cut_commits(chain.gate, TcpGate::CommitCut::after_forward, 2);
    chain.gate.cut_after_bytes(20'000);
    // The first line of each retry says which attempt, why, and when the next one comes.
    const std::string log = daemon.log_text();
    for (const std::string field : {"attempt=", "class=connection", "delay_seconds=", "reason="})
      CHECK(log.contains(field));
    CHECK(eventually([&] { return load.done() == load.writes(); }, 60s));
    CHECK(terminator.terminated() > 10);
    terminator.stop();
  }
  chain.gate.heal();

  auto outcomes = load.finish();
  CHECK(outcomes.size() == 10'000);
  for (const WriteOutcome& outcome : outcomes)
    if (outcome.unanswered + outcome.refused > 0)
      FAIL_CHECK("a dead Postgres was seen by a sender: status " << outcome.last_status);
  outcomes.push_back(first);
  everything_arrives(daemon, chain.cluster, outcomes);
  // A repeat without a key is another entry, one with a key is not.
  CHECK(inbox_rows(chain.cluster) == 10'001 + 1'000);
}

TEST_CASE("e2e: a commit whose answer is lost is sent again and stored once", "[e2e][chaos]") {
  Chain chain;
  Daemon daemon(e2e::config_for(chain.gate.url()));
  daemon.start();
  std::vector<WriteOutcome> outcomes{e2e::deliver_the_first(daemon, chain.cluster)};
  for (int number = 0; number < 10; ++number) {
    const auto where =
        number % 2 == 0 ? TcpGate::CommitCut::after_forward : TcpGate::CommitCut::before_forward;
    const std::uint64_t cut_before = chain.gate.counts().commits_cut;
    chain.gate.cut_inside_commit(where);
    outcomes.push_back(e2e::post_one(daemon, e2e::mixed_write(number)));
    REQUIRE(daemon.drains(30s));
    CHECK(chain.gate.counts().commits_cut == cut_before + 1);
  }
  everything_arrives(daemon, chain.cluster, outcomes);
  CHECK(inbox_rows(chain.cluster) == 11);
}

TEST_CASE("e2e: a database that takes connections and never answers is given up in time",
          "[e2e][chaos]") {
  PostgresCluster cluster;
  TcpGate gate(cluster.port());
  DaemonConfig config = e2e::config_for(gate.url());
  config.destination =
      "connect_timeout = \"2s\"\ndeliver_timeout = \"2s\"\nbackoff_max = \"500ms\"\n";
  Daemon daemon(config);
  daemon.start();
  std::vector<WriteOutcome> outcomes{e2e::deliver_the_first(daemon, cluster)};

  for (const auto mode : {TcpGate::Mode::stall, TcpGate::Mode::black_hole}) {
    gate.set_mode(mode);
    for (int number = 0; number < 20; ++number)
      outcomes.push_back(
          e2e::post_one(daemon, e2e::mixed_write(static_cast<int>(mode) * 100 + number)));
    CHECK(daemon.reaches_state("backing_off", 15s));
    CHECK(daemon.readyz() == 200);
    gate.heal();
    CHECK(daemon.drains(15s));
  }
  everything_arrives(daemon, cluster, outcomes);
}
