#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

#include "entry_fixture.hpp"
#include "outbox_rig.hpp"

using namespace holdfast;
using namespace holdfast::cli::test;
using nlohmann::json;

namespace {

std::vector<std::string> ids_of(const json& document) {
  std::vector<std::string> ids;
  for (const auto& entry : document["entries"]) ids.push_back(entry["id"]);
  return ids;
}

}  // namespace

TEST_CASE("cli: outbox list prints the newest first", "[cli][process][outbox]") {
  const OutboxRig rig;
  const auto result = rig.run({"list"});
  CAPTURE(result.err);
  CHECK(result.exit_code == 0);
  const std::string gap(36 - 2, ' ');
  CHECK(result.out ==
        "ID" + gap + "  STATE      SOURCE  RECEIVED                  BYTES  KEY          ERROR\n" +
            rig.ids()[3] +
            "  pending    gone    2026-11-23T22:29:25.123Z      6  -            held: no such "
            "source\n" +
            rig.ids()[2] + "  pending    plain   2026-11-23T22:29:24.123Z      5  -\n" +
            rig.ids()[1] +
            "  dead       plain   2026-11-23T22:29:23.123Z      8  \\x1b[2Jevil  data_error 23514 "
            "inbox_check new row violates check\n" +
            rig.ids()[0] + "  delivered  plain   2026-11-23T22:29:22.123Z     10  key-1\n");
}

TEST_CASE("cli: outbox list filters", "[cli][process][outbox]") {
  const OutboxRig rig;
  const auto only = [&](std::vector<std::string> filter) {
    filter.insert(filter.begin(), "list");
    return ids_of(rig.run_json(std::move(filter)));
  };
  const auto& ids = rig.ids();
  CHECK(only({"--state", "dead"}) == std::vector{ids[1]});
  CHECK(only({"--state", "discarded"}).empty());
  CHECK(only({"--source", "gone"}) == std::vector{ids[3]});
  CHECK(only({"--source", "never"}).empty());
  CHECK(only({"--key", "key-1"}) == std::vector{ids[0]});
  CHECK(only({"--sqlstate", "23514"}) == std::vector{ids[1]});
  CHECK(only({"--since", "2026-11-23T22:29:24Z", "--order", "oldest"}) ==
        std::vector{ids[2], ids[3]});
  CHECK(only({"--until", "2026-11-23T22:29:23Z"}) == std::vector{ids[0]});
  CHECK(only({"--order", "oldest"}) == ids);
}

TEST_CASE("cli: outbox list goes on at its cursor to the end", "[cli][process][outbox]") {
  const OutboxRig rig;
  for (const std::string order : {"newest", "oldest"}) {
    std::vector<std::string> seen;
    std::vector<std::string> arguments{"list", "--limit", "2", "--order", order};
    const auto first = rig.run_json(arguments);
    std::ranges::copy(ids_of(first), std::back_inserter(seen));
    REQUIRE(first["next_cursor"].is_string());
    arguments.insert(arguments.end(), {"--cursor", first["next_cursor"]});
    const auto second = rig.run_json(arguments);
    std::ranges::copy(ids_of(second), std::back_inserter(seen));
    CHECK(second["next_cursor"].is_null());
    if (order == "newest") std::ranges::reverse(seen);
    CHECK(seen == rig.ids());
  }
  CHECK(rig.run({"list", "--limit", "2"}).out.contains("more: add --cursor "));
}

TEST_CASE("cli: outbox list as JSON has the shape of the contract", "[cli][process][outbox]") {
  const OutboxRig rig;
  const auto document = rig.run_json({"list"});
  REQUIRE(document["entries"].size() == 4);
  CHECK(document["next_cursor"].is_null());
  CHECK(document["entries"][0]["held"] == true);
  CHECK(document["entries"][1]["held"] == false);
  const auto& dead = document["entries"][2];
  CHECK(dead["seq"] == 2);
  CHECK(dead["dedupe_key"] == "\x1b[2Jevil");
  CHECK(dead["constraint"] == "inbox_check");
  CHECK(dead["body_bytes"] == 8);
  CHECK_FALSE(dead.contains("body_base64"));
}

TEST_CASE("cli: outbox show gives one entry with its payload", "[cli][process][outbox]") {
  const OutboxRig rig;
  const auto document = rig.run_json({"show", rig.ids()[1]});
  CHECK(document["state"] == "dead");
  CHECK(document["headers"] == json::array({{"Host", "h"}, {"X-A", "b"}}));
  CHECK(document["body_base64"] == base::to_base64({"\xff\x1b[31m\0x", 8}));
  CHECK_FALSE(document.contains("body_text"));
  REQUIRE(document["attempts"].size() == 1);
  CHECK(document["attempts"][0]["class"] == "data");
  CHECK(rig.run_json({"show", rig.ids()[0]})["body_text"] == "first body");
  const auto text = rig.run({"show", rig.ids()[1]});
  CHECK(text.exit_code == 0);
  CHECK(text.out.contains("why             data_error 23514 inbox_check"));
  CHECK(text.out.contains("request         POST /ingest/plain"));
  CHECK_FALSE(text.out.contains('\x1b'));
}

TEST_CASE("cli: outbox show --body gives the exact bytes", "[cli][process][outbox]") {
  const OutboxRig rig;
  const auto result = rig.run({"show", rig.ids()[1], "--body"});
  CHECK(result.exit_code == 0);
  CHECK(result.out == std::string("\xff\x1b[31m\0x", 8));
}

TEST_CASE("cli: an entry that is not there is a failure", "[cli][process][outbox]") {
  const OutboxRig rig;
  const auto result = rig.run({"show", "0190a0b0-0000-7000-8000-000000000007"});
  CHECK(result.exit_code == 1);
  CHECK(result.out.empty());
  CHECK(result.err.contains("has no such entry"));
}

TEST_CASE("cli: --outbox reads a file without any configuration", "[cli][process][outbox]") {
  const OutboxRig rig;
  support::write_file(rig.folder().file("holdfast.toml"), "broken");
  const auto broken = rig.run({"list"});
  CHECK(broken.exit_code == 2);
  CHECK(broken.err.contains("add --outbox FILE"));
  const auto document = rig.run_json({"list", "--outbox", rig.folder().file("holdfast.db")});
  CHECK(document["entries"].size() == 4);
  CHECK(document["entries"][0]["held"].is_null());
  const auto missing = rig.run({"list", "--outbox", rig.folder().file("none.db")});
  CHECK(missing.exit_code == 1);
  CHECK(missing.err.starts_with("holdfast: "));
}
