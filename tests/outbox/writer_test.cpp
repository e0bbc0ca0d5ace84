#include "outbox/writer.hpp"

#include <sqlite3.h>

#include <atomic>
#include <catch2/catch_test_macros.hpp>

#include "fixture.hpp"
#include "outbox/open.hpp"

using namespace holdfast;
using namespace holdfast::outbox_tests;
using namespace holdfast::outbox;

namespace {

/// The writer without the outbox around it, so that a test can lay out exactly what waits.
struct Bench {
  Bench() : files(resolve_files(folder.file("holdfast.db"))) {
    config.disk_reserve_bytes = 0;
    auto connection = open_writer(files, vfs.name(), true, [](const LogEvent&) {});
    writer = std::make_unique<Writer>(
        std::make_unique<Ledger>(std::move(connection), files, config, clock), queue, config,
        Writer::Dependencies{clock, [](const LogEvent&) {}, {}});
  }
  std::shared_ptr<AppendTicket::Shared> submit(NewEntry entry) {
    auto work = std::make_shared<AppendTicket::Shared>(std::move(entry));
    queue.push(work);
    return work;
  }
  std::shared_ptr<SettleWork> settle(Settlement settlement) {
    auto work = std::make_shared<SettleWork>();
    work->settlements.push_back(std::move(settlement));
    queue.push(work);
    return work;
  }
  [[nodiscard]] std::uint64_t commits() const {
    std::uint64_t sum = 0;
    for (const auto count : writer->commit_seconds().counts) sum += count;
    return sum;
  }

  DiskVfs vfs;
  support::ScratchFolder folder;
  support::FakeClock clock;
  OutboxConfig config;
  OutboxFiles files;
  SubmitQueue queue;
  std::unique_ptr<Writer> writer;
};

/// Counts how often anybody asks what time it is: a thread that sleeps does not.
class CountingClock final : public Clock {
 public:
  [[nodiscard]] WallTime wall_now() const override {
    ++calls;
    return inner.wall_now();
  }
  [[nodiscard]] SteadyTime steady_now() const override {
    ++calls;
    return inner.steady_now();
  }
  support::FakeClock inner;
  mutable std::atomic<int> calls = 0;
};

}  // namespace

TEST_CASE("outbox writer: appends and settlements share one commit", "[outbox][writer]") {
  Bench bench;
  const auto first = bench.submit(make_entry("first"));
  // Settled in the very group that appends it: the group is worked off in order.
  const auto settled = bench.settle(delivered(1));
  const auto second = bench.submit(make_entry("second"));
  CHECK(bench.writer->run_once());
  CHECK(bench.commits() == 1);
  CHECK(first->answer.wait_for(0ms)->has_value());
  CHECK(settled->answer.wait_for(0ms)->has_value());
  CHECK(second->answer.wait_for(0ms)->has_value());
  const auto view = bench.writer->view();
  CHECK(view.meta.count(EntryState::delivered) == 1);
  CHECK(view.meta.count(EntryState::pending) == 1);
}

TEST_CASE("outbox writer: settlements of a group whose appends find no disk are committed alone",
          "[outbox][writer][fault]") {
  Bench bench;
  const auto kept = bench.submit(make_entry("kept"));
  CHECK(bench.writer->run_once());
  const auto refused = bench.submit(make_entry("no room"));
  const auto settled = bench.settle(delivered(1));
  const auto refused_too = bench.submit(make_entry("no room"));
  SECTION("when the disk takes the settlement") {
    bench.vfs.fail(Call::write, Target::wal, SQLITE_FULL, 0, false);
    CHECK(bench.writer->run_once());
    CHECK(settled->answer.wait_for(0ms)->has_value());
    CHECK(bench.commits() == 2);
    CHECK(bench.writer->view().meta.count(EntryState::delivered) == 1);
  }
  SECTION("when it does not") {
    bench.vfs.fail(Call::write, Target::wal, SQLITE_FULL);
    CHECK(bench.writer->run_once());
    CHECK(settled->answer.wait_for(0ms)->error().kind == FailureKind::overloaded);
    CHECK(bench.commits() == 1);
    CHECK(bench.writer->view().meta.count(EntryState::pending) == 1);
    bench.vfs.heal();
  }
  CHECK(refused->answer.wait_for(0ms)->error().kind == FailureKind::overloaded);
  CHECK(refused_too->answer.wait_for(0ms)->error().kind == FailureKind::overloaded);
}

TEST_CASE("outbox writer: sleeps while it is idle and well", "[outbox][writer][threads]") {
  support::ScratchFolder folder;
  CountingClock clock;
  OutboxConfig config;
  config.path = folder.file("holdfast.db");
  config.disk_reserve_bytes = 0;
  auto opened = Outbox::open(config, {clock, [](const LogEvent&) {}, {}, {}, true});
  REQUIRE(opened);
  auto& outbox = **opened;
  auto ticket = outbox.submit(make_entry("x"));
  while (outbox.run_once()) {
  }
  REQUIRE(ticket.wait(0ms));
  clock.inner.advance(10s);
  while (outbox.run_once()) {
  }
  const RunningWriter writer(outbox);
  // The thread looks around once, then sleeps towards the retention of tomorrow.
  const auto settle_down = [&] {
    const int before = clock.calls;
    support::pause_for(200ms);
    return clock.calls == before;
  };
  REQUIRE(eventually(settle_down, 10s));
  const int calls = clock.calls;
  CHECK(support::stays([&] { return clock.calls == calls; }, 1500ms));
  REQUIRE(outbox.append(make_entry("wakes it"), 10s));
}
