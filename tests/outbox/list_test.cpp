#include <algorithm>
#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <thread>

#include "fixture.hpp"
#include "outbox/list_query.hpp"
#include "support/wait.hpp"

using namespace holdfast;
using namespace holdfast::outbox_tests;

namespace {

using Seqs = std::vector<std::int64_t>;

Seqs seqs_of(Box& box, const ListRequest& request) {
  Seqs seqs;
  for (const auto& entry : box.list(request)) seqs.push_back(entry.seq);
  return seqs;
}

/// Eight entries: odd ones from "orders", even ones from "users"; 1 delivered, 2 and 3 dead, 4
/// discarded.
void fill(Box& box) {
  for (int i = 1; i <= 8; ++i) {
    auto entry =
        make_entry(body_of(10, i), "key-" + std::to_string(i), i % 2 == 1 ? "orders" : "users");
    entry.received_at = WallTime(std::chrono::milliseconds(1000 * i));
    box.append_ok(std::move(entry));
  }
  auto dead = settlement(2, EntryState::dead);
  dead.sqlstate = "23514";
  auto other = settlement(3, EntryState::dead);
  other.sqlstate = "22021";
  REQUIRE(box.settle({delivered(1), dead, other, settlement(4, EntryState::discarded)}));
}

}  // namespace

TEST_CASE("outbox: a listing filters by each field and by all together", "[outbox][list]") {
  Box box;
  box.open();
  fill(box);
  CHECK(seqs_of(box, {}) == Seqs{8, 7, 6, 5, 4, 3, 2, 1});
  CHECK(seqs_of(box, Filter{.oldest_first = true}) == Seqs{1, 2, 3, 4, 5, 6, 7, 8});
  CHECK(seqs_of(box, Filter{.state = EntryState::pending}) == Seqs{8, 7, 6, 5});
  CHECK(seqs_of(box, Filter{.state = EntryState::delivered}) == Seqs{1});
  CHECK(seqs_of(box, Filter{.state = EntryState::dead}) == Seqs{3, 2});
  CHECK(seqs_of(box, Filter{.state = EntryState::discarded}) == Seqs{4});
  CHECK(seqs_of(box, Filter{.source = "orders"}) == Seqs{7, 5, 3, 1});
  CHECK(seqs_of(box, Filter{.source = "unknown"}).empty());
  CHECK(
      seqs_of(box, Filter{.state = EntryState::pending, .source = "users", .oldest_first = true}) ==
      Seqs{6, 8});
  CHECK(seqs_of(box, Filter{.sqlstate = "23514"}) == Seqs{2});
  CHECK(seqs_of(box, Filter{.state = EntryState::dead, .sqlstate = "22021"}) == Seqs{3});
  CHECK(seqs_of(box, Filter{.state = EntryState::pending, .sqlstate = "22021"}).empty());
  CHECK(seqs_of(box, Filter{.since = WallTime(7000ms)}) == Seqs{8, 7});
  CHECK(seqs_of(box, Filter{.until = WallTime(3000ms)}) == Seqs{2, 1});
  CHECK(seqs_of(box, Filter{.since = WallTime(2000ms), .until = WallTime(5000ms)}) ==
        Seqs{4, 3, 2});
  CHECK(seqs_of(box, Filter{.dedupe_key = "key-5"}) == Seqs{5});
  CHECK(seqs_of(box, Filter{.source = "users", .dedupe_key = "key-5"}).empty());
  CHECK(seqs_of(box, Filter{.dedupe_key = "nothing"}).empty());
  CHECK(seqs_of(box, Filter{.state = EntryState::dead,
                            .source = "users",
                            .dedupe_key = "key-2",
                            .sqlstate = "23514",
                            .since = WallTime(2000ms),
                            .until = WallTime(2001ms)}) == Seqs{2});
}

TEST_CASE("outbox: a listing by key shows the bodies that differed too", "[outbox][list]") {
  Box box;
  box.open();
  fill(box);
  CHECK(box.append(make_entry("other", "key-5"))->conflict);
  CHECK(seqs_of(box, Filter{.dedupe_key = "key-5"}) == Seqs{9, 5});
  CHECK(seqs_of(box, Filter{.state = EntryState::discarded, .dedupe_key = "key-5"}) == Seqs{9});
}

TEST_CASE("outbox: pages follow each other without a gap or a repeat, both ways",
          "[outbox][list]") {
  Box box;
  box.open();
  fill(box);
  for (const bool oldest_first : {false, true}) {
    Seqs all;
    ListRequest request = Filter{.source = "orders", .oldest_first = oldest_first, .limit = 2};
    for (;;) {
      const auto page = box.list(request);
      CHECK(page.size() <= 2);
      if (page.empty()) break;
      for (const auto& entry : page) all.push_back(entry.seq);
      request.beyond_seq = page.back().seq;
    }
    CHECK(all == (oldest_first ? Seqs{1, 3, 5, 7} : Seqs{7, 5, 3, 1}));
  }
  CHECK(seqs_of(box, Filter{.limit = 0}).empty());
}

