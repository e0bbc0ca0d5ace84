#include <algorithm>
#include <catch2/catch_test_macros.hpp>

#include "relay_rig.hpp"

/// A source whose own statement cannot work is paused alone.
using namespace std::chrono_literals;
using namespace holdfast;
using support::failure_of;
using support::RelayRig;

namespace {

using Sizes = std::vector<std::size_t>;

DeliveryFailure no_such_table() {
  return failure_of(DeliveryClass::config, "42P01", "relation \"orders\" does not exist");
}

std::optional<PausedSource> paused(const RelayRig& rig, const std::string& source) {
  const auto stats = rig.relay->stats();
  const auto found = std::ranges::find(stats.paused_sources, source, &PausedSource::source);
  return found == stats.paused_sources.end() ? std::nullopt : std::optional(*found);
}

}  // namespace

TEST_CASE(
    "relay: a statement that cannot work pauses its source, the others go on in the same pass",
    "[relay][sources]") {
  RelayRig rig;
  for (int i = 0; i < 10; ++i)
    for (const auto* source : {"a", "b", "c"}) rig.append(source, std::to_string(i));
  rig.destination.refuse_statement_of("b", no_such_table());
  static_cast<void>(rig.relay->run_once());
  CHECK(rig.batch_sizes() == Sizes{30, 20});
  CHECK(rig.count(EntryState::pending) == 10);
  const auto stats = rig.relay->stats();
  CHECK(stats.state == DestinationState::connected);
  CHECK_FALSE(stats.paused);
  CHECK_FALSE(stats.last_error);
  REQUIRE(paused(rig, "b"));
  CHECK(paused(rig, "b")->reason == "configuration");
  CHECK(paused(rig, "b")->error == "42P01: relation \"orders\" does not exist");
  CHECK(paused(rig, "b")->since == rig.clock.wall_now());
  HealthSnapshot health;
  health.relay = stats;
  CHECK(health.status() == HealthStatus::degraded);
  rig.everything_arrives();
}

