#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <map>
#include <set>
#include <thread>

#include "fixture.hpp"

using namespace holdfast;
using namespace holdfast::outbox_tests;

namespace {

constexpr int submitters = 16;
constexpr int entries_each = 100;

}  // namespace

TEST_CASE("outbox: many submitters and one writer lose nothing and repeat nothing",
          "[outbox][threads]") {
  Box box;
  box.open();
  std::vector<std::vector<Uuid>> ids(submitters);
  {
    const RunningWriter writer(*box.outbox);
    std::vector<std::jthread> threads;
    for (int s = 0; s < submitters; ++s)
      threads.emplace_back([&, s] {
        for (int i = 0; i < entries_each; ++i) {
          const auto appended =
              box->append(make_entry(std::to_string(s) + ":" + std::to_string(i)), 30s);
          if (appended) ids[static_cast<std::size_t>(s)].push_back(appended->id);
        }
      });
  }
  std::map<Uuid, std::string> stored;
  for (const auto& entry : box.claim()) CHECK(stored.emplace(entry.id, entry.body).second);
  CHECK(stored.size() == submitters * entries_each);
  for (int s = 0; s < submitters; ++s) {
    const auto& mine = ids[static_cast<std::size_t>(s)];
    REQUIRE(mine.size() == entries_each);
    for (int i = 0; i < entries_each; ++i)
      CHECK(stored.at(mine[static_cast<std::size_t>(i)]) ==
            std::to_string(s) + ":" + std::to_string(i));
    // What one sender sends after the other is stored in that order.
    CHECK(std::is_sorted(mine.begin(), mine.end()));
  }
  const auto stats = box->stats();
  CHECK(stats.group_entries.sum == submitters * entries_each);
}

TEST_CASE("outbox: concurrent copies of one key make one row", "[outbox][threads][duplicates]") {
  Box box;
  box.open();
  std::atomic<int> firsts = 0;
  std::vector<std::set<Uuid>> ids(submitters);
  {
    const RunningWriter writer(*box.outbox);
    std::vector<std::jthread> threads;
    for (int s = 0; s < submitters; ++s)
      threads.emplace_back([&, s] {
        for (int i = 0; i < 20; ++i) {
          const auto appended = box->append(make_entry("same", "key-" + std::to_string(i)), 30s);
          if (!appended) continue;
          if (!appended->duplicate) ++firsts;
          ids[static_cast<std::size_t>(s)].insert(appended->id);
        }
      });
  }
  CHECK(firsts == 20);
  CHECK(box.claim().size() == 20);
  for (const auto& mine : ids) CHECK(mine == ids[0]);
}

TEST_CASE("outbox: claim, settle and reads go on beside the writer", "[outbox][threads]") {
  Box box;
  box.open();
  std::atomic<int> delivered_count = 0;
  constexpr int total = 2000;
  {
    const RunningWriter writer(*box.outbox);
    const std::jthread relay([&](const std::stop_token& stop) {
      const std::vector<std::string> sources{"orders"};
      while (!stop.stop_requested() && delivered_count < total) {
        const auto claimed = box->claim({.sources = sources, .entries_max = 100, .bytes_max = mib});
        if (!claimed || claimed->empty()) continue;
        std::vector<Settlement> settlements;
        for (const auto& entry : *claimed) settlements.push_back(delivered(entry.seq));
        const auto count = static_cast<int>(settlements.size());
        if (box->settle(std::move(settlements))) delivered_count += count;
      }
    });
    const std::jthread watcher([&](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        static_cast<void>(box->stats());
        static_cast<void>(box->list({}));
      }
    });
    std::vector<std::jthread> threads;
    for (int s = 0; s < 4; ++s)
      threads.emplace_back([&] {
        // So large that checkpoints move parts of the WAL, and all of it, meanwhile.
        for (int i = 0; i < total / 4; ++i)
          static_cast<void>(box->append(make_entry(body_of(16'000, i)), 30s));
      });
    threads.clear();
    CHECK(eventually([&] { return delivered_count == total; }, 30s));
  }
  CHECK(box.count(EntryState::delivered) == total);
  CHECK(box.count(EntryState::pending) == 0);
  CHECK(box.broken.empty());
  CHECK(box.sql("PRAGMA integrity_check") == "ok\n");
}

TEST_CASE("outbox: the writer commits what still waits when it is stopped, then refuses",
          "[outbox][threads]") {
  Box box;
  box.open();
  std::vector<AppendTicket> tickets;
  for (int i = 0; i < 1000; ++i) tickets.push_back(box->submit(make_entry(body_of(10, i))));
  {
    std::stop_source stop;
    stop.request_stop();
    box->run_writer(stop.get_token());
  }
  for (auto& ticket : tickets) CHECK(ticket.wait(0ms));
  const auto late = box->append(make_entry("late"), 10s);
  REQUIRE(!late);
  CHECK(late.error().kind == FailureKind::unavailable);
  CHECK(box->settle({delivered(1)}).error().kind == FailureKind::unavailable);
  // The rest can still be read, and a writer that starts again takes work again.
  CHECK(box.claim().size() == 1000);
  const RunningWriter writer(*box.outbox);
  CHECK(eventually([&] { return box->append(make_entry("again"), 10s).has_value(); }, 10s));
}

TEST_CASE("outbox: a lone request is answered without waiting for others", "[outbox][threads]") {
  Box box;
  box.open();
  const RunningWriter writer(*box.outbox);
  const SystemClock clock;
  const auto start = clock.steady_now();
  for (int i = 0; i < 20; ++i) REQUIRE(box->append(make_entry("x"), 10s));
  // Twenty syncs of any disk that tests run on; a gathering window would show as far more.
  CHECK(clock.steady_now() - start < 10s);
  CHECK(box->stats().group_entries.counts[0] == 20);
}
