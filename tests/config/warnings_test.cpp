#include <catch2/catch_test_macros.hpp>

#include "fixture.hpp"

using namespace holdfast;
using namespace holdfast::config;
using namespace holdfast::config::test;

namespace {

std::string with_destination(std::string_view lines, const std::string& sources) {
  return std::format("[destination]\n{}\n{}", lines, sources);
}

}  // namespace

TEST_CASE("config: an economy window that keeps a compute awake is warned of",
          "[config][warning]") {
  const auto with = [](std::string_view window) {
    return warnings_of(
        with_destination(std::format("drain = \"economy\"\neconomy_window = \"{}\"", window),
                         std::string(one_source)));
  };
  CHECK(with("11m").empty());
  CHECK(
      with("659999ms") ==
      "warning: holdfast.toml:3: destination.economy_window: 659999ms keeps a compute awake: Neon "
      "suspends one after 5 idle minutes, so that it would hardly sleep between two drains; at "
      "least 11m let it sleep");
  CHECK_FALSE(with("1s").empty());
  CHECK(warnings_of(with_destination("drain = \"economy\"", std::string(one_source))).empty());
  CHECK(warnings_of(with_destination("economy_window = \"1s\"", std::string(one_source))).empty());
}

TEST_CASE("config: economy is read", "[config]") {
  const auto config = parse_text(with_destination(
      "drain = \"economy\"\neconomy_window = \"20m\"\nconnections = 64", source("a", "none")));
  REQUIRE(config);
  CHECK(config->destination.drain == Drain::economy);
  CHECK(config->destination.economy_window == std::chrono::minutes(20));
  CHECK(config->destination.connections == 64);
}

TEST_CASE("config: connections that can have no work are warned of", "[config][warning]") {
  const auto two = source("a", "none") + source("b", "none");
  CHECK(warnings_of(with_destination("connections = 2", source("a", "none"))) ==
        "warning: holdfast.toml:2: destination.connections: 2 connections, but no source has "
        "order_by, so that each source is delivered in order by one of them: 1 at the most will "
        "work; write order_by at a busy source, or fewer connections");
  CHECK(warnings_of(with_destination("connections = 2", two)).empty());
  CHECK_FALSE(warnings_of(with_destination("connections = 3", two)).empty());
  CHECK(warnings_of(with_destination("connections = 4", source("a", "none", "order_by = \"/id\"")))
            .empty());
  CHECK(warnings_of(source("a", "none", "order_by = \"/id\"")).empty());
}

TEST_CASE("config: warnings come in the order of the file", "[config][warning]") {
  const auto config =
      parse_text(source("a", "twilio", "secrets = \"x\"\nwrite = \"whatsapp\"") +
                 "[destination]\nconnections = 5\ndrain = \"economy\"\neconomy_window = \"5m\"\n");
  REQUIRE(config);
  REQUIRE(config->warnings.size() == 3);
  CHECK(config->warnings[0].line == 5);
  CHECK(config->warnings[1].line == 7);
  CHECK(config->warnings[2].line == 9);
}

TEST_CASE("config: the built-in defaults give no warning", "[config][warning]") {
  CHECK(built_in_defaults(environment_of({})).warnings.empty());
}

TEST_CASE("config: a statement that asks for a header that is never stored is warned of",
          "[config][write][warning]") {
  const auto with = [](std::string_view header) {
    return warnings_of(source(
        "a", "none",
        std::format("write = [{{ statement = \"SELECT $1::text\", parameters = [\"header:{}\"] }}]",
                    header)));
  };
  CHECK(with("X-Shop").empty());
  CHECK(with("authorization").contains("is never stored"));
  CHECK(with("Cookie").contains("write[0].parameters"));
}
