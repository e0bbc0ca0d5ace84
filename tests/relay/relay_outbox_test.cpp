#include <catch2/catch_test_macros.hpp>

#include "relay_rig.hpp"

/// The outbox in trouble while the destination is well: delivery must stop, not go round in
/// circles.
using namespace std::chrono_literals;
using namespace holdfast;
using support::RelayRig;

namespace {

/// The next delivery goes through, but its outcome cannot be written.
void deliver_without_settling(RelayRig& rig) {
  bool stopped = false;
  rig.destination.set_rule([&](auto) -> std::optional<DeliveryFailure> {
    if (!stopped) rig.stop_writer();
    stopped = true;
    return std::nullopt;
  });
  static_cast<void>(rig.relay->run_once());
  rig.destination.heal();
  REQUIRE(stopped);
}

}  // namespace

TEST_CASE("relay: after a settle that failed nothing is delivered until a settle works",
          "[relay][outbox]") {
  RelayRig::Options options;
  options.destination.batch_entries = 10;
  RelayRig rig(options);
  rig.append_many("a", 25);
  deliver_without_settling(rig);
  CHECK(rig.destination.rows().size() == 10);
  CHECK(rig.relay->run_once().next == rig.clock.steady_now() + 1s);
  for (int i = 0; i < 60; ++i) {
    rig.pass_time(1s);
    rig.relay->wake();
  }
  // The one behind it was claimed by then, and had gone.
  CHECK(rig.destination.calls().size() == 2);
  CHECK(rig.destination.rows().size() == 20);
  CHECK(rig.count(EntryState::pending) == 25);
  CHECK(rig.events("relay_outbox_failed").size() == 1);
  CHECK(rig.events("relay_outbox_failed").front().level == LogLevel::error);
  rig.start_writer();
  rig.pass_time(2s);
  CHECK(rig.batch_sizes() == std::vector<std::size_t>{10, 10, 5});
  CHECK(rig.events("relay_outbox_recovered").size() == 1);
  rig.everything_arrives();
}

TEST_CASE("relay: an outcome that died with the process is found again by sending once more",
          "[relay][outbox]") {
  RelayRig rig;
  rig.append_many("a", 25);
  deliver_without_settling(rig);
  rig.start_writer();
  rig.restart_relay();
  rig.everything_arrives();
  CHECK(rig.destination.rows().size() == 25);
  CHECK(rig.destination.calls().size() == 2);
}

TEST_CASE("relay: a dead letter that could not be written is written later, with its attempts",
          "[relay][outbox]") {
  RelayRig rig;
  const Uuid bad = rig.append("a", "bad");
  rig.append("a", "good");
  rig.destination.set_rule(
      [&, stopped = false](std::span<const Entry> batch) mutable -> std::optional<DeliveryFailure> {
        if (batch.size() == 1 && !std::exchange(stopped, true)) rig.stop_writer();
        if (batch.front().body != "bad") return std::nullopt;
        return support::failure_of(DeliveryClass::data, "22P02");
      });
  rig.pass_time(10s);
  CHECK(rig.find(bad).state == EntryState::pending);
  rig.start_writer();
  rig.pass_time(2s);
  CHECK(rig.find(bad).state == EntryState::dead);
  CHECK(rig.find(bad).attempts.size() == 2);
  rig.everything_arrives({"bad"});
}

TEST_CASE(
    "relay: an outbox that cannot be read stops delivery, is asked every second, and says so once",
    "[relay][outbox]") {
  RelayRig rig;
  rig.append_many("a", 3);
  rig.stop_writer();
  rig.outbox->close();
  for (int i = 0; i < 10; ++i) {
    CHECK(rig.relay->run_once().next == rig.clock.steady_now() + 1s);
    rig.clock.advance(1s);
  }
  CHECK(rig.destination.calls().empty());
  CHECK(rig.events("relay_outbox_failed").size() == 1);
}