TEST_CASE("outbox: a page has at most list_limit_max entries", "[outbox][list]") {
  Box box;
  box.open();
  std::vector<AppendTicket> tickets;
  for (std::uint32_t i = 0; i <= list_limit_max; ++i)
    tickets.push_back(box->submit(make_entry("x")));
  box.run_until_idle();
  CHECK(box.list(Filter{.limit = list_limit_max}).size() == list_limit_max);
  CHECK(box.list(Filter{.limit = list_limit_max + 1}).size() == list_limit_max);
}

TEST_CASE("outbox: a listing goes window by window over gaps of any width", "[outbox][list]") {
  Box box;
  box.open();
  fill(box);
  box.outbox.reset();
  // As after months of retention: a few old entries, then many millions of seqs that are gone.
  box.sql("UPDATE entry SET seq = seq + 50000000 WHERE seq > 4", true);
  box.sql("UPDATE payload SET seq = seq + 50000000 WHERE seq > 4", true);
  box.sql("UPDATE meta SET next_seq = 50000009", true);
  box.open();
  CHECK(seqs_of(box, Filter{.oldest_first = true}) ==
        Seqs{1, 2, 3, 4, 50000005, 50000006, 50000007, 50000008});
  CHECK(seqs_of(box, Filter{.state = EntryState::dead}) == Seqs{3, 2});
  CHECK(seqs_of(box, Filter{.dedupe_key = "key-2"}) == Seqs{2});
}

TEST_CASE("outbox: windows cover the range once, in the order of the request", "[outbox][list]") {
  using outbox::next_window;
  const outbox::ListScope scope{10, 10 + 2 * outbox::list_window_seqs, {}};
  for (const bool oldest_first : {false, true}) {
    const ListRequest request = Filter{.oldest_first = oldest_first};
    std::optional<outbox::SeqWindow> window;
    std::int64_t covered = 0;
    int windows = 0;
    while ((window = next_window(request, scope, window))) {
      covered += window->high - window->low + 1;
      ++windows;
    }
    CHECK(covered == scope.last_seq - scope.first_seq + 1);
    CHECK(windows == 3);
  }
  CHECK_FALSE(next_window({}, {1, 0, {}}, std::nullopt));
  CHECK_FALSE(next_window(Filter{.beyond_seq = 10}, scope, std::nullopt));
  CHECK_FALSE(
      next_window(Filter{.oldest_first = true, .beyond_seq = scope.last_seq}, scope, std::nullopt));
  CHECK(next_window(Filter{.beyond_seq = 11}, scope, std::nullopt)->high == 10);
}

TEST_CASE("outbox: listings of a huge outbox never keep the WAL from being emptied",
          "[outbox][list]") {
  Box box;
  box.open();
  box.append_ok(make_entry("first"));
  REQUIRE(box.settle({delivered(1)}));
  box->close();
  box.outbox.reset();
  // 400,000 receipts; nothing that the listings below ask for is among them, so each reads all.
  box.sql(
      "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 400000) "
      "INSERT INTO entry (seq, id, source_id, state, received_at, settled_at, body_bytes, "
      "payload_kept, body_sha256) SELECT i, unhex(printf('%032x', i)), 1, 1, 0, "
      "4102444800000, 1, 0, zeroblob(32) FROM n; "
      "UPDATE meta SET next_seq = 400001, delivered = 400000",
      true);
  // With a clock that runs: the writer looks after the WAL by it.
  const SystemClock clock;
  auto opened = Outbox::open(box.config, {clock, {}, {}, {}});
  REQUIRE(opened);
  Outbox& outbox = **opened;
  std::uint64_t largest = 0;
  {
    const RunningWriter writer(outbox);
    std::atomic<bool> done = false;
    std::atomic<int> listings = 0;
    std::vector<std::jthread> operators;
    for (int i = 0; i < 3; ++i)
      operators.emplace_back([&, i] {
        ListRequest request;
        request.since = WallTime(std::chrono::milliseconds(1));
        request.until = WallTime(std::chrono::milliseconds(2));
        request.oldest_first = i == 0;
        while (!done) {
          const auto page = outbox.list(request);
          if (page && page->empty()) ++listings;
        }
      });
    // 96 MiB go through the WAL meanwhile.
    for (int i = 0; i < 384; ++i) {
      auto appended = outbox.append(make_entry(std::string(256 * 1024, 'x')), 60s);
      REQUIRE(appended);
      largest = std::max(largest, box.wal_bytes());
    }
    while (listings < 3) support::pause_for(10ms);
    done = true;
  }
  CAPTURE(largest);
  CHECK(largest < 48 * mib);
}
