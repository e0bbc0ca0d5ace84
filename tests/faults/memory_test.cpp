#include <sys/resource.h>

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <format>
#include <iostream>
#include <memory>
#include <random>
#include <thread>

#include "rig.hpp"
#include "support/delivery.hpp"
#include "support/wait.hpp"

using namespace holdfast;
using namespace holdfast::faults;
using namespace holdfast::support;
using namespace std::chrono_literals;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HOLDFAST_SANITIZED 1
#else
#define HOLDFAST_SANITIZED 0
#endif

namespace {

bool sanitized() {
  if (HOLDFAST_SANITIZED)
    WARN("not shown in this build: a sanitizer has its own malloc and reserves address space");
  return HOLDFAST_SANITIZED;
}

/// One outbox after the other against one Postgres: allocations of a running daemon fail.
class MallocRuns {
 public:
  /// The number of allocations that a run makes.
  std::int64_t run(std::int64_t nth, std::int64_t count) {
    INFO("allocation " << nth << ", " << count << " of them");
    const ControlPage control;
    DaemonConfig config = e2e::config_for(cluster_.url());
    config.ingress = "append_timeout = \"1s\"\n";
    config.environment = {"LD_PRELOAD=" HOLDFAST_FAIL_MALLOC_SHIM,
                          "HOLDFAST_MALLOC_CONTROL=" + control.path()};
    Daemon daemon(config);
    daemon.start();
    if (runs_ == 0) {
      // The tables are there from here on.
      outcomes_.push_back(post_one(daemon, mixed_write(next_++)));
      REQUIRE(daemon.drains(20s));
      rows_ = 1;
    }
    control.arm(nth, count, ENOMEM);
    for (int i = 0; i < 6 && daemon.running(); ++i)
      outcomes_.push_back(post_patiently(daemon, mixed_write(next_++)));
    // Until the relay has had its turn, too.
    const auto seen_by_relay = [&] {
      return !daemon.running() || inbox_rows(cluster_) >= rows_ + 6;
    };
    (void)eventually(seen_by_relay, 1s);
    const std::int64_t allocations = control->calls;
    control.disarm();
    if (daemon.running()) {
      ++survived_;
      outcomes_.push_back(post_patiently(daemon, mixed_write(next_++)));
      CHECK(outcomes_.back().last_status == 202);
    }
    if (daemon.running()) {
      // What met no memory is not stuck: all of it is delivered without a restart.
      // libpq without memory pauses the destination, which is probed every 30 s.
      const bool drained = daemon.drains(45s);
      INFO(daemon.log_text());
      CHECK(drained);
      CHECK(daemon.terminate() == 0);
    }
    daemon.start();
    CHECK(daemon.drains(20s));
    CHECK(daemon.health().at("outbox").at("dead") == 0);
    rows_ = inbox_rows(cluster_);
    ++runs_;
    return allocations;
  }
  [[nodiscard]] Verdict verdict() const {
    std::fprintf(stderr, "  %d of %d runs survived\n", survived_, runs_);
    return judge(cluster_, outcomes_);
  }
  [[nodiscard]] int runs() const { return runs_; }
  [[nodiscard]] int survived() const { return survived_; }

 private:
  PostgresCluster cluster_;
  std::vector<WriteOutcome> outcomes_;
  std::uint64_t rows_ = 0;
  int next_ = 0;
  int runs_ = 0;
  int survived_ = 0;
};

void check(const Verdict& verdict) {
  CHECK(verdict.accepted > 0);
  CHECK(verdict.lost == 0);
  CHECK(verdict.doubled == 0);
}

}  // namespace

TEST_CASE("faults: whichever allocation finds no memory, what was promised arrives",
          "[faults][memory]") {
  if (sanitized()) return;
  MallocRuns runs;
  const std::int64_t allocations = runs.run(0, 0);
  REQUIRE(allocations > 100);
  constexpr int samples = 10;
  for (int i = 0; i < samples; ++i) runs.run(1 + allocations * i / samples, i % 2 == 0 ? 1 : 200);
  // What libraries do at their first use and never again: a hash that fails once must not go on as
  // one of zeros.
  for (const std::int64_t nth : {24, 46, 52, 62, 65}) runs.run(nth, 1);
  check(runs.verdict());
}

