#include <catch2/catch_test_macros.hpp>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <format>
#include <iostream>
#include <map>

#include "rig.hpp"
#include "support/delivery.hpp"
#include "support/wait.hpp"

using namespace holdfast;
using namespace holdfast::faults;
using namespace holdfast::support;
using namespace std::chrono_literals;

namespace {

constexpr std::int64_t for_ever = 1'000'000'000;

/// What is done to the calls on the outbox's files in one run.
struct Fault {
  std::int64_t nth = 0;
  std::int64_t count = 1;
  int error = EIO;
  std::int64_t kinds = 0;  ///< 0: all.
};

/// One outbox after the other against one Postgres: a short life under a fault, then a clean one.
class IoRuns {
 public:
  /// Start, writes, delivery, more writes, stop; the number of calls that were seen.
  std::int64_t run(const Fault& fault) {
    INFO("call " << fault.nth << ", " << fault.count << " times, errno " << fault.error
                 << ", kinds " << fault.kinds);
    const ControlPage control;
    const ScratchFolder folder;
    Daemon daemon(config(folder, control));
    control->kinds = fault.kinds;
    control.arm(fault.nth, fault.count, fault.error);
    daemon.launch();
    const auto before = outcomes_.size();
    const bool up = comes_up(daemon, 10s);
    if (up) use(daemon);
    if (daemon.running()) daemon.send_signal(SIGTERM);
    const int code = daemon.wait_for_end();
    const std::int64_t calls = control->calls;
    INFO(daemon.log_text());
    CHECK((code == 0 || code == 1));
    // While a new file is made SQLite undoes what it began with a sync; nothing is promised yet.
    if (up) CHECK(control->syncs_after_failure == 0);
    if (control->syncs_failed > 0) CHECK(code == 1);
    if (code == 1) CHECK(daemon.log_text().contains("; "));  // What it was, and what to do.
    if (code == 1) ++ended_;
    if (control->failed > 0) ++kinds_failed_[shims::call_names[control->kind]];

    control.disarm();
    daemon.start();
    outcomes_.push_back(post_patiently(daemon, mixed_write(next_++)));
    CHECK(daemon.drains(20s));
    CHECK(daemon.health().at("outbox").at("dead") == 0);
    CHECK(daemon.terminate() == 0);
    ++runs_;
    CHECK(outcomes_.size() > before);
    return calls;
  }

  Verdict verdict() const {
    for (const auto& [kind, times] : kinds_failed_)
      std::fprintf(stderr, "  %d runs failed a %s\n", times, kind.c_str());
    std::fprintf(stderr, "  %d of %d runs ended with 1\n", ended_, runs_);
    return judge(cluster_, outcomes_);
  }
  [[nodiscard]] int runs() const { return runs_; }

 private:
  DaemonConfig config(const ScratchFolder& folder, const ControlPage& control) const {
    DaemonConfig config = e2e::config_for(cluster_.url());
    config.outbox_path = folder.file("holdfast.db");
    config.ingress = "append_timeout = \"1s\"\n";
    config.environment = {"LD_PRELOAD=" HOLDFAST_FAIL_IO_SHIM,
                          "HOLDFAST_FAIL_PATH=" + config.outbox_path,
                          "HOLDFAST_FAIL_CONTROL=" + control.path()};
    return config;
  }
  void use(Daemon& daemon) {
    for (int i = 0; i < 6 && daemon.running(); ++i)
      outcomes_.push_back(post_patiently(daemon, mixed_write(next_++)));
    (void)eventually(
        [&] {
          const auto health = HttpConnection(daemon.admin_port(), 2s)
                                  .exchange({.method = "GET", .target = "/api/health"});
          return !health || health->body.contains(R"("pending":0)") ||
                 health->body.contains(R"("pending": 0)");
        },
        1500ms);
    for (int i = 0; i < 2 && daemon.running(); ++i)
      outcomes_.push_back(post_patiently(daemon, mixed_write(next_++)));
  }

  PostgresCluster cluster_;
  std::vector<WriteOutcome> outcomes_;
  std::map<std::string, int> kinds_failed_;
  int next_ = 0;
  int runs_ = 0;
  int ended_ = 0;
};

void check(const Verdict& verdict) {
  CHECK(verdict.accepted > 0);
  CHECK(verdict.lost == 0);
  CHECK(verdict.doubled == 0);
}

/// Some of the calls of a run, spread over all of them, with each kind of fault in turn.
void sample(IoRuns& runs, std::int64_t kinds, int samples) {
  const std::int64_t calls = runs.run({.nth = 0, .kinds = kinds});
  REQUIRE(calls > 0);
  for (int i = 0; i < samples; ++i)
    runs.run({.nth = 1 + calls * i / samples,
              .count = i % 2 == 0 ? 1 : for_ever,
              .error = i % 4 < 2 ? EIO : ENOSPC,
              .kinds = kinds});
}

}  // namespace

TEST_CASE("faults: whichever call on the outbox's files fails, what was promised arrives",
          "[faults][io]") {
  IoRuns runs;
  sample(runs, 0, 8);
  check(runs.verdict());
}

TEST_CASE("faults: a sync that fails ends the process with 1, and no sync follows it",
          "[faults][io]") {
  IoRuns runs;
  sample(runs, shims::bit(shims::Call::sync), 4);
  check(runs.verdict());
}

TEST_CASE("faults: writes and truncations that fail lose nothing", "[faults][io]") {
  IoRuns runs;
  sample(runs, shims::bit(shims::Call::write) | shims::bit(shims::Call::truncate), 6);
  check(runs.verdict());
}

TEST_CASE("soak: each call on the outbox's files fails once and for ever", "[.soak][io_faults]") {
  IoRuns runs;
  const SystemClock clock;
  const auto end = clock.steady_now() + soak_time();
  const std::int64_t calls = runs.run({});
  unsigned step = soak_seed() - 1;
  for (; clock.steady_now() < end; ++step) {
    const Fault fault{.nth = 1 + static_cast<std::int64_t>(step / 4) % calls,
                      .count = step % 2 == 0 ? 1 : for_ever,
                      .error = step / 2 % 2 == 0 ? EIO : ENOSPC};
    runs.run(fault);
  }
  const auto verdict = runs.verdict();
  std::cout << std::format("soak: io_faults: runs={} accepted={} lost={} doubled={}\n", runs.runs(),
                           verdict.accepted, verdict.lost, verdict.doubled);
  check(verdict);
}
