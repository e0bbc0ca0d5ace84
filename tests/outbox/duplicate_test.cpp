#include <catch2/catch_test_macros.hpp>

#include "fixture.hpp"
#include "outbox/ticket.hpp"

using namespace holdfast;
using namespace holdfast::outbox_tests;

TEST_CASE("outbox: a duplicate gets the id of its first copy and makes no row",
          "[outbox][duplicates]") {
  Box box;
  box.open();
  const auto id = box.append_ok(make_entry("body", "key"));
  const auto again = box.append(make_entry("body", "key"));
  REQUIRE(again);
  CHECK(again->id == id);
  CHECK(again->duplicate);
  CHECK_FALSE(again->conflict);
  box.reopen();
  CHECK(box.append(make_entry("body", "key"))->id == id);
  CHECK(box.list().size() == 1);
  // No commit was needed for this one.
  for (const auto count : box->stats().commit_seconds.counts) CHECK(count == 0);
}

TEST_CASE("outbox: a key counts within its source, and no key never matches",
          "[outbox][duplicates]") {
  Box box;
  box.open();
  box.append_ok(make_entry("body", "key", "orders"));
  CHECK_FALSE(box.append(make_entry("body", "key", "users"))->duplicate);
  CHECK_FALSE(box.append(make_entry("body"))->duplicate);
  CHECK_FALSE(box.append(make_entry("body"))->duplicate);
  CHECK_FALSE(box.append(make_entry("body", ""))->duplicate);
  CHECK(box.append(make_entry("body", ""))->duplicate);
  CHECK(box.list().size() == 5);
}

TEST_CASE("outbox: a duplicate in the group of its first copy waits for that group",
          "[outbox][duplicates]") {
  Box box;
  box.open();
  auto first = box->submit(make_entry("body", "key"));
  auto second = box->submit(make_entry("body", "key"));
  auto differing = box->submit(make_entry("other", "key"));
  auto differing_again = box->submit(make_entry("other", "key"));
  CHECK(!second.wait(0ms));
  CHECK(box->run_once());
  const auto answer = first.wait(0ms);
  REQUIRE(answer);
  CHECK_FALSE(answer->duplicate);
  CHECK(second.wait(0ms)->id == answer->id);
  CHECK(second.wait(0ms)->duplicate);
  CHECK(differing.wait(0ms)->conflict);
  CHECK(differing.wait(0ms)->id == answer->id);
  CHECK(differing_again.wait(0ms)->conflict);
  CHECK(box.list().size() == 2);
}

TEST_CASE("outbox: a known key with another body keeps that body once, as a conflict",
          "[outbox][duplicates]") {
  Box box;
  box.open();
  const auto id = box.append_ok(make_entry("body", "key"));
  for (int repeat = 0; repeat < 2; ++repeat) {
    const auto conflict = box.append(make_entry("other", "key"));
    REQUIRE(conflict);
    CHECK(conflict->id == id);
    CHECK(conflict->duplicate);
    CHECK(conflict->conflict);
  }
  CHECK(box.append(make_entry("third", "key"))->conflict);
  const auto kept = box.list(Filter{.state = EntryState::discarded});
  REQUIRE(kept.size() == 2);
  const auto entry = box.find(kept[1].id);
  CHECK(entry.body == "other");
  CHECK(entry.reason == "key_conflict");
  CHECK(entry.conflicts_with == id);
  CHECK(entry.dedupe_key == "key");
  CHECK(entry.settled_at == box.clock.wall_now());
  CHECK(box.count(EntryState::discarded) == 2);
  // The first copy still is what the key stands for.
  const auto again = box.append(make_entry("body", "key"));
  CHECK(again->id == id);
  CHECK_FALSE(again->conflict);
  CHECK(box.claim().size() == 1);
}

TEST_CASE(
    "outbox: a key is known after delivery and after its payload is gone, until its receipt goes",
    "[outbox][duplicates][retention]") {
  Box box;
  box.config.keep_delivered = 1h;
  box.config.dedupe_window = 24h;
  box.open();
  const auto id = box.append_ok(make_entry("body", "key"));
  box.settle_all(EntryState::delivered);
  CHECK(box.append(make_entry("body", "key"))->id == id);

  box.clock.advance(1h + 1s);
  box.run_until_idle();
  REQUIRE_FALSE(box.find(id).payload_kept);
  CHECK(box.append(make_entry("body", "key"))->id == id);
  CHECK(box.append(make_entry("other", "key"))->conflict);

  box.clock.advance(23h);
  box.run_until_idle();
  const auto fresh = box.append(make_entry("body", "key"));
  REQUIRE(fresh);
  CHECK_FALSE(fresh->duplicate);
  CHECK(fresh->id != id);
  // The conflict of the old first copy does not stand for a conflict of the new one.
  CHECK(box.append(make_entry("other", "key"))->conflict);
  CHECK(box.list(Filter{.state = EntryState::discarded}).size() == 2);
}

TEST_CASE("outbox: a key of a pending or dead entry is known for ever", "[outbox][duplicates]") {
  Box box;
  box.open();
  const auto pending = box.append_ok(make_entry("p", "pending"));
  const auto dead = box.append_ok(make_entry("d", "dead"));
  REQUIRE(box.settle({settlement(2, EntryState::dead)}));
  for (int year = 0; year < 3; ++year) {
    box.clock.advance(24h * 365);
    box.run_until_idle();
  }
  CHECK(box.append(make_entry("p", "pending"))->id == pending);
  CHECK(box.append(make_entry("d", "dead"))->id == dead);
}

TEST_CASE("outbox: keys whose hashes are equal do not take each other's place",
          "[outbox][duplicates]") {
  Box box;
  box.open();
  box.append_ok(make_entry("a", "key-a"));
  box.append_ok(make_entry("c", "key-c"));
  // Makes a collision: the row of key-c gets the hash of key-b, the row of key-a that of key-b too.
  const auto hash = outbox::first_copy_hash("orders", "key-b");
  box.outbox.reset();
  box.sql("UPDATE entry SET key_hash = " + std::to_string(hash), true);
  box.open();
  const auto added = box.append(make_entry("b", "key-b"));
  REQUIRE(added);
  CHECK_FALSE(added->duplicate);
  CHECK(box.append(make_entry("b", "key-b"))->id == added->id);
}
