#include "observe/health.hpp"

#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>
#include <set>

#include "sample.hpp"

namespace {

using holdfast::DestinationState;
using holdfast::HealthSnapshot;
using holdfast::test::healthy;
using holdfast::test::sample_time;
using holdfast::test::troubled;
using nlohmann::json;

std::set<std::string> keys(const json& object) {
  std::set<std::string> names;
  for (const auto& [name, value] : object.items()) names.insert(name);
  return names;
}

json health_of(const HealthSnapshot& snapshot) {
  return json::parse(holdfast::observe::health_json(snapshot));
}

json status_of(const HealthSnapshot& snapshot) {
  return json::parse(holdfast::observe::status_json(snapshot, {"shop"}));
}

TEST_CASE("health: the document has the keys of the contract and no others", "[observe][health]") {
  for (const auto& document : {health_of(healthy()), health_of(troubled())}) {
    CHECK(keys(document) ==
          std::set<std::string>{"status", "outbox", "destination", "relay", "version", "node"});
    CHECK(keys(document["outbox"]) == std::set<std::string>{"pending", "dead",
                                                            "oldest_pending_age_seconds", "bytes",
                                                            "bytes_max"});
    CHECK(keys(document["destination"]) ==
          std::set<std::string>{"state", "last_success", "last_error", "retry_at"});
    CHECK(keys(document["relay"]) ==
          std::set<std::string>{"paused", "pause_reason", "paused_sources"});
  }
}

TEST_CASE("health: a working daemon's values, absent ones as null", "[observe][health]") {
  const auto document = health_of(healthy());
  CHECK(document["status"] == "ok");
  CHECK(document["version"] == "0.1.0");
  CHECK(document["node"] == "0b6f1a52-8f6a-4f43-9d1c-0f3f6f0a7c11");
  CHECK(document["outbox"]["pending"] == 3);
  CHECK(document["outbox"]["dead"] == 2);
  CHECK(document["outbox"]["oldest_pending_age_seconds"] == 1.5);
  CHECK(document["outbox"]["bytes"] == 4096);
  CHECK(document["outbox"]["bytes_max"] == 8589934592);
  CHECK(document["destination"]["state"] == "connected");
  CHECK(document["destination"]["last_success"] == "2026-11-23T22:29:20.123Z");
  CHECK(document["destination"]["last_error"].is_null());
  CHECK(document["destination"]["retry_at"].is_null());
  CHECK(document["relay"]["paused"] == false);
  CHECK(document["relay"]["pause_reason"].is_null());
  CHECK(document["relay"]["paused_sources"] == json::array());
}

TEST_CASE("health: trouble shows its error, its retry and the names of paused sources",
          "[observe][health]") {
  const auto document = health_of(troubled());
  CHECK(document["status"] == "degraded");
  CHECK(document["destination"]["state"] == "backing_off");
  CHECK(document["destination"]["last_error"] == "57P01 terminating connection");
  CHECK(document["destination"]["retry_at"] == "2026-11-23T22:29:25.123Z");
  CHECK(document["relay"]["paused"] == true);
  CHECK(document["relay"]["pause_reason"] == "configuration");
  CHECK(document["relay"]["paused_sources"] == json::array({"twilio", "whatsapp"}));
}

TEST_CASE("health: every destination state has its word and its status", "[observe][health]") {
  auto snapshot = healthy();
  const auto word_and_status = [&](DestinationState state) {
    snapshot.relay.state = state;
    const auto document = health_of(snapshot);
    return std::pair<std::string, std::string>{document["destination"]["state"],
                                               document["status"]};
  };
  using enum DestinationState;
  using Pair = std::pair<std::string, std::string>;
  CHECK(word_and_status(connected) == Pair{"connected", "ok"});
  CHECK(word_and_status(idle) == Pair{"idle", "ok"});
  CHECK(word_and_status(backing_off) == Pair{"backing_off", "degraded"});
  CHECK(word_and_status(paused) == Pair{"paused", "degraded"});
  CHECK(word_and_status(unconfigured) == Pair{"unconfigured", "degraded"});
}

TEST_CASE("health: only a daemon that cannot store answers 503", "[observe][health]") {
  using holdfast::observe::health_status_code;
  using holdfast::observe::ready_json;
  CHECK(health_status_code(healthy()) == 200);
  CHECK(health_status_code(troubled()) == 200);
  CHECK(json::parse(ready_json(healthy())) == json{{"status", "ok"}});
  CHECK(json::parse(ready_json(troubled())) == json{{"status", "degraded"}});

  auto full = healthy();
  full.outbox.can_store = false;
  full.outbox.cannot_store_reason = "the outbox is full";
  CHECK(health_status_code(full) == 503);
  CHECK(health_of(full)["status"] == "failing");
  CHECK(json::parse(ready_json(full)) == json{{"status", "failing"}, {"reason", "cannot_store"}});

  auto leaving = healthy();
  leaving.shutting_down = true;
  CHECK(health_status_code(leaving) == 503);
  CHECK(json::parse(ready_json(leaving)) ==
        json{{"status", "failing"}, {"reason", "shutting_down"}});
}

TEST_CASE("health: the lag is 0 with nothing pending, and never negative", "[observe][health]") {
  auto snapshot = healthy();
  snapshot.outbox.oldest_pending_received_at = std::nullopt;
  CHECK(holdfast::observe::oldest_pending_age_seconds(snapshot) == 0);
  snapshot.outbox.oldest_pending_received_at = sample_time() + std::chrono::hours(1);
  CHECK(holdfast::observe::oldest_pending_age_seconds(snapshot) == 0);
}

TEST_CASE("health: an error text that is not UTF-8 still makes valid JSON", "[observe][health]") {
  auto snapshot = troubled();
  snapshot.relay.last_error = "bad \xff byte";
  CHECK(health_of(snapshot)["destination"]["last_error"] == "bad \xEF\xBF\xBD byte");
}

TEST_CASE("status: the document has the keys of the contract and no others", "[observe][status]") {
  for (const auto& document : {status_of(healthy()), status_of(troubled())}) {
    CHECK(keys(document) == std::set<std::string>{"at", "sources", "status", "version", "node",
                                                  "outbox", "destination", "relay",
                                                  "delivered_by_source", "rates", "forecast"});
    CHECK(keys(document["rates"]) ==
          std::set<std::string>{"window_seconds", "accepted_per_second", "delivered_per_second"});
    CHECK(keys(document["forecast"]) == std::set<std::string>{"full_at", "full_in_seconds",
                                                              "growth_bytes_per_second",
                                                              "limited_by"});
    CHECK(keys(document["outbox"]) ==
          std::set<std::string>{"pending", "delivered", "dead", "discarded",
                                "oldest_pending_age_seconds", "bytes", "bytes_max",
                                "disk_free_bytes", "can_store", "cannot_store_reason"});
    CHECK(keys(document["destination"]) ==
          std::set<std::string>{"state", "last_success", "last_error", "last_error_at",
                                "failing_since", "retry_at", "drain_window_seconds",
                                "consecutive_failures", "connects"});
    CHECK(keys(document["relay"]) ==
          std::set<std::string>{"paused", "pause_reason", "paused_sources"});
  }
}

TEST_CASE("status: a working daemon's values", "[observe][status]") {
  const auto document = status_of(healthy());
  CHECK(document["outbox"]["pending"] == 3);
  CHECK(document["outbox"]["delivered"] == 40);
  CHECK(document["outbox"]["dead"] == 2);
  CHECK(document["outbox"]["discarded"] == 1);
  CHECK(document["outbox"]["disk_free_bytes"] == 5368709120);
  CHECK(document["outbox"]["can_store"] == true);
  CHECK(document["outbox"]["cannot_store_reason"].is_null());
  CHECK(document["destination"]["connects"] == 4);
  CHECK(document["destination"]["consecutive_failures"] == 0);
  CHECK(document["destination"]["last_error_at"].is_null());
  CHECK(document["relay"]["paused_sources"] == json::array());
  CHECK(document["delivered_by_source"] == json{{"twilio", 33}, {"gone", 7}});
}

TEST_CASE("status: trouble in full", "[observe][status]") {
  auto snapshot = troubled();
  snapshot.outbox.can_store = false;
  snapshot.outbox.cannot_store_reason = "the outbox is full";
  const auto document = status_of(snapshot);
  CHECK(document["status"] == "failing");
  CHECK(document["outbox"]["can_store"] == false);
  CHECK(document["outbox"]["cannot_store_reason"] == "the outbox is full");
  CHECK(document["destination"]["consecutive_failures"] == 5);
  CHECK(document["destination"]["last_error_at"] == "2026-11-23T22:29:21.123Z");
  const auto since = "2026-11-23T22:29:22.123Z";
  CHECK(
      document["relay"]["paused_sources"] ==
      json::array(
          {{{"source", "twilio"},
            {"reason", "poison_flood"},
            {"error", "23514 violates check constraint"},
            {"since", since}},
           {{"source", "whatsapp"}, {"reason", "timeout"}, {"error", nullptr}, {"since", since}}}));
}

TEST_CASE("status: the forecast has its time both ways, or null", "[observe][status]") {
  auto snapshot = healthy();
  CHECK(status_of(snapshot)["forecast"] == json{{"full_at", nullptr},
                                                {"full_in_seconds", nullptr},
                                                {"growth_bytes_per_second", 0.0},
                                                {"limited_by", nullptr}});
  snapshot.rates = {60, 1.5, 0.25};
  snapshot.forecast = {12000.5, 2.5, "disk_reserve"};
  const auto document = status_of(snapshot);
  CHECK(document["rates"] == json{{"window_seconds", 60.0},
                                  {"accepted_per_second", 1.5},
                                  {"delivered_per_second", 0.25}});
  CHECK(document["forecast"] == json{{"full_at", "2026-11-24T01:49:22.623Z"},
                                     {"full_in_seconds", 12000.5},
                                     {"growth_bytes_per_second", 2.5},
                                     {"limited_by", "disk_reserve"}});
}

TEST_CASE("status: nothing delivered yet is an empty object, not null", "[observe][status]") {
  CHECK(status_of(HealthSnapshot{})["delivered_by_source"] == json::object());
}

}  // namespace
