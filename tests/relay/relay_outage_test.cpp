#include <algorithm>
#include <atomic>
#include <catch2/catch_test_macros.hpp>

#include "base/backoff.hpp"
#include "relay_rig.hpp"
#include "support/wait.hpp"

using namespace std::chrono_literals;
using namespace holdfast;
using support::failure_of;
using support::RelayRig;

namespace {

using Sizes = std::vector<std::size_t>;

void no_attempts(RelayRig& rig, const std::vector<Uuid>& ids) {
  for (const Uuid& id : ids) CHECK(rig.find(id).attempts.empty());
}

std::vector<Uuid> append_some(RelayRig& rig, int count) {
  std::vector<RelayRig::Write> writes;
  for (int i = 0; i < count; ++i) writes.push_back({"a", std::to_string(i), {}});
  return rig.append_all(writes);
}

DeliveryFailure lost() {
  return failure_of(DeliveryClass::connection, "", "connection refused");
}

}  // namespace

TEST_CASE("relay: an outage costs no attempt and kills nothing", "[relay][outage]") {
  RelayRig rig;
  const auto ids = append_some(rig, 10);
  for (const auto delivery_class : {DeliveryClass::connection, DeliveryClass::server}) {
    rig.destination.set_rule([=](auto) { return failure_of(delivery_class, "57P03"); });
    rig.pass_time(std::chrono::hours(24));
    CHECK(rig.count(EntryState::pending) == 10);
    CHECK(rig.relay->stats().state == DestinationState::backing_off);
    CHECK(rig.destination.calls().size() > 100);
    no_attempts(rig, ids);
  }
  rig.everything_arrives();
  no_attempts(rig, ids);
}

