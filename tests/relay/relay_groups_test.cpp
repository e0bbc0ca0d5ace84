#include <algorithm>
#include <catch2/catch_test_macros.hpp>

#include "relay/holds.hpp"
#include "relay_rig.hpp"

/// order_by: what one value of it meets is no matter of the others.
using namespace std::chrono_literals;
using namespace holdfast;
using support::failure_of;
using support::RelayRig;

namespace {

DeliveryFailure orphan() {
  return failure_of(DeliveryClass::foreign_key, "23503");
}

/// `keys` values of source a, each with `each` entries, interleaved; bodies "<key>-<number>".
std::vector<Uuid> append_keys(RelayRig& rig, int keys, int each) {
  std::vector<RelayRig::Write> writes;
  for (int number = 0; number < each; ++number)
    for (int key = 0; key < keys; ++key) {
      const std::string name = "k" + std::to_string(key);
      writes.push_back({"a", name + "-" + std::to_string(number), {}, name});
    }
  return rig.append_all(writes);
}

bool holds_key(std::span<const Entry> batch, const std::string& key) {
  return std::ranges::any_of(batch,
                             [&](const Entry& entry) { return entry.body.starts_with(key + "-"); });
}

}  // namespace

TEST_CASE("relay: a missing parent of one key holds that key alone, in its order",
          "[relay][groups]") {
  RelayRig rig;
  append_keys(rig, 5, 4);
  rig.destination.refuse_bodies({"k2-1"}, orphan());
  static_cast<void>(rig.settle_down());
  CHECK(rig.destination.rows().size() == 17);
  CHECK(rig.count(EntryState::pending) == 3);
  CHECK(rig.relay->stats().paused_sources.empty());
  append_keys(rig, 5, 1);
  static_cast<void>(rig.settle_down());
  CHECK(rig.count(EntryState::pending) == 4);
  rig.destination.heal();
  rig.pass_time(1s);
  static_cast<void>(rig.settle_down());
  CHECK(rig.count(EntryState::pending) == 0);
  rig.everything_arrives();
}

TEST_CASE("relay: poison in one key does not hold the others, nor what follows it in its own",
          "[relay][groups]") {
  RelayRig rig;
  append_keys(rig, 10, 10);
  rig.destination.refuse_bodies({"k3-4"}, failure_of(DeliveryClass::data, "22P02"));
  static_cast<void>(rig.relay->run_once());
  CHECK(rig.count(EntryState::dead) == 1);
  CHECK(rig.count(EntryState::pending) == 0);
  rig.everything_arrives({"k3-4"});
}

TEST_CASE("relay: an entry that times out holds its key, and health names the source once",
          "[relay][groups]") {
  RelayRig rig;
  append_keys(rig, 4, 3);
  rig.destination.refuse_bodies({"k1-1", "k2-0"}, failure_of(DeliveryClass::timeout, "57014"));
  rig.pass_time(30s);
  CHECK(rig.count(EntryState::pending) == 2 + 3);
  REQUIRE(rig.relay->stats().paused_sources.size() == 1);
  CHECK(rig.relay->stats().paused_sources.front().reason == "timeout");
  REQUIRE(rig.events("source_paused").size() == 1);
  CHECK(rig.events("source_paused").front().message.contains("one order group"));
  append_keys(rig, 4, 1);
  static_cast<void>(rig.settle_down());
  CHECK(rig.count(EntryState::pending) == 5 + 2);
  rig.everything_arrives();
  CHECK(rig.events("source_resumed").size() == 1);
  CHECK(rig.relay->stats().paused_sources.empty());
}

TEST_CASE("relay: twenty dead of twenty keys are a flood of their source",
          "[relay][groups][flood]") {
  RelayRig rig;
  append_keys(rig, 25, 1);
  rig.append("b", "other");
  rig.destination.set_rule([](std::span<const Entry> batch) -> std::optional<DeliveryFailure> {
    const bool bad = std::ranges::contains(batch, "a", &Entry::source);
    return bad ? std::optional(failure_of(DeliveryClass::data, "22P02")) : std::nullopt;
  });
  static_cast<void>(rig.settle_down());
  CHECK(rig.count(EntryState::dead) == 20);
  CHECK(rig.count(EntryState::pending) == 5);
  REQUIRE(rig.relay->stats().paused_sources.size() == 1);
  CHECK(rig.relay->stats().paused_sources.front().reason == "poison_flood");
  CHECK(rig.bodies_of("b").size() == 1);
  rig.pass_time(10min);
  CHECK(rig.count(EntryState::dead) == 20);
  rig.destination.heal();
  rig.pass_time(31s);
  CHECK(rig.count(EntryState::pending) == 0);
}

