#include "base/entry_json.hpp"

#include <catch2/catch_test_macros.hpp>

#include "entry_fixture.hpp"

using namespace holdfast;
using namespace holdfast::cli;
using namespace holdfast::cli::test;

TEST_CASE("cli: an entry as JSON has the keys of the contract", "[cli][entry]") {
  const auto document = base::entry_json(dead_entry(), false);
  std::vector<std::string> keys;
  for (const auto& [key, value] : document.items()) keys.push_back(key);
  CHECK(keys == std::vector<std::string>{"id",
                                         "seq",
                                         "source",
                                         "dedupe_key",
                                         "state",
                                         "held",
                                         "received_at",
                                         "settled_at",
                                         "body_bytes",
                                         "body_sha256",
                                         "payload_kept",
                                         "reason",
                                         "sqlstate",
                                         "constraint",
                                         "error",
                                         "duplicate_of",
                                         "conflicts_with",
                                         "replay_of",
                                         "method",
                                         "target",
                                         "remote_address",
                                         "content_type",
                                         "traceparent",
                                         "headers",
                                         "body_base64",
                                         "body_text",
                                         "order_hash",
                                         "attempts"});
  CHECK(document["id"] == "0190a0b0-0000-7000-8000-000000000007");
  CHECK(document["seq"] == 7);
  CHECK(document["state"] == "dead");
  CHECK(document["received_at"] == "2026-11-23T22:29:22.123Z");
  CHECK(document["body_base64"] == "YT0xJmI9Mg==");
  CHECK(document["body_text"] == "a=1&b=2");
  CHECK(document["headers"][0] == nlohmann::ordered_json::array({"Host", "h"}));
  CHECK(document["headers"][1][1] == "ÿ\x1b[0m");
  CHECK(document["traceparent"].is_null());
  CHECK(document["attempts"][0] == nlohmann::ordered_json{{"at", "2026-11-23T22:29:59.000Z"},
                                                          {"sqlstate", "23514"},
                                                          {"class", "data"},
                                                          {"error", "new row violates check"}});
}

TEST_CASE("cli: a summary as JSON has null where nothing is known", "[cli][entry]") {
  const auto document = base::summary_json(pending_entry(), std::nullopt);
  for (const auto* key : {"dedupe_key", "held", "settled_at", "reason", "sqlstate", "constraint",
                          "error", "duplicate_of", "conflicts_with", "replay_of"})
    CHECK(document[key].is_null());
  CHECK_FALSE(document.contains("body_base64"));
  CHECK(base::summary_json(pending_entry(), true)["held"] == true);
}

TEST_CASE("cli: a body that is not UTF-8 comes as base64 alone", "[cli][entry]") {
  auto entry = dead_entry();
  entry.body = "\xff\x01";
  CHECK(base::entry_json(entry, false)["body_base64"] == "/wE=");
  CHECK_FALSE(base::entry_json(entry, false).contains("body_text"));
  entry.payload_kept = false;
  CHECK(base::entry_json(entry, false)["body_base64"].is_null());
  CHECK(base::entry_json(entry, false)["headers"].is_null());
}

TEST_CASE("cli: JSON is well formed whatever an error message holds", "[cli][entry]") {
  auto entry = dead_entry();
  entry.error = "\xff\n\"";
  const auto text = base::document_text(base::summary_json(entry, false));
  CHECK(nlohmann::json::accept(text));
  CHECK(text.ends_with("}\n"));
}
