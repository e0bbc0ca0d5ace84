// The next batch is claimed while the one before is on its way, and outcomes are written meanwhile.
// None of that may show in what is delivered.

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <functional>
#include <new>

#include "relay_rig.hpp"

using namespace std::chrono_literals;
using namespace holdfast;
using support::RelayRig;

namespace {

RelayRig::Options small_batches() {
  RelayRig::Options options;
  options.destination.batch_entries = 10;
  return options;
}

/// Calls this in the middle of the delivery with this number, after the next batch was claimed.
void during_delivery(RelayRig& rig, int number, std::function<void()> action) {
  rig.destination.set_rule(
      [=, seen = 0, action = std::move(action)](auto) mutable -> std::optional<DeliveryFailure> {
        if (++seen == number) action();
        return std::nullopt;
      });
}

}  // namespace

TEST_CASE("relay: a long backlog arrives in whole batches and in its order", "[relay][ahead]") {
  RelayRig rig(small_batches());
  rig.append_many("a", 95);
  rig.drain();
  const auto sizes = rig.batch_sizes();
  CHECK(std::ranges::count(sizes, 10U) >= 8);
  rig.everything_arrives();
}

TEST_CASE("relay: what an operator discards after it was claimed ahead is not sent",
          "[relay][ahead]") {
  for (const int number : {1, 2, 3}) {
    CAPTURE(number);
    RelayRig rig(small_batches());
    std::vector<Uuid> ids;
    for (int i = 0; i < 60; ++i) ids.push_back(rig.append("a", "a-" + std::to_string(i)));
    const auto& id = ids[static_cast<std::size_t>(number) * 10 + 5];
    bool discarded = false;
    during_delivery(rig, number, [&] {
      const auto held = rig.relay->hold_back(rig.find(id).seq, 0ms);
      const auto changed = rig.outbox->change(EntryAction::discard, id);
      discarded = held && changed && rig.find(id).state == EntryState::discarded;
    });
    rig.drain();
    CHECK(discarded);
    CHECK(rig.count(EntryState::delivered) == 59);
    CHECK(rig.destination.rows().size() == 59);
    for (const auto& body : rig.bodies_of("a")) CHECK(body != rig.find(id).body);
  }
}

TEST_CASE("relay: what is on its way or being written cannot be held back", "[relay][ahead]") {
  RelayRig rig(small_batches());
  rig.append_many("a", 60);
  const auto pending = [&] {
    const std::vector<std::string> sources{"a"};
    return rig.outbox->claim({.sources = sources}).value();
  };
  const auto first = pending().front().seq;
  bool held = true;
  during_delivery(rig, 1, [&] { held = rig.relay->hold_back(first, 0ms).has_value(); });
  rig.drain();
  CHECK_FALSE(held);
  rig.everything_arrives();
}

TEST_CASE("relay: what became of a batch is written while the next one is on its way",
          "[relay][ahead]") {
  RelayRig rig(small_batches());
  std::vector<Uuid> ids;
  for (int i = 0; i < 60; ++i) ids.push_back(rig.append("a", "a-" + std::to_string(i)));
  const auto seq = rig.find(ids.front()).seq;
  static_cast<void>(rig.relay->run_once());
  // Until then nobody may change it: it has been delivered.
  REQUIRE(rig.destination.rows().size() == 10);
  CHECK(rig.find(ids.front()).state == EntryState::pending);
  CHECK_FALSE(rig.relay->hold_back(seq, 0ms));
  bool written = false;
  during_delivery(rig, 1, [&] {
    written = rig.find(ids.front()).state == EntryState::delivered &&
              rig.find(ids[10]).state == EntryState::pending && rig.relay->hold_back(seq, 0ms);
  });
  static_cast<void>(rig.relay->run_once());
  CHECK(written);
  // The last ones have none behind them.
  rig.drain();
  CHECK(rig.count(EntryState::delivered) == 60);
  CHECK(rig.relay->hold_back(rig.find(ids.back()).seq, 0ms));
  rig.everything_arrives();
}

TEST_CASE("relay: with an outcome that cannot be written at most one more batch is sent",
          "[relay][ahead][outbox]") {
  for (const int number : {1, 2, 3}) {
    CAPTURE(number);
    RelayRig rig(small_batches());
    rig.append_many("a", 95);
    during_delivery(rig, number, [&] { rig.stop_writer(); });
    for (int i = 0; i < 20; ++i) rig.pass_time(1s);
    const auto sent = rig.destination.calls().size();
    CHECK(sent >= static_cast<std::size_t>(number));
    CHECK(sent <= static_cast<std::size_t>(number) + 1);
    rig.destination.heal();
    rig.start_writer();
    rig.everything_arrives();
    CHECK(rig.destination.rows().size() == 95);
  }
}

TEST_CASE(
    "relay: an outcome that cannot be written when a probe is due is not sent round and round",
    "[relay][ahead][outbox]") {
  RelayRig rig(small_batches());
  rig.destination.refuse_statement_of("b", support::failure_of(DeliveryClass::config, "42P01"));
  rig.append("b", "one");
  rig.settle_down();
  rig.append_many("a", 95);
  static_cast<void>(rig.relay->run_once());
  const auto sent = rig.destination.calls().size();
  rig.clock.advance(31s);
  rig.stop_writer();
  for (int i = 0; i < 20; ++i) static_cast<void>(rig.relay->run_once());
  CHECK(rig.destination.calls().size() == sent);
  CHECK(rig.events("relay_outbox_failed").size() == 1);
  CHECK(rig.events("relay_outbox_recovered").empty());
  rig.destination.heal();
  rig.start_writer();
  rig.everything_arrives();
}

TEST_CASE("relay: what is owed may be changed again once it is written", "[relay][ahead][outbox]") {
  RelayRig rig(small_batches());
  const Uuid id = rig.append("a", "a-0");
  rig.append_many("a", 40);
  during_delivery(rig, 1, [&] { rig.stop_writer(); });
  rig.pass_time(5s);
  const auto seq = rig.find(id).seq;
  CHECK_FALSE(rig.relay->hold_back(seq, 0ms));
  rig.destination.heal();
  rig.start_writer();
  rig.pass_time(5s);
  CHECK(rig.find(id).state == EntryState::delivered);
  CHECK(rig.relay->hold_back(seq, 0ms));
}

TEST_CASE("relay: after an exception out of a delivery its batch comes before the one behind it",
          "[relay][ahead]") {
  RelayRig rig(small_batches());
  rig.append_many("a", 95);
  during_delivery(rig, 2, [] { throw std::bad_alloc(); });
  static_cast<void>(rig.relay->run_once());
  CHECK_THROWS_AS(rig.relay->run_once(), std::bad_alloc);
  rig.everything_arrives();
}

TEST_CASE("relay: a restart while outcomes are being written loses and doubles nothing",
          "[relay][ahead][outbox]") {
  for (const int number : {1, 2, 5}) {
    CAPTURE(number);
    RelayRig rig(small_batches());
    rig.append_many("a", 95);
    during_delivery(rig, number, [&] { rig.stop_writer(); });
    for (int i = 0; i < 8; ++i) static_cast<void>(rig.relay->run_once());
    rig.destination.heal();
    rig.start_writer();
    rig.restart_relay();
    rig.everything_arrives();
    CHECK(rig.destination.rows().size() == 95);
  }
}