TEST_CASE("relay: nothing is sent before retry_at, however often it is woken", "[relay][outage]") {
  for (std::uint64_t seed = 1; seed < 20; ++seed) {
    CAPTURE(seed);
    RelayRig::Options options;
    options.seed = seed;
    RelayRig rig(options);
    rig.append("a", "x");
    auto limited = failure_of(DeliveryClass::server, "53300", "too many connections");
    limited.slow_start = true;
    rig.destination.fail_next(limited);
    const auto step = rig.settle_down();
    REQUIRE(step.next);
    CHECK(*step.next >= rig.clock.steady_now() + 5s);
    const auto stats = rig.relay->stats();
    REQUIRE(stats.retry_at);
    CHECK(*stats.retry_at - rig.clock.wall_now() == *step.next - rig.clock.steady_now());
    rig.clock.advance(4'999ms);
    rig.append("a", "y");
    rig.relay->wake();
    static_cast<void>(rig.relay->run_once());
    CHECK(rig.destination.calls().size() == 1);
    rig.everything_arrives();
  }
}

TEST_CASE("relay: after an outage one entry goes first, then 4, 16, 64", "[relay][outage]") {
  RelayRig rig;
  append_some(rig, 200);
  rig.destination.fail_next(lost(), 3);
  rig.drain();
  rig.everything_arrives();
  CHECK(rig.batch_sizes() == Sizes{200, 1, 1, 1, 4, 16, 64, 115});
  CHECK(rig.events("destination_recovered").size() == 1);
}

TEST_CASE("relay: the retry log tells attempt, class, sqlstate, delay, reason and entries",
          "[relay][outage][log]") {
  RelayRig rig;
  append_some(rig, 7);
  rig.destination.fail_next(failure_of(DeliveryClass::server, "57P03", "starting up"), 2);
  rig.drain();
  rig.everything_arrives();
  const auto events = rig.events("delivery_retry");
  REQUIRE(events.size() == 2);
  CHECK(events[0].level == LogLevel::warn);
  CHECK(events[0].fields.at("attempt") == "1");
  CHECK(events[1].fields.at("attempt") == "2");
  CHECK(events[0].fields.at("class") == "server");
  CHECK(events[0].fields.at("sqlstate") == "57P03");
  CHECK(events[0].fields.at("reason") == "57P03: starting up");
  CHECK(events[0].fields.at("entries") == "7");
  CHECK(events[0].fields.contains("delay_seconds"));
}

TEST_CASE("relay: a session that had lived is opened again at once, with the same batch, once",
          "[relay][outage]") {
  RelayRig rig;
  rig.append("a", "first");
  static_cast<void>(rig.settle_down());
  append_some(rig, 10);
  rig.destination.forget_calls();
  rig.destination.fail_next(lost());
  const auto before = rig.clock.steady_now();
  static_cast<void>(rig.settle_down());
  CHECK(rig.clock.steady_now() == before);
  CHECK(rig.count(EntryState::pending) == 0);
  CHECK(rig.batch_sizes() == Sizes{10, 10});
  for (const auto& event : rig.events("delivery_retry")) CHECK(event.level == LogLevel::info);
  append_some(rig, 10);
  rig.destination.forget_calls();
  rig.destination.fail_next(lost(), 2);
  while (rig.relay->stats().consecutive_failures < 2) static_cast<void>(rig.relay->run_once());
  rig.everything_arrives();
  CHECK(rig.batch_sizes() == Sizes{10, 10, 1, 4, 5});
}

TEST_CASE("relay: a commit in doubt is sent again and stands once", "[relay][outage]") {
  RelayRig rig;
  const auto ids = append_some(rig, 10);
  rig.append("b", "keyed", "k");
  rig.destination.commit_in_doubt_next();
  static_cast<void>(rig.relay->run_once());
  CHECK(rig.destination.rows().size() == 11);
  CHECK(rig.count(EntryState::pending) == 11);
  rig.everything_arrives();
  CHECK(rig.destination.rows().size() == 11);
  no_attempts(rig, ids);
}

TEST_CASE("relay: contention sends the same batch soon again and charges nothing",
          "[relay][contention]") {
  RelayRig rig;
  const auto ids = append_some(rig, 10);
  rig.destination.fail_next(failure_of(DeliveryClass::contention, "40P01", "deadlock"), 2);
  const auto before = rig.clock.steady_now();
  rig.pass_time(10s);
  CHECK(rig.batch_sizes() == Sizes(3, 10));
  CHECK(rig.relay->stats().last_success <= rig.clock.wall_now());
  CHECK(rig.clock.steady_now() - before == 10s);
  CHECK(rig.events("destination_recovered").empty());
  no_attempts(rig, ids);
  rig.everything_arrives();
}

TEST_CASE("relay: the third contention in a row is an outage", "[relay][contention]") {
  RelayRig rig;
  append_some(rig, 10);
  rig.destination.fail_next(failure_of(DeliveryClass::contention, "40P01", "deadlock"), 3);
  while (rig.destination.calls().size() < 1) rig.pass_time(1ms);
  CHECK(rig.relay->stats().state != DestinationState::backing_off);
  while (rig.destination.calls().size() < 3) rig.pass_time(1ms);
  CHECK((rig.relay->stats().state == DestinationState::backing_off ||
         rig.count(EntryState::pending) < 10));
  rig.everything_arrives();
  CHECK(rig.batch_sizes()[3] == 1);
  CHECK(rig.events("destination_recovered").size() == 1);
}

TEST_CASE("relay: an entry that contends alone holds its own source only", "[relay][contention]") {
  RelayRig rig;
  const auto bad = rig.append("a", "locked");
  rig.append_many("b", 5);
  rig.destination.refuse_bodies({"locked"}, failure_of(DeliveryClass::contention, "55P03", "lock"));
  rig.pass_time(20s);
  CHECK(rig.destination.rows().size() == 5);
  CHECK(rig.relay->stats().paused_sources.empty());
  // What comes later for other sources does not wait for it either.
  rig.append_many("c", 3);
  rig.pass_time(3s);
  CHECK(rig.destination.rows().size() == 8);
  // In the long run an operator sees which source it is; the entry is never dead nor charged.
  rig.pass_time(120s);
  REQUIRE(rig.relay->stats().paused_sources.size() == 1);
  CHECK(rig.relay->stats().paused_sources[0].source == "a");
  CHECK(rig.relay->stats().paused_sources[0].reason == "contention");
  CHECK(rig.find(bad).attempts.empty());
  CHECK(rig.count(EntryState::dead) == 0);
  rig.everything_arrives();
  CHECK(rig.relay->stats().paused_sources.empty());
}

TEST_CASE("relay: when everything contends the destination is backing off, and comes back",
          "[relay][contention]") {
  RelayRig rig;
  rig.append_many("a", 3);
  rig.append_many("b", 3);
  rig.destination.set_rule(
      [](auto) { return failure_of(DeliveryClass::contention, "55P03", "lock"); });
  rig.pass_time(10s);
  CHECK(rig.relay->stats().state == DestinationState::backing_off);
  rig.pass_time(10min);
  CHECK(rig.relay->stats().state == DestinationState::backing_off);
  CHECK(rig.count(EntryState::pending) == 6);
  rig.destination.heal();
  rig.pass_time(31s);
  CHECK(rig.destination.rows().size() == 6);
  rig.everything_arrives();
}

TEST_CASE("relay: a configuration error pauses, says so once, and resumes by itself",
          "[relay][pause]") {
  RelayRig rig;
  const auto ids = append_some(rig, 10);
  rig.destination.set_rule(
      [](auto) { return failure_of(DeliveryClass::config, "42P01", "no such relation"); });
  static_cast<void>(rig.settle_down());
  auto stats = rig.relay->stats();
  CHECK(stats.state == DestinationState::paused);
  CHECK(stats.paused);
  CHECK(stats.pause_reason == "configuration");
  CHECK(stats.last_error == "42P01: no such relation");
  CHECK(stats.retry_at == rig.clock.wall_now() + 30s);
  rig.pass_time(29'999ms);
  CHECK(rig.destination.calls().size() == 1);
  rig.pass_time(1h);
  const auto sizes = rig.batch_sizes();
  CHECK(sizes.size() == 1 + 120);
  CHECK(std::ranges::all_of(sizes.begin() + 1, sizes.end(), [](auto size) { return size == 1; }));
  for (const auto& call : rig.destination.calls()) CHECK(call.seqs.front() == 1);
  REQUIRE(rig.events("destination_paused").size() == 1);
  CHECK(rig.events("destination_paused").front().level == LogLevel::error);
  no_attempts(rig, ids);
  rig.everything_arrives();
  CHECK(rig.events("destination_resumed").size() == 1);
  CHECK_FALSE(rig.relay->stats().paused);
  CHECK_FALSE(rig.relay->stats().pause_reason);
}

TEST_CASE("relay: quota and defect pause, too, and a new reason is told", "[relay][pause]") {
  RelayRig rig;
  const auto ids = append_some(rig, 2);
  rig.destination.fail_next(failure_of(DeliveryClass::quota, "XX000", "compute time quota"));
  static_cast<void>(rig.settle_down());
  CHECK(rig.relay->stats().pause_reason == "quota");
  rig.destination.fail_next(failure_of(DeliveryClass::defect, "21000", "cardinality"));
  rig.pass_time(30s);
  static_cast<void>(rig.settle_down());
  CHECK(rig.relay->stats().pause_reason == "configuration");
  CHECK(rig.events("destination_paused").size() == 2);
  no_attempts(rig, ids);
  rig.everything_arrives();
}

TEST_CASE("relay: a lost link does not end a pause; a refused entry does", "[relay][pause]") {
  RelayRig rig;
  rig.append("a", "bad");
  rig.append("a", "good");
  rig.destination.fail_next(failure_of(DeliveryClass::config, "28P01", "password"));
  rig.destination.fail_next(lost());
  rig.pass_time(30s);
  static_cast<void>(rig.settle_down());
  CHECK(rig.relay->stats().state == DestinationState::paused);
  CHECK(rig.destination.calls().size() == 2);
  rig.destination.refuse_bodies({"bad"}, failure_of(DeliveryClass::data, "22P02"));
  rig.pass_time(30s);
  static_cast<void>(rig.settle_down());
  CHECK(rig.count(EntryState::dead) == 1);
  CHECK(rig.events("destination_resumed").size() == 1);
  rig.everything_arrives({"bad"});
}

TEST_CASE("relay: a paused destination with nothing pending needs no wake-up", "[relay][pause]") {
  RelayRig rig;
  const Uuid id = rig.append("a", "x");
  rig.destination.fail_next(failure_of(DeliveryClass::config, "3D000"));
  static_cast<void>(rig.settle_down());
  Settlement discard;
  discard.seq = rig.find(id).seq;
  discard.state = EntryState::discarded;
  REQUIRE(rig.outbox->settle({discard}));
  rig.pass_time(1h);
  CHECK_FALSE(rig.relay->run_once().next);
  CHECK(rig.destination.calls().size() == 1);
  rig.append("a", "y");
  static_cast<void>(rig.settle_down());
  CHECK(rig.relay->stats().state == DestinationState::connected);
}

TEST_CASE("relay: a destination up for a moment at a time still makes progress",
          "[relay][outage]") {
  RelayRig rig;
  append_some(rig, 500);
  int up = 0;
  rig.destination.set_rule([&](auto) -> std::optional<DeliveryFailure> {
    if (++up % 4 == 0) return std::nullopt;
    return lost();
  });
  for (int i = 0; i < 20'000 && rig.count(EntryState::pending) > 0; ++i) rig.pass_time(1s);
  CHECK(rig.count(EntryState::pending) == 0);
  rig.everything_arrives();
}

namespace {

/// Tells how often it is looked at: a step of the relay does so several times.
class CountingClock : public Clock {
 public:
  [[nodiscard]] WallTime wall_now() const override { return clock_.wall_now(); }
  [[nodiscard]] SteadyTime steady_now() const override {
    ++looks;
    return clock_.steady_now();
  }
  mutable std::atomic<int> looks = 0;

 private:
  SystemClock clock_;
};

}  // namespace

TEST_CASE("relay: what is accepted during an outage wakes nobody, and is delivered after it",
          "[relay][thread]") {
  RelayRig rig;
  const CountingClock clock;
  DestinationConfig patient;
  patient.backoff_initial = patient.backoff_max = 60s;
  Relay relay(
      {.destination = patient, .sources = {"a"}},
      {.outbox = *rig.outbox, .destinations = {&rig.destination}, .clock = clock, .log = {}});
  rig.destination.fail_next(support::failure_of(DeliveryClass::connection), 1);
  std::jthread thread([&](const std::stop_token& stop) { relay.run(stop); });
  const auto accept = [&](int number) {
    rig.append("a", std::to_string(number));
    relay.wake();
  };
  accept(0);
  REQUIRE(support::eventually([&] { return relay.stats().retry_at.has_value(); }, 10s));
  const int before = clock.looks;
  for (int i = 1; i <= 200; ++i) accept(i);
  CHECK(clock.looks - before < 100);
  CHECK(relay.probe(10s).ok);
  CHECK(support::eventually([&] { return rig.count(EntryState::delivered) == 201; }, 10s));
  // From here on each is waited for again.
  accept(201);
  CHECK(support::eventually([&] { return rig.count(EntryState::delivered) == 202; }, 10s));
}
