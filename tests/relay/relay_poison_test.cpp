#include <algorithm>
#include <catch2/catch_test_macros.hpp>

#include "relay_rig.hpp"

using namespace std::chrono_literals;
using namespace holdfast;
using support::failure_of;
using support::RelayRig;

namespace {

DeliveryFailure bad_value() {
  auto failure = failure_of(DeliveryClass::data, "23514", "violates check constraint \"positive\"");
  failure.constraint = "positive";
  return failure;
}

DeliveryFailure orphan() {
  auto failure = failure_of(DeliveryClass::foreign_key, "23503", "violates foreign key constraint");
  failure.constraint = "parent";
  return failure;
}

std::uint64_t rows_of(const RelayRig& rig, const std::string& source) {
  const auto rows = rig.destination.rows();
  return static_cast<std::uint64_t>(
      std::ranges::count_if(rows, [&](const auto& row) { return row.source == source; }));
}

}  // namespace

TEST_CASE("relay: one bad entry of a thousand is dead and its neighbours arrive in the same pass",
          "[relay][poison]") {
  RelayRig rig;
  rig.append_many("a", 700);
  const Uuid bad = rig.append("a", "bad");
  rig.append_many("b", 299);
  rig.destination.refuse_bodies({"bad"}, bad_value());
  static_cast<void>(rig.relay->run_once());
  CHECK(rig.count(EntryState::pending) == 0);
  CHECK(rig.count(EntryState::dead) == 1);
  CHECK(rig.destination.calls().size() <= 2 * 10 + 2);
  const Entry entry = rig.find(bad);
  CHECK(entry.state == EntryState::dead);
  CHECK(entry.reason == "data_error");
  CHECK(entry.sqlstate == "23514");
  CHECK(entry.constraint == "positive");
  CHECK(entry.error == "violates check constraint \"positive\"");
  CHECK(entry.body == "bad");
  REQUIRE(entry.attempts.size() == 2);
  CHECK(entry.attempts[0].sqlstate == "23514");
  CHECK(entry.attempts[0].error_class == "data");
  rig.everything_arrives({"bad"});
}

TEST_CASE("relay: several bad entries, wherever they stand, are found in one pass",
          "[relay][poison]") {
  RelayRig rig;
  rig.append("a", "bad-first");
  rig.append_many("a", 50);
  rig.append("b", "bad-1");
  rig.append("a", "bad-2");
  rig.append_many("b", 50);
  rig.append("b", "bad-last");
  const std::set<std::string> bad{"bad-first", "bad-1", "bad-2", "bad-last"};
  rig.destination.refuse_bodies(bad, bad_value());
  static_cast<void>(rig.relay->run_once());
  CHECK(rig.count(EntryState::pending) == 0);
  CHECK(rig.count(EntryState::dead) == 4);
  CHECK(rig.events("entry_dead").size() == 4);
  rig.everything_arrives(bad);
}

TEST_CASE("relay: a bad entry that comes alone is dead, too", "[relay][poison]") {
  RelayRig rig;
  rig.append("a", "bad");
  rig.destination.refuse_bodies({"bad"}, bad_value());
  static_cast<void>(rig.relay->run_once());
  CHECK(rig.count(EntryState::dead) == 1);
  CHECK(rig.destination.calls().size() == 2);
  rig.everything_arrives({"bad"});
}

TEST_CASE("relay: one data error alone and then success is delivered, with its attempt on record",
          "[relay][poison]") {
  RelayRig rig;
  const Uuid id = rig.append("a", "shaky");
  rig.destination.fail_next(bad_value());
  static_cast<void>(rig.relay->run_once());
  CHECK(rig.find(id).state == EntryState::delivered);
  CHECK(rig.find(id).attempts.size() == 1);
  rig.everything_arrives();
}

TEST_CASE("relay: no value of an entry gets into a log line or the health of the relay",
          "[relay][poison][log]") {
  RelayRig rig;
  const std::string telling = "invalid input syntax for type integer: \"s3cret\"";
  rig.append("a", "bad");
  rig.destination.refuse_bodies({"bad"}, failure_of(DeliveryClass::data, "22P02", telling));
  static_cast<void>(rig.settle_down());
  for (const auto& name : {"delivery_retry", "batch_split", "entry_dead"})
    for (const auto& event : rig.events(name)) {
      CHECK_FALSE(event.message.contains("s3cret"));
      for (const auto& [field, value] : event.fields) CHECK_FALSE(value.contains("s3cret"));
    }
  CHECK_FALSE(rig.relay->stats().last_error);
  const auto dead = rig.events("entry_dead");
  REQUIRE(dead.size() == 1);
  CHECK(dead.front().fields.at("source") == "a");
  CHECK(dead.front().fields.at("sqlstate") == "22P02");
  rig.everything_arrives({"bad"});
}