TEST_CASE("faults: a flood of large bodies under a cap of memory gets 503, and nothing is lost",
          "[faults][memory]") {
  if (sanitized()) return;
  PostgresCluster cluster;
  DaemonConfig config = e2e::config_for(cluster.url());
  Daemon daemon(config);
  daemon.start();
  std::vector<WriteOutcome> outcomes{post_one(daemon, mixed_write(-1))};
  REQUIRE(daemon.drains(20s));
  // A little more than what it has mapped already.
  rlimit before{};
  REQUIRE(::prlimit(daemon.pid(), RLIMIT_AS, nullptr, &before) == 0);
  const std::string status = read_file(std::format("/proc/{}/status", daemon.pid()));
  const auto mapped = std::stoull(status.substr(status.find("VmSize:") + 7)) * 1024;
  const rlimit capped{mapped + 192ULL * 1024 * 1024, before.rlim_max};
  REQUIRE(::prlimit(daemon.pid(), RLIMIT_AS, &capped, nullptr) == 0);
  Load load({.senders = 64,
             .writes = 64,
             .make = [](int number) { return write_number(number, number % 2 == 0, 4'000'000); },
             .port = daemon.port()});
  REQUIRE(eventually([&] { return load.done() == load.writes(); }, 90s));
  auto flooded = load.finish();
  const auto refused = std::ranges::count_if(flooded, [](const auto& o) { return o.ids.empty(); });
  std::fprintf(stderr, "  %td of %zu refused\n", refused, flooded.size());
  std::ranges::move(flooded, std::back_inserter(outcomes));
  if (daemon.running()) {
    REQUIRE(::prlimit(daemon.pid(), RLIMIT_AS, &before, nullptr) == 0);
  } else {
    daemon.restart();
  }
  outcomes.push_back(post_patiently(daemon, mixed_write(1'000)));
  CHECK(outcomes.back().last_status == 202);
  everything_arrives(daemon, cluster, outcomes);
}

TEST_CASE("faults: without descriptors the daemon waits instead of spinning, and keeps what it has",
          "[faults][descriptors]") {
  PostgresCluster cluster;
  DaemonConfig config = e2e::config_for(cluster.url());
  Daemon daemon(config);
  daemon.start();
  HttpConnection kept(daemon.port());
  std::vector<WriteOutcome> outcomes;
  const auto post_on_kept = [&](int number) {
    auto write = mixed_write(number);
    const auto response = kept.exchange(write.request);
    REQUIRE(response.has_value());
    CHECK(response->status == 202);
    if (response->accepted()) write.ids.push_back(response->header("Holdfast-Id"));
    outcomes.push_back(std::move(write));
  };
  post_on_kept(0);
  REQUIRE(daemon.drains(20s));
  rlimit before{};
  REQUIRE(::prlimit(daemon.pid(), RLIMIT_NOFILE, nullptr, &before) == 0);
  const rlimit few{48, before.rlim_max};
  REQUIRE(::prlimit(daemon.pid(), RLIMIT_NOFILE, &few, nullptr) == 0);
  {
    std::vector<std::unique_ptr<HttpConnection>> crowd;
    for (int i = 0; i < 100; ++i) {
      crowd.push_back(std::make_unique<HttpConnection>(daemon.port(), 1s));
      (void)crowd.back()->send_bytes("POST /ingest/plain HTTP/1.1\r\nHost: h\r\n");
    }
    const double used = processor_seconds(daemon.pid());
    CHECK(stays([&] { return daemon.running(); }, 2s));
    // A loop around accept() that fails would use all of them.
    CHECK(processor_seconds(daemon.pid()) - used < 1.0);
    // The session to Postgres is kept: nobody has to find a descriptor for another one.
    const auto log = daemon.log_text();
    CHECK(log.find("destination_connected") == log.rfind("destination_connected"));
  }
  REQUIRE(::prlimit(daemon.pid(), RLIMIT_NOFILE, &before, nullptr) == 0);
  CHECK(eventually(
      [&] {
        outcomes.push_back(
            post_patiently(daemon, mixed_write(10 + static_cast<int>(outcomes.size()))));
        return outcomes.back().last_status == 202;
      },
      15s));
  everything_arrives(daemon, cluster, outcomes);
  CHECK(daemon.terminate() == 0);
}

TEST_CASE("soak: any allocation of a running daemon fails", "[.soak][malloc]") {
  if (sanitized()) return;
  MallocRuns runs;
  const SystemClock clock;
  const auto end = clock.steady_now() + soak_time();
  const std::int64_t allocations = runs.run(0, 0);
  for (unsigned seed = soak_seed(); clock.steady_now() < end; ++seed) {
    std::mt19937 random(seed);
    const auto nth = std::uniform_int_distribution<std::int64_t>(1, allocations)(random);
    runs.run(nth, seed % 2 == 0 ? 1 : std::uniform_int_distribution<>(2, 500)(random));
  }
  const auto verdict = runs.verdict();
  std::cout << std::format("soak: malloc: runs={} survived={} accepted={} lost={} doubled={}\n",
                           runs.runs(), runs.survived(), verdict.accepted, verdict.lost,
                           verdict.doubled);
  check(verdict);
}
