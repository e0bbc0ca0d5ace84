#include "config/quantity.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

using namespace holdfast::config;
using namespace std::chrono_literals;

TEST_CASE("config: a duration is a whole number with a unit", "[config][quantity]") {
  CHECK(parse_duration("0ms") == 0ms);
  CHECK(parse_duration("200ms") == 200ms);
  CHECK(parse_duration("10s") == 10s);
  CHECK(parse_duration("5m") == 5min);
  CHECK(parse_duration("24h") == 24h);
  CHECK(parse_duration("7d") == 168h);
}

TEST_CASE("config: a size is a whole number with a binary unit", "[config][quantity]") {
  CHECK(parse_size("0B") == 0);
  CHECK(parse_size("1B") == 1);
  CHECK(parse_size("16KiB") == 16384);
  CHECK(parse_size("4MiB") == 4194304);
  CHECK(parse_size("8GiB") == 8589934592);
}

TEST_CASE("config: a quantity that is not one says why and what to write", "[config][quantity]") {
  struct Row {
    std::string_view text;
    std::string_view why;
  };
  const auto row =
      GENERATE(Row{"", "is empty"}, Row{"10", "has no unit"}, Row{"-1s", "is negative"},
               Row{"s", "does not begin with a digit"}, Row{"+1s", "does not begin with a digit"},
               Row{"1.5h", "is not a whole number"}, Row{"1,5h", "is not a whole number"},
               Row{"10 s", "unknown unit"}, Row{"10sec", "unknown unit"},
               Row{"1h30m", "unknown unit"}, Row{"10S", "unknown unit"},
               Row{"10MiB", "unknown unit"}, Row{"99999999999999999999s", "is too large"},
               Row{"9223372036854775807s", "is too large"}, Row{"106751991168d", "is too large"});
  CAPTURE(row.text);
  const auto parsed = parse_duration(row.text);
  REQUIRE_FALSE(parsed);
  CHECK(parsed.error().contains(row.why));
  CHECK((parsed.error().contains("\"10s\"") || parsed.error().contains("ms, s, m, h or d")));
}

TEST_CASE("config: decimal units of size are refused with the binary ones", "[config][quantity]") {
  for (const auto* text : {"4MB", "4M", "4mib", "4TiB", "4s"}) {
    const auto parsed = parse_size(text);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().contains("the units are B, KiB, MiB or GiB"));
  }
  CHECK_FALSE(parse_size("9007199254740992GiB"));
  CHECK(parse_size("9223372036854775807B") == 9223372036854775807ULL);
  CHECK_FALSE(parse_size("9223372036854775808B"));
}

TEST_CASE("config: a quantity reads back from its own text", "[config][quantity]") {
  CHECK(duration_text(0ms) == "0ms");
  CHECK(duration_text(1500ms) == "1500ms");
  CHECK(duration_text(90s) == "90s");
  CHECK(duration_text(24h) == "24h");
  CHECK(duration_text(48h) == "2d");
  CHECK(duration_text(25h) == "25h");
  CHECK(size_text(0) == "0B");
  CHECK(size_text(1023) == "1023B");
  CHECK(size_text(16384) == "16KiB");
  CHECK(size_text(8589934592) == "8GiB");
  for (const auto duration : {1ms, 999ms, 1000ms, 61'000ms, 3'600'000ms, 604'800'000ms})
    CHECK(parse_duration(duration_text(duration)) == duration);
  for (const std::uint64_t bytes : {1ULL, 1025ULL, 4194304ULL, 274877906944ULL})
    CHECK(parse_size(size_text(bytes)) == bytes);
}