TEST_CASE("relay: an entry that no session survives holds its key alone",
          "[relay][groups][breaks_session]") {
  RelayRig rig;
  append_keys(rig, 3, 20);
  rig.destination.refuse_bodies({"k1-7"}, failure_of(DeliveryClass::connection));
  rig.pass_time(10min);
  CHECK(rig.count(EntryState::pending) == 13);
  REQUIRE(rig.relay->stats().paused_sources.size() == 1);
  CHECK(rig.relay->stats().paused_sources.front().reason == "breaks_session");
  append_keys(rig, 3, 1);
  rig.pass_time(30s);
  CHECK(rig.count(EntryState::pending) == 14);
  rig.everything_arrives();
}

TEST_CASE("relay: a long outage of many keys suspects none of them for good",
          "[relay][groups][breaks_session]") {
  RelayRig rig;
  append_keys(rig, 100, 2);
  rig.destination.set_rule([](auto) { return failure_of(DeliveryClass::connection); });
  rig.pass_time(12h);
  CHECK(rig.relay->stats().paused_sources.empty());
  rig.destination.heal();
  rig.pass_time(31s);
  CHECK(rig.count(EntryState::pending) == 0);
  CHECK(rig.events("source_paused").empty());
  rig.everything_arrives();
}

TEST_CASE("relay: where every key waits the holds have a limit, and all arrives when it can",
          "[relay][groups][limits]") {
  RelayRig rig;
  constexpr int keys = 400;
  append_keys(rig, keys, 1);
  rig.append("b", "other");
  rig.destination.set_rule([](std::span<const Entry> batch) -> std::optional<DeliveryFailure> {
    const bool bad = std::ranges::contains(batch, "a", &Entry::source);
    return bad ? std::optional(orphan()) : std::nullopt;
  });
  static_cast<void>(rig.relay->run_once());
  std::set<std::int64_t> alone;
  for (const auto& call : rig.destination.calls())
    if (call.seqs.size() == 1) alone.insert(call.seqs.front());
  CHECK(alone.size() <= relay::groups_held_max + 2);
  static_cast<void>(rig.settle_down());
  CHECK(rig.bodies_of("b").size() == 1);
  CHECK(rig.count(EntryState::dead) == 0);
  rig.everything_arrives();
}

TEST_CASE("relay: an operator who discards what a key waits for sets the key free",
          "[relay][groups]") {
  RelayRig rig;
  const auto ids = append_keys(rig, 2, 3);
  rig.destination.refuse_bodies({"k0-0"}, failure_of(DeliveryClass::timeout, "57014"));
  rig.pass_time(10s);
  CHECK(rig.count(EntryState::pending) == 3);
  Settlement discard;
  discard.seq = rig.find(ids.front()).seq;
  discard.state = EntryState::discarded;
  REQUIRE(rig.outbox->settle({discard}));
  rig.pass_time(31s);
  CHECK(rig.count(EntryState::pending) == 0);
  CHECK(rig.bodies_of("a") == std::vector<std::string>{"k1-0", "k1-1", "k1-2", "k0-1", "k0-2"});
}

TEST_CASE("relay: many keys that contend leave every second turn to the others",
          "[relay][groups]") {
  RelayRig rig;
  append_keys(rig, 30, 2);
  rig.destination.set_rule([](std::span<const Entry> batch) -> std::optional<DeliveryFailure> {
    for (int key = 0; key < 20; ++key)
      if (holds_key(batch, "k" + std::to_string(key)))
        return failure_of(DeliveryClass::timeout, "57014");
    return std::nullopt;
  });
  rig.pass_time(2min);
  CHECK(rig.destination.rows().size() == 20);
  CHECK(rig.count(EntryState::pending) == 40);
  rig.append_many("b", 3);
  rig.clock.advance(10min);  // Every probe is due.
  rig.destination.forget_calls();
  static_cast<void>(rig.relay->run_once());
  static_cast<void>(rig.relay->run_once());
  CHECK(rig.bodies_of("b").size() == 3);
  rig.everything_arrives();
}