TEST_CASE("relay: an outage in the midst of a split keeps what was delivered and blames nobody",
          "[relay][poison]") {
  RelayRig rig;
  rig.append_many("a", 15);
  rig.append("a", "bad");
  rig.destination.set_rule(
      [calls = 0](std::span<const Entry> batch) mutable -> std::optional<DeliveryFailure> {
        if (++calls == 4) return failure_of(DeliveryClass::connection);
        const bool refused =
            std::ranges::any_of(batch, [](const Entry& e) { return e.body == "bad"; });
        return refused ? std::optional(bad_value()) : std::nullopt;
      });
  static_cast<void>(rig.relay->run_once());
  CHECK(rig.count(EntryState::delivered) == 8);
  CHECK(rig.count(EntryState::pending) == 8);
  CHECK(rig.count(EntryState::dead) == 0);
  rig.pass_time(1min);
  CHECK(rig.count(EntryState::dead) == 1);
  rig.everything_arrives({"bad"});
}

TEST_CASE("relay: an outage between two data errors neither counts nor excuses",
          "[relay][poison]") {
  RelayRig rig;
  const Uuid id = rig.append("a", "bad");
  rig.destination.fail_next(bad_value());
  rig.destination.fail_next(failure_of(DeliveryClass::connection));
  static_cast<void>(rig.relay->run_once());
  CHECK(rig.find(id).state == EntryState::pending);
  CHECK(rig.find(id).attempts.size() == 1);
  rig.destination.fail_next(bad_value());
  rig.pass_time(1min);
  CHECK(rig.find(id).state == EntryState::dead);
  CHECK(rig.find(id).attempts.size() == 2);
}

TEST_CASE("relay: a missing parent that comes for the third try is no fault",
          "[relay][foreign_key]") {
  RelayRig rig;
  const Uuid child = rig.append("a", "child");
  rig.append("a", "next");
  rig.append("b", "other");
  rig.destination.refuse_bodies({"child"}, orphan());
  static_cast<void>(rig.settle_down());
  CHECK(rows_of(rig, "b") == 1);
  CHECK(rows_of(rig, "a") == 0);
  CHECK(rig.relay->stats().paused_sources.empty());
  rig.pass_time(999ms);
  CHECK(rig.find(child).attempts.size() == 1);
  rig.pass_time(1ms);
  static_cast<void>(rig.settle_down());
  CHECK(rig.find(child).attempts.size() == 2);
  rig.pass_time(2'499ms);
  static_cast<void>(rig.settle_down());
  CHECK(rig.find(child).attempts.size() == 2);
  rig.destination.heal();
  rig.pass_time(1ms);
  static_cast<void>(rig.settle_down());
  CHECK(rig.find(child).state == EntryState::delivered);
  rig.everything_arrives();
}

TEST_CASE("relay: a parent missing at the third try makes the entry dead, within 5 s",
          "[relay][foreign_key]") {
  RelayRig rig;
  const Uuid child = rig.append("a", "child");
  rig.append("a", "next");
  rig.destination.refuse_bodies({"child"}, orphan());
  rig.pass_time(3'499ms);
  CHECK(rig.find(child).state == EntryState::pending);
  rig.pass_time(1'500ms);
  const Entry entry = rig.find(child);
  CHECK(entry.state == EntryState::dead);
  CHECK(entry.sqlstate == "23503");
  CHECK(entry.constraint == "parent");
  CHECK(entry.attempts.size() == 3);
  CHECK(rows_of(rig, "a") == 1);
  rig.everything_arrives({"child"});
}

TEST_CASE("relay: a parent that comes behind its child in the same batch is found by splitting",
          "[relay][foreign_key]") {
  RelayRig rig;
  rig.append("a", "child");
  rig.append("b", "parent");
  bool parent_there = false;
  rig.destination.set_rule([&](std::span<const Entry> batch) -> std::optional<DeliveryFailure> {
    if (batch.front().body == "child" && !parent_there) return orphan();
    parent_there = true;
    return std::nullopt;
  });
  rig.pass_time(1s);
  static_cast<void>(rig.settle_down());
  CHECK(rig.count(EntryState::pending) == 0);
  rig.everything_arrives();
}

TEST_CASE("relay: after an outage a parent has its three tries again", "[relay][foreign_key]") {
  RelayRig rig;
  const Uuid child = rig.append("a", "child");
  rig.destination.fail_next(orphan(), 2);
  rig.destination.fail_next(failure_of(DeliveryClass::connection));
  rig.destination.fail_next(orphan(), 2);
  rig.pass_time(1min);
  CHECK(rig.find(child).state == EntryState::delivered);
  rig.everything_arrives();
}
