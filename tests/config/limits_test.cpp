#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "fixture.hpp"

using namespace holdfast;
using namespace holdfast::config::test;

namespace {

/// A key with the least and the most that it takes, and what lies just outside.
struct Limit {
  std::string_view section;
  std::string_view key;
  std::string_view below;
  std::string_view least;
  std::string_view most;
  std::string_view above;
  std::string_view range;
};

std::string line(std::string_view key, std::string_view value) {
  return std::format("{} = {}", key, value);
}

}  // namespace

TEST_CASE("config: every limit holds at its ends and is refused past them with its range",
          "[config][limits]") {
  const auto row = GENERATE(
      Limit{"ingress", "max_body", "\"0B\"", "\"1B\"", "\"64MiB\"", "\"67108865B\"", "1B to 64MiB"},
      Limit{"ingress", "max_connections", "0", "1", "10000", "10001", "1 to 10000"},
      Limit{"ingress", "max_open_connections", "0", "1", "1000000", "1000001", "1 to 1000000"},
      Limit{"ingress", "max_connections_per_address", "0", "1", "1000000", "1000001",
            "1 to 1000000"},
      Limit{"ingress", "max_headers", "0", "1", "1000", "1001", "1 to 1000"},
      Limit{"ingress", "max_header_bytes", "\"1023B\"", "\"1KiB\"", "\"512KiB\"", "\"513KiB\"",
            "1KiB to 512KiB"},
      Limit{"ingress", "max_uri", "\"63B\"", "\"64B\"", "\"64KiB\"", "\"65537B\"", "64B to 64KiB"},
      Limit{"ingress", "max_inflight_bytes", "\"1023B\"", "\"4MiB\"", "\"64GiB\"", "\"65GiB\"",
            "1KiB to 64GiB"},
      Limit{"ingress", "request_deadline", "\"99ms\"", "\"100ms\"", "\"10m\"", "\"601s\"",
            "100ms to 10m"},
      Limit{"ingress", "keep_alive_timeout", "\"999ms\"", "\"1s\"", "\"1h\"", "\"61m\"",
            "1s to 1h"},
      Limit{"ingress", "append_timeout", "\"9ms\"", "\"10ms\"", "\"5m\"", "\"301s\"", "10ms to 5m"},
      Limit{"outbox", "max_size", "\"1023KiB\"", "\"1MiB\"", "\"16384GiB\"", "\"16385GiB\"",
            "1MiB to 16384GiB"},
      Limit{"outbox", "disk_reserve", "\"-1B\"", "\"0B\"", "\"16384GiB\"", "\"16385GiB\"",
            "0B to 16384GiB"},
      Limit{"outbox", "keep_delivered", "\"-1s\"", "\"0ms\"", "\"3650d\"", "\"3651d\"",
            "0ms to 3650d"},
      Limit{"outbox", "keep_discarded", "\"-1s\"", "\"0ms\"", "\"3650d\"", "\"3651d\"",
            "0ms to 3650d"},
      Limit{"outbox", "dedupe_window", "\"-1s\"", "\"0ms\"", "\"3650d\"", "\"3651d\"",
            "0ms to 3650d"},
      Limit{"destination", "connections", "0", "1", "64", "65", "1 to 64"},
      Limit{"destination", "economy_window", "\"999ms\"", "\"1s\"", "\"24h\"", "\"25h\"",
            "1s to 24h"},
      Limit{"destination", "idle_close", "\"-1s\"", "\"0ms\"", "\"1h\"", "\"61m\"", "0ms to 1h"},
      Limit{"destination", "batch_entries", "0", "1", "10000", "10001", "1 to 10000"},
      Limit{"destination", "batch_bytes", "\"1023B\"", "\"1KiB\"", "\"64MiB\"", "\"65MiB\"",
            "1KiB to 64MiB"},
      Limit{"destination", "connect_timeout", "\"99ms\"", "\"100ms\"", "\"5m\"", "\"301s\"",
            "100ms to 5m"},
      Limit{"destination", "deliver_timeout", "\"99ms\"", "\"100ms\"", "\"10m\"", "\"601s\"",
            "100ms to 10m"},
      Limit{"destination", "backoff_initial", "\"9ms\"", "\"10ms\"", "\"30s\"", "\"61m\"",
            "10ms to 1h"},
      Limit{"destination", "backoff_max", "\"9ms\"", "\"200ms\"", "\"1h\"", "\"61m\"",
            "10ms to 1h"},
      Limit{"destination", "shutdown_timeout", "\"-1s\"", "\"0ms\"", "\"10m\"", "\"601s\"",
            "0ms to 10m"});
  CAPTURE(row.section, row.key);
  const std::string inflight = row.key == "max_body" ? "\nmax_inflight_bytes = \"64MiB\"" : "";
  CHECK(errors_in(row.section, line(row.key, row.least) + inflight) == "ok");
  CHECK(errors_in(row.section, line(row.key, row.most) + inflight) == "ok");
  const std::string prefix = std::format("holdfast.toml:2: {}.{}: ", row.section, row.key);
  for (const auto value : {row.below, row.above}) {
    CAPTURE(value);
    const std::string errors = errors_in(row.section, line(row.key, value));
    CHECK(errors.starts_with(prefix));
    CHECK_FALSE(errors.contains('\n'));
    if (!value.starts_with("\"-"))
      CHECK(errors.contains("is out of range; write " + std::string(row.range)));
  }
}

