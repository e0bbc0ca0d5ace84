#include <catch2/catch_test_macros.hpp>
#include <set>

#include "base/uuid.hpp"
#include "fixture.hpp"
#include "outbox/settler.hpp"

using namespace holdfast;
using namespace holdfast::outbox_tests;

namespace {

Settlement full_settlement(std::int64_t seq, EntryState state) {
  auto settled = settlement(seq, state);
  settled.reason = "constraint";
  settled.sqlstate = "23514";
  settled.constraint = "amount_positive";
  settled.error = "new row violates check constraint";
  return settled;
}

AttemptRecord attempt(std::int64_t seq, std::string sqlstate) {
  return {seq, {WallTime(std::chrono::milliseconds(5)), std::move(sqlstate), "data", "refused"}};
}

}  // namespace

TEST_CASE("outbox: each outcome is written with its fields", "[outbox][settle]") {
  Box box;
  box.open();
  std::vector<Uuid> ids;
  for (int i = 0; i < 4; ++i) ids.push_back(box.append_ok(make_entry(body_of(10, i))));
  auto duplicate = delivered(2);
  duplicate.duplicate_of = base::random_uuid();
  box.clock.advance(5s);
  REQUIRE(box.settle({full_settlement(1, EntryState::delivered), duplicate,
                      full_settlement(3, EntryState::dead),
                      full_settlement(4, EntryState::discarded)}));
  const auto plain = box.find(ids[0]);
  CHECK(plain.state == EntryState::delivered);
  CHECK(plain.settled_at == box.clock.wall_now());
  CHECK(plain.sqlstate == std::nullopt);
  CHECK(plain.reason == std::nullopt);
  CHECK(box.find(ids[1]).duplicate_of == duplicate.duplicate_of);
  for (const std::size_t i : {2U, 3U}) {
    const auto aside = box.find(ids[i]);
    CHECK(aside.state == (i == 2 ? EntryState::dead : EntryState::discarded));
    CHECK(aside.reason == "constraint");
    CHECK(aside.sqlstate == "23514");
    CHECK(aside.constraint == "amount_positive");
    CHECK(aside.error == "new row violates check constraint");
    CHECK(aside.payload_kept);
    CHECK(aside.body == body_of(10, static_cast<int>(i)));
  }
  CHECK(box->stats().entries == std::array<std::uint64_t, 4>{0, 2, 1, 1});
  box.reopen();
  CHECK(box->stats().entries == std::array<std::uint64_t, 4>{0, 2, 1, 1});
}

TEST_CASE("outbox: settling again changes nothing, nor does an unknown seq", "[outbox][settle]") {
  Box box;
  box.open();
  const auto id = box.append_ok(make_entry("x"));
  REQUIRE(box.settle({settlement(1, EntryState::dead)}));
  REQUIRE(box.settle({delivered(1), delivered(99)}));
  REQUIRE(box.settle({delivered(1), delivered(1)}));
  CHECK(box.find(id).state == EntryState::dead);
  CHECK(box->stats().entries == std::array<std::uint64_t, 4>{0, 0, 1, 0});
  REQUIRE(box->settle({}));
}

TEST_CASE("outbox: deliveries are settled together where they follow each other, and counted once",
          "[outbox][settle]") {
  Box box;
  box.open();
  constexpr int count = 40;
  std::vector<Uuid> ids;
  for (int i = 0; i < count; ++i)
    ids.push_back(box.append_ok(make_entry(body_of(10 + static_cast<std::size_t>(i), i))));
  // What is no longer pending in the middle of a range stays as it is.
  REQUIRE(box.settle({full_settlement(7, EntryState::dead)}));
  std::vector<Settlement> settlements;
  for (const std::int64_t seq : {1, 2, 3, 5, 6, 7, 8, 20, 19, 18, 30, 31, 31, 32, 33})
    settlements.push_back(delivered(seq));
  settlements[9].duplicate_of = base::random_uuid();
  // The last of the file, and past it.
  for (const std::int64_t seq : {39, 40, 41, 42}) settlements.push_back(delivered(seq));
  REQUIRE(box.settle(settlements));
  const std::set<std::int64_t> expected{1, 2, 3, 5, 6, 8, 18, 19, 20, 30, 31, 32, 33, 39, 40};
  std::uint64_t pending_bytes = 0;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const auto entry = box.find(ids[i]);
    CAPTURE(entry.seq);
    const auto state = entry.seq == 7                 ? EntryState::dead
                       : expected.contains(entry.seq) ? EntryState::delivered
                                                      : EntryState::pending;
    CHECK(entry.state == state);
    CHECK(entry.settled_at.has_value() == (state != EntryState::pending));
    if (state == EntryState::pending) pending_bytes += entry.body.size();
  }
  CHECK(box.find(ids[17]).duplicate_of == settlements[9].duplicate_of);
  CHECK(box->stats().entries == std::array<std::uint64_t, 4>{24, 15, 1, 0});
  CHECK(box->stats().pending_body_bytes == pending_bytes);
  box.reopen();
  CHECK(box->stats().entries == std::array<std::uint64_t, 4>{24, 15, 1, 0});
}

TEST_CASE("outbox: attempts are kept with their entry, pending or settled in the same call",
          "[outbox][settle]") {
  Box box;
  box.open();
  const auto id = box.append_ok(make_entry("x"));
  REQUIRE(box.settle({}, {attempt(1, "23505"), attempt(99, "23505")}));
  CHECK(box.find(id).state == EntryState::pending);
  REQUIRE(box.settle({full_settlement(1, EntryState::dead)}, {attempt(1, "23514")}));
  REQUIRE(box.settle({}, {attempt(1, "late")}));
  const auto entry = box.find(id);
  REQUIRE(entry.attempts.size() == 2);
  CHECK(entry.attempts[0].sqlstate == "23505");
  CHECK(entry.attempts[1].sqlstate == "23514");
  CHECK(entry.attempts[1].error_class == "data");
  CHECK(entry.attempts[1].error == "refused");
  CHECK(entry.attempts[1].at == WallTime(5ms));
  CHECK(box.claim().empty());
}

TEST_CASE("outbox: of the attempts of one entry the newest are kept", "[outbox][settle]") {
  Box box;
  box.open();
  const auto id = box.append_ok(make_entry("x"));
  std::vector<AttemptRecord> attempts;
  for (int i = 0; i < 60; ++i) attempts.push_back(attempt(1, std::to_string(i)));
  REQUIRE(box.settle({}, attempts));
  const auto kept = box.find(id).attempts;
  REQUIRE(kept.size() == static_cast<std::size_t>(outbox::attempts_kept_max));
  CHECK(kept.front().sqlstate == "10");
  CHECK(kept.back().sqlstate == "59");
}
