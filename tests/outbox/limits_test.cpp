#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "fixture.hpp"

using namespace holdfast;
using namespace holdfast::outbox_tests;
using Catch::Matchers::ContainsSubstring;

namespace {

/// Appends until refused; the number taken.
int fill(Box& box, std::size_t body_bytes, int from = 0) {
  for (int i = from;; ++i) {
    const auto appended =
        box.append(make_entry(body_of(body_bytes, i), "key-" + std::to_string(i)));
    if (appended) continue;
    CHECK(appended.error().kind == FailureKind::overloaded);
    CHECK_THAT(appended.error().message, ContainsSubstring("outbox full: "));
    return i - from;
  }
}

}  // namespace

TEST_CASE("outbox: a full outbox refuses, drains, takes entries again, and is full again",
          "[outbox][limits]") {
  Box box;
  box.config.max_size_bytes = 2 * mib;
  box.open();
  const int taken = fill(box, 10'000);
  CHECK(taken > 100);
  CHECK(box->stats().bytes <= box.config.max_size_bytes);
  CHECK_FALSE(box->stats().can_store);
  CHECK_THAT(box->stats().cannot_store_reason, ContainsSubstring("outbox full"));
  // Nothing pending was dropped, and settling needs no room.
  CHECK(box.count(EntryState::pending) == static_cast<std::uint64_t>(taken));
  // A duplicate needs none either.
  CHECK(box.append(make_entry(body_of(10'000, 0), "key-0"))->duplicate);
  box.settle_all(EntryState::delivered);
  CHECK(box.count(EntryState::delivered) == static_cast<std::uint64_t>(taken));
  CHECK(box->stats().can_store);

  const int taken_again = fill(box, 10'000, taken);
  CHECK(taken_again > taken / 2);
  CHECK_FALSE(box->stats().can_store);
  CHECK(box.count(EntryState::pending) == static_cast<std::uint64_t>(taken_again));
  CHECK(box->stats().bytes <= box.config.max_size_bytes);
}

TEST_CASE(
    "outbox: payloads of delivered entries go early before anything is refused, then receipts",
    "[outbox][limits]") {
  Box box;
  box.config.max_size_bytes = 2 * mib;
  box.open();
  std::vector<Uuid> first;
  for (int i = 0; i < 60; ++i) first.push_back(box.append_ok(make_entry(body_of(10'000, i))));
  box.settle_all(EntryState::delivered);
  const auto kept = box.append_ok(make_entry("dead"));
  REQUIRE(box.settle({settlement(61, EntryState::dead)}));
  int rounds = 0;
  while (box.find(first[0]).payload_kept && rounds++ < 1000)
    REQUIRE(box.append(make_entry(body_of(10'000, rounds))));
  CHECK_FALSE(box.find(first[0]).payload_kept);
  // Receipts are still there: payloads go first.
  CHECK(box.count(EntryState::delivered) == 60);
  fill(box, 100, 1'000'000);
  CHECK(box.count(EntryState::delivered) == 0);
  CHECK(box.find(kept).body == "dead");
}

TEST_CASE("outbox: dead and discarded entries are not removed to make room", "[outbox][limits]") {
  Box box;
  box.config.max_size_bytes = 1 * mib;
  box.open();
  const int taken = fill(box, 10'000);
  std::vector<Settlement> settlements;
  for (const auto& entry : box.claim())
    settlements.push_back(
        settlement(entry.seq, entry.seq % 2 == 0 ? EntryState::dead : EntryState::discarded));
  REQUIRE(box.settle(std::move(settlements)));
  CHECK_FALSE(box.append(make_entry(body_of(10'000, -1))));
  CHECK_FALSE(box->stats().can_store);
  CHECK(box.count(EntryState::dead) + box.count(EntryState::discarded) ==
        static_cast<std::uint64_t>(taken));
}

TEST_CASE("outbox: one body that is too large does not make the outbox unready",
          "[outbox][limits]") {
  Box box;
  box.config.max_size_bytes = 4 * mib;
  box.open();
  CHECK_FALSE(box.append(make_entry(body_of(3 * mib))));
  CHECK(box->stats().can_store);
  CHECK(box.append(make_entry("small")));
}

TEST_CASE("outbox: in a group some fit and the rest are refused", "[outbox][limits]") {
  Box box;
  box.config.max_size_bytes = 2 * mib;
  box.open();
  std::vector<AppendTicket> tickets;
  for (int i = 0; i < 400; ++i) tickets.push_back(box->submit(make_entry(body_of(10'000, i))));
  CHECK(box->run_once());
  std::size_t taken = 0;
  for (auto& ticket : tickets) taken += ticket.wait(0ms) ? 1U : 0U;
  CHECK(taken > 20);
  CHECK(taken < 400);
  CHECK(box.claim().size() == taken);
  CHECK(box->stats().bytes <= box.config.max_size_bytes);
}

TEST_CASE("outbox: below the disk reserve appends are refused and come back by themselves",
          "[outbox][limits]") {
  Box box;
  box.config.disk_reserve_bytes = 1ULL << 60U;
  box.open();
  const auto refused = box.append(make_entry("x"));
  REQUIRE(!refused);
  CHECK(refused.error().kind == FailureKind::overloaded);
  CHECK_THAT(refused.error().message, ContainsSubstring("disk reserve: "));
  CHECK_FALSE(box->stats().can_store);
  CHECK_THAT(box->stats().cannot_store_reason, ContainsSubstring("disk reserve"));
  box.config.disk_reserve_bytes = 1;
  box.reopen();
  CHECK(box->stats().can_store);
  CHECK(box.append(make_entry("x")));
}

TEST_CASE("outbox: the WAL counts, and is emptied before anything is refused", "[outbox][limits]") {
  Box box;
  box.config.max_size_bytes = 3 * mib;
  box.open();
  // Each commit rewrites the same few pages: the WAL grows, the database does not.
  for (int i = 0; i < 400; ++i) REQUIRE(box.append(make_entry("x")));
  CHECK(box->stats().bytes <= box.config.max_size_bytes);
}

TEST_CASE("outbox: what it says cannot be removed fits the file", "[outbox][limits]") {
  // Small, usual and large bodies, with the headers that a provider behind a proxy sends.
  for (const std::size_t body_bytes : {200UZ, 3'000UZ, 60'000UZ}) {
    Box box;
    box.open();
    const auto before = box->stats().bytes;
    for (int i = 0; i < 300; ++i) {
      auto entry = make_entry(body_of(body_bytes, i), "key-" + std::to_string(i));
      for (int h = 0; h < 8; ++h)
        entry.headers.emplace_back("X-Header-" + std::to_string(h), std::string(40, 'v'));
      box.append_ok(std::move(entry));
    }
    box.reopen();  // The WAL is empty then.
    const auto stats = box->stats();
    const auto grown = static_cast<double>(stats.bytes - before);
    CAPTURE(body_bytes, grown, stats.kept_bytes);
    CHECK(static_cast<double>(stats.kept_bytes) > 0.8 * grown);
    CHECK(static_cast<double>(stats.kept_bytes) < 1.3 * grown);
    CHECK(stats.appended == 300);
    CHECK(stats.file_bytes >= stats.bytes);

    // Delivered entries stay in the file for a day, and are no reason to worry.
    box.settle_all(EntryState::delivered);
    CHECK(box->stats().kept_bytes == 0);
    CHECK(box->stats().bytes > before + 300 * body_bytes);
    // A dead one is kept until somebody decides.
    box.append_ok(make_entry("dead"));
    box.settle_all(EntryState::dead);
    CHECK(box->stats().kept_bytes > 4 * kib);
    CHECK(box->stats().appended == 301);
  }
}
