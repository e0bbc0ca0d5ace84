#include "holdfast/health.hpp"

#include <catch2/catch_test_macros.hpp>

#include "holdfast/config.hpp"
#include "holdfast/entry.hpp"

using namespace holdfast;

TEST_CASE("health: only what cannot store is failing; whatever keeps entries back is degraded",
          "[base]") {
  HealthSnapshot snapshot;
  snapshot.relay.state = DestinationState::idle;
  CHECK(snapshot.status() == HealthStatus::ok);
  snapshot.relay.state = DestinationState::connected;
  CHECK(snapshot.status() == HealthStatus::ok);
  for (const auto state :
       {DestinationState::backing_off, DestinationState::paused, DestinationState::unconfigured}) {
    snapshot.relay.state = state;
    CHECK(snapshot.status() == HealthStatus::degraded);
  }
  snapshot.relay.state = DestinationState::connected;
  snapshot.relay.paused_sources.push_back({"a", "poison_flood", "", {}});
  CHECK(snapshot.status() == HealthStatus::degraded);
  snapshot.outbox.can_store = false;
  CHECK(snapshot.status() == HealthStatus::failing);
  snapshot.outbox.can_store = true;
  snapshot.shutting_down = true;
  CHECK(snapshot.status() == HealthStatus::failing);
}

TEST_CASE("names: entry states go both ways", "[base]") {
  for (const auto state : all_entry_states) CHECK(parse_entry_state(to_string(state)) == state);
  CHECK_FALSE(parse_entry_state("Pending"));
}

TEST_CASE("config: listen addresses know whether they are loopback", "[base]") {
  CHECK(ListenAddress{"127.0.0.1", 1}.is_loopback());
  CHECK(ListenAddress{"::1", 1}.is_loopback());
  CHECK(ListenAddress{"localhost", 1}.is_loopback());
  CHECK_FALSE(ListenAddress{"0.0.0.0", 1}.is_loopback());
  CHECK(ListenAddress{"127.255.0.1", 1}.is_loopback());
  CHECK_FALSE(ListenAddress{"10.0.0.1", 1}.is_loopback());
  CHECK_FALSE(ListenAddress{"127.example.com", 1}.is_loopback());
  CHECK(ListenAddress{"::1", 80}.to_string() == "[::1]:80");
}