TEST_CASE(
    "relay: a misconfigured source is probed every 30 s with its oldest entry, told once, and "
    "resumes by itself",
    "[relay][sources]") {
  RelayRig rig;
  for (int i = 0; i < 5; ++i) rig.append_all({{"b", std::to_string(i), {}, std::to_string(i % 2)}});
  rig.destination.refuse_statement_of("b", no_such_table());
  static_cast<void>(rig.settle_down());
  rig.destination.forget_calls();
  rig.pass_time(29'999ms);
  CHECK(rig.destination.calls().empty());
  rig.pass_time(10min);
  CHECK(rig.batch_sizes() == Sizes(20, 1));
  for (const auto& call : rig.destination.calls()) CHECK(call.seqs == std::vector<std::int64_t>{1});
  CHECK(rig.events("source_paused").size() == 1);
  CHECK(rig.events("source_paused").front().level == LogLevel::error);
  CHECK(rig.events("source_resumed").empty());
  for (std::int64_t seq = 1; seq <= 5; ++seq) CHECK(rig.count(EntryState::dead) == 0);
  rig.destination.heal();
  rig.pass_time(30s);
  static_cast<void>(rig.settle_down());
  CHECK(rig.count(EntryState::pending) == 0);
  CHECK(rig.events("source_resumed").size() == 1);
  CHECK_FALSE(paused(rig, "b"));
  rig.everything_arrives();
}

TEST_CASE("relay: quota and defect of a source are its configuration, too", "[relay][sources]") {
  for (const auto delivery_class : {DeliveryClass::quota, DeliveryClass::defect}) {
    RelayRig rig;
    const Uuid id = rig.append("a", "x");
    rig.append("b", "y");
    rig.destination.refuse_statement_of("a", failure_of(delivery_class, "53100", "disk full"));
    rig.pass_time(5min);
    REQUIRE(paused(rig, "a"));
    CHECK(paused(rig, "a")->reason == "configuration");
    CHECK(rig.bodies_of("b").size() == 1);
    CHECK(rig.find(id).attempts.empty());
    rig.everything_arrives();
  }
}

TEST_CASE("relay: a failure that names a source which is not in the batch pauses the destination",
          "[relay][sources]") {
  RelayRig rig;
  rig.append("a", "x");
  auto failure = no_such_table();
  failure.source = "elsewhere";
  rig.destination.fail_next(failure);
  static_cast<void>(rig.settle_down());
  CHECK(rig.relay->stats().state == DestinationState::paused);
  CHECK(rig.relay->stats().paused_sources.empty());
  rig.everything_arrives();
}

TEST_CASE("relay: a source named with any other class is as without a name", "[relay][sources]") {
  RelayRig rig;
  const Uuid bad = rig.append("a", "bad");
  rig.append("a", "good");
  auto failure = failure_of(DeliveryClass::data, "23514");
  failure.source = "a";
  rig.destination.refuse_bodies({"bad"}, failure);
  static_cast<void>(rig.relay->run_once());
  CHECK(rig.find(bad).state == EntryState::dead);
  CHECK_FALSE(paused(rig, "a"));
  rig.everything_arrives({"bad"});
}

TEST_CASE("relay: two misconfigured sources in one batch are found in one pass",
          "[relay][sources]") {
  RelayRig rig;
  for (const auto* source : {"a", "b", "c", "a", "b", "c"}) rig.append(source, "x");
  rig.destination.set_rule([](std::span<const Entry> batch) -> std::optional<DeliveryFailure> {
    for (const Entry& entry : batch) {
      if (entry.source == "c") continue;
      auto failure = no_such_table();
      failure.source = entry.source;
      return failure;
    }
    return std::nullopt;
  });
  static_cast<void>(rig.relay->run_once());
  CHECK(rig.batch_sizes() == Sizes{6, 4, 2});
  CHECK(rig.relay->stats().paused_sources.size() == 2);
  rig.everything_arrives();
}

TEST_CASE(
    "relay: a probe that meets a bad entry resumes the source, and the entry is judged as ever",
    "[relay][sources]") {
  RelayRig rig;
  const Uuid bad = rig.append("a", "bad");
  rig.append("a", "good");
  rig.destination.refuse_statement_of("a", no_such_table());
  static_cast<void>(rig.settle_down());
  rig.destination.refuse_bodies({"bad"}, failure_of(DeliveryClass::data, "23514"));
  rig.pass_time(30s);
  static_cast<void>(rig.settle_down());
  CHECK(rig.find(bad).state == EntryState::dead);
  CHECK(rig.find(bad).attempts.size() == 2);
  CHECK(rig.events("source_resumed").size() == 1);
  rig.everything_arrives({"bad"});
}

TEST_CASE("relay: a lost link while a source is probed says nothing of the source",
          "[relay][sources]") {
  RelayRig rig;
  rig.append("a", "x");
  rig.destination.refuse_statement_of("a", no_such_table());
  static_cast<void>(rig.settle_down());
  rig.destination.fail_next(failure_of(DeliveryClass::connection), 3);
  rig.pass_time(31s);
  CHECK(paused(rig, "a"));
  rig.append("b", "others go on");
  rig.pass_time(1min);
  CHECK(rig.bodies_of("b").size() == 1);
  CHECK(paused(rig, "a"));
  CHECK(rig.events("source_paused").size() == 1);
  rig.everything_arrives();
}

TEST_CASE("relay: a destination that is misconfigured while a source is probed is paused itself",
          "[relay][sources]") {
  RelayRig rig;
  rig.append("a", "x");
  rig.destination.refuse_statement_of("a", no_such_table());
  static_cast<void>(rig.settle_down());
  rig.destination.set_rule([](auto) { return failure_of(DeliveryClass::config, "28P01"); });
  rig.pass_time(31s);
  CHECK(rig.relay->stats().state == DestinationState::paused);
  CHECK(paused(rig, "a"));
  rig.everything_arrives();
  CHECK(rig.relay->stats().paused_sources.empty());
}

TEST_CASE(
    "relay: a paused source with nothing pending needs no wake-up, and its next entry is tried",
    "[relay][sources]") {
  RelayRig rig;
  const Uuid id = rig.append("a", "x");
  rig.destination.refuse_statement_of("a", no_such_table());
  static_cast<void>(rig.settle_down());
  Settlement discard;
  discard.seq = rig.find(id).seq;
  discard.state = EntryState::discarded;
  REQUIRE(rig.outbox->settle({discard}));
  rig.pass_time(1h);
  CHECK_FALSE(rig.relay->run_once().next);
  CHECK(paused(rig, "a"));
  rig.destination.heal();
  rig.append("a", "y");
  static_cast<void>(rig.settle_down());
  CHECK(rig.count(EntryState::pending) == 0);
  CHECK_FALSE(paused(rig, "a"));
}

TEST_CASE("relay: an outage ends with the answer of a statement that cannot work",
          "[relay][sources][outage]") {
  RelayRig rig;
  rig.append("a", "x");
  rig.append("b", "y");
  rig.destination.refuse_statement_of("a", no_such_table());
  rig.destination.fail_next(failure_of(DeliveryClass::connection), 3);
  rig.pass_time(20s);
  CHECK(rig.bodies_of("b").size() == 1);
  CHECK(rig.events("destination_recovered").size() == 1);
  CHECK(rig.relay->stats().state != DestinationState::backing_off);
  rig.everything_arrives();
}
