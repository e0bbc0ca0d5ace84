#include "cli/status_text.hpp"

#include <catch2/catch_test_macros.hpp>

#include "cli/admin_client.hpp"
#include "entry_fixture.hpp"

using namespace holdfast;
using namespace holdfast::cli;
using namespace holdfast::cli::test;
using nlohmann::json;

namespace {

const json whole = json::parse(R"({
  "status": "degraded", "version": "0.1.0", "node": "6a1c1f7e-0000-4000-8000-000000000000",
  "outbox": {"pending": 1234, "delivered": 7, "dead": 3, "discarded": 0, "oldest_pending_age_seconds": 125.4,
             "bytes": 12897484, "bytes_max": 8589934592, "disk_free_bytes": 107374182400,
             "can_store": true, "cannot_store_reason": ""},
  "destination": {"state": "backing_off", "last_success": "2026-11-23T21:50:00.000Z",
                  "last_error": "08006 connection refused", "last_error_at": "2026-11-23T21:59:50.000Z",
                  "retry_at": "2026-11-23T22:00:12.000Z", "consecutive_failures": 5, "connects": 2},
  "relay": {"paused": false, "pause_reason": null,
            "paused_sources": [{"source": "twilio", "reason": "configuration", "error": "42P01 no table",
                                "since": "2026-11-23T21:00:00.000Z"}]},
  "delivered_by_source": {"twilio": 7}
})");

}  // namespace

TEST_CASE("cli: the status is a few lines that say what matters", "[cli][status]") {
  CHECK(
      status_text(whole, time_at("2026-11-23T22:00:00Z"), {}) ==
      "status       degraded; version 0.1.0; node 6a1c1f7e-0000-4000-8000-000000000000\n"
      "backlog      1234 pending; oldest 2m 5s\n"
      "settled      3 dead; 0 discarded; 7 delivered\n"
      "outbox       12.3 MiB of 8 GiB; 100 GiB free on the disk\n"
      "destination  backing_off; next try 2026-11-23T22:00:12.000Z (in 12s); 5 failures in a row\n"
      "last success 2026-11-23T21:50:00.000Z (10m 0s ago)\n"
      "last error   08006 connection refused; 2026-11-23T21:59:50.000Z (10s ago)\n"
      "paused       source twilio; configuration; 42P01 no table; since 2026-11-23T21:00:00.000Z "
      "(1h 0m "
      "ago)\n");
}

TEST_CASE("cli: a daemon that gathers says when it will wake the database", "[cli][status]") {
  auto document = whole;
  document["destination"]["state"] = "idle";
  document["destination"]["consecutive_failures"] = 0;
  CHECK(status_text(document, time_at("2026-11-23T22:00:00Z"), {})
            .contains("idle; gathering, next drain 2026-11-23T22:00:12.000Z (in 12s)\n"));
}

TEST_CASE("cli: a status with rates and a forecast tells them", "[cli][status]") {
  auto document = whole;
  document["rates"] = {
      {"window_seconds", 60}, {"accepted_per_second", 1.5}, {"delivered_per_second", 120.4}};
  document["forecast"] = {{"full_at", "2026-11-24T01:20:00.000Z"},
                          {"full_in_seconds", 12000.0},
                          {"growth_bytes_per_second", 1048576.0},
                          {"limited_by", "max_size"}};
  const auto now = time_at("2026-11-23T22:00:00Z");
  const auto text = status_text(document, now, {});
  CHECK(text.contains(
      "rates        accepted 1.5/s; delivered 120/s; over the last 1m 0s\n"
      "forecast     full at 2026-11-24T01:20:00.000Z (in 3h 20m); limit max_size; growing 1 "
      "MiB/s\n"));
  document["forecast"] = {{"full_at", "2026-11-23T22:00:00.000Z"},
                          {"full_in_seconds", 0.0},
                          {"growth_bytes_per_second", 0.0},
                          {"limited_by", "max_size"}};
  CHECK(status_text(document, now, {})
            .contains("forecast     full: writes are refused; limit max_size\n"));
  auto failing = document;
  failing["destination"] = {{"state", "backing_off"},
                            {"failing_since", "2026-11-23T21:00:00.000Z"}};
  CHECK(status_text(failing, now, {})
            .contains(
                "backing_off; nothing gets through since 2026-11-23T21:00:00.000Z (1h 0m ago)\n"));
  document["forecast"] = {{"full_at", nullptr}, {"growth_bytes_per_second", 0.0}};
  CHECK(status_text(document, now, {}).contains("forecast     not filling up\n"));
  document["forecast"] = nullptr;
  document["rates"] = 3;
  CHECK(status_text(document, now, {}) == status_text(whole, now, {}));
}

TEST_CASE("cli: a daemon that cannot store says so loudly", "[cli][status]") {
  auto document = whole;
  document["outbox"]["can_store"] = false;
  document["outbox"]["cannot_store_reason"] = "disk_reserve";
  document["relay"]["paused"] = true;
  document["relay"]["pause_reason"] = "operator";
  const auto text = status_text(document, {}, {});
  CHECK(text.contains("CANNOT STORE: disk_reserve"));
  CHECK(text.contains("paused       the destination: operator"));
}

TEST_CASE("cli: missing and odd keys of a status are left out", "[cli][status]") {
  CHECK(status_text(json::object(), {}, {}).empty());
  CHECK(status_text(json::array(), {}, {}).empty());
  const json flat = whole.flatten();
  // Each value of the document, replaced by values of every other type, one at a time.
  const std::vector<json> odd_values{
      nullptr, true, -1, 1e300, "", "x", json::array({1}), json::object({{"a", 1}})};
  for (const auto& odd : odd_values) {
    for (const auto& [path, value] : flat.items()) {
      auto document = whole;
      document[json::json_pointer(path)] = odd;
      CHECK_FALSE(status_text(document, {}, {}).empty());
    }
    for (const auto* key : {"outbox", "destination", "relay"}) {
      auto document = whole;
      document[key] = odd;
      CHECK_FALSE(status_text(document, {}, {}).empty());
    }
  }
}

TEST_CASE("cli: what the daemon quotes cannot drive the terminal", "[cli][status]") {
  auto document = whole;
  document["destination"]["last_error"] = "\x1b[2J";
  document["status"] = "\x1b[0m";
  CHECK_FALSE(status_text(document, {}, {}).contains('\x1b'));
  CHECK(status_text(whole, {}, {.width = {}, .colour = true}).contains("\x1b[33mdegraded\x1b[0m"));
}

TEST_CASE("cli: a wildcard listener is asked on loopback", "[cli][status]") {
  CHECK(admin_url({"0.0.0.0", 9090}) == "http://127.0.0.1:9090");
  CHECK(admin_url({"::", 9090}) == "http://[::1]:9090");
  CHECK(admin_url({"10.0.0.1", 1}) == "http://10.0.0.1:1");
}