TEST_CASE("config: limits that depend on each other are checked", "[config][limits]") {
  CHECK(errors_in("ingress", "max_inflight_bytes = \"3MiB\"") ==
        "holdfast.toml:2: ingress.max_inflight_bytes: 3MiB is less than max_body (4MiB), so that a "
        "large body would never fit; write at least max_body");
  CHECK(
      errors_in("destination", "backoff_max = \"100ms\"") ==
      "holdfast.toml:2: destination.backoff_max: 100ms is less than backoff_initial (200ms); write "
      "at least that");
  CHECK(
      errors_of("[ingress]\nmax_body = \"1KiB\"\nmax_inflight_bytes = \"1MiB\"\n[[source]]\nname = "
                "\"a\"\nprovider = \"none\"\nmax_body = \"2MiB\"\n")
          .starts_with("holdfast.toml:7: source[a].max_body: 2MiB is more than "
                       "ingress.max_inflight_bytes (1MiB)"));
}

TEST_CASE("config: the smallest values all together load", "[config][limits]") {
  const auto config = parse_text(
      "[ingress]\nmax_body=\"1B\"\nmax_inflight_bytes=\"1KiB\"\n[outbox]\nmax_size=\"1MiB\"\n"
      "[destination]\nbackoff_initial=\"10ms\"\nbackoff_max=\"10ms\"\n" +
      std::string(one_source));
  REQUIRE(config);
  CHECK(config->ingress.max_body_bytes == 1);
  CHECK(config->ingress.max_inflight_bytes == 1024);
  CHECK(config->outbox.max_size_bytes == mib);
  CHECK(config->destination.backoff_max == std::chrono::milliseconds(10));
}

TEST_CASE("config: a wrong type is refused with the right one", "[config][limits]") {
  struct Row {
    std::string_view section;
    std::string_view line;
    std::string_view message;
  };
  const auto row = GENERATE(
      Row{"ingress", "max_body = 4194304",
          "max_body: is an integer; write a size with its unit, such as "
          "\"4MiB\""},
      Row{"ingress", "request_deadline = 10",
          "request_deadline: is an integer; write a duration with its unit, such as \"10s\""},
      Row{"ingress", "request_deadline = \"10\"", "request_deadline: \"10\" has no unit"},
      Row{"ingress", "max_connections = \"256\"",
          "max_connections: is a string; write a whole number without quotes, 1 to 10000"},
      Row{"ingress", "max_connections = 1.5", "max_connections: is a fraction"},
      Row{"ingress", "max_connections = -1",
          "max_connections: -1 is out of range; write 1 to 10000"},
      Row{"ingress", "listen = 8080", "listen: is an integer; write a string in quotes"},
      Row{"ingress", "trusted_proxies = 1",
          "trusted_proxies: is an integer; write an array of strings"},
      Row{"ingress", "trusted_proxies = [\"::1\", 2]",
          "trusted_proxies[1]: is an integer; write a string in quotes"},
      Row{"outbox", "allow_unsafe_filesystem = \"yes\"",
          "allow_unsafe_filesystem: is a string; write true or false"},
      Row{"outbox", "path = true", "path: is a boolean"},
      Row{"outbox", "keep_delivered = 2026-01-01", "keep_delivered: is a date or time"},
      Row{"destination", "migrate = 1", "migrate: is an integer; write true or false"},
      Row{"log", "level = [\"info\"]", "level: is an array"},
      Row{"log", "level = {}", "level: is a table"});
  CAPTURE(row.line);
  const std::string errors = errors_in(row.section, row.line);
  CHECK(errors.starts_with(std::format("holdfast.toml:2: {}.{}", row.section, row.message)));
}

TEST_CASE("config: values of a closed set are refused with a suggestion", "[config][limits]") {
  CHECK(
      errors_in("log", "level = \"warning\"") ==
      "holdfast.toml:2: log.level: \"warning\" is not known; known here: debug, info, warn, error");
  CHECK(errors_in("log", "level = \"inof\"") ==
        "holdfast.toml:2: log.level: \"inof\" is not known; did you mean \"info\"?");
  CHECK(errors_in("log", "format = \"jsno\"").contains("did you mean \"json\"?"));
  CHECK(errors_in("destination", "drain = \"eagre\"").contains("did you mean \"eager\"?"));
}

TEST_CASE("config: an outbox that SQLite would not keep is refused", "[config][limits]") {
  for (const auto* path : {"", ":memory:", "file:x.db?mode=memory"}) {
    CHECK(errors_in("outbox", std::format("path = \"{}\"", path)).contains("names no file"));
  }
  CHECK(errors_in("outbox", "path = \"a\\u0000b\"").contains("holds a NUL character"));
}
