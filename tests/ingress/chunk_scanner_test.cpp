#include "ingress/chunk_scanner.hpp"

#include <catch2/catch_get_random_seed.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <random>
#include <string>

using namespace holdfast::ingress;

namespace {

/// What became of a body that arrives in pieces of this size.
std::string outcome(std::string_view body, std::size_t piece = 1'000'000) {
  ChunkScanner scanner;
  std::size_t used = 0;
  while (used < body.size() && !scanner.complete()) {
    const auto belonging = scanner.accept(body.substr(used, piece));
    if (!belonging) return "fault " + std::to_string(belonging.error().status);
    used += *belonging;
  }
  return (scanner.complete() ? "complete " : "waiting ") + std::to_string(used);
}

}  // namespace

TEST_CASE("chunks: a body ends where it ends, whatever its pieces", "[ingress][chunks]") {
  const std::string body = GENERATE(
      "0\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n", "005\r\nhello\r\nA\r\n0123456789\r\n00\r\n\r\n",
      "5;name=value\r\nhello\r\n0;last\r\n\r\n", "5;\"a b\"\r\nhello\r\n0\r\n\r\n",
      "1\r\n\n\r\n0\r\n\r\n", "0\r\nX-Sum: 1\r\nY: 2\r\n\r\n");
  const auto piece = GENERATE(1U, 2U, 3U, 7U, 1000U);
  CAPTURE(body, piece);
  CHECK(outcome(body, piece) == "complete " + std::to_string(body.size()));
  CHECK(outcome(body + "POST / HTTP/1.1\r\n", piece) == "complete " + std::to_string(body.size()));
}

TEST_CASE("chunks: framing that two readers could understand differently is 400",
          "[ingress][chunks][smuggling]") {
  const std::string body =
      GENERATE("\r\n", "g\r\n", "-1\r\n", "+5\r\nhello\r\n", " 5\r\nhello\r\n", "0x5\r\nhello\r\n",
               "5 \r\nhello\r\n", "5\nhello\r\n", "5\r\rhello\r\n", "5\r\nhello!\r\n",
               "5\r\nhello\n0\r\n", "5\r\nhello\rx", "5\r\nhelloX\n", "5;a\nb\r\n", "5;\x01\r\n",
               "0\r\n x: y\r\n\r\n", "0\r\nx: y\nz\r\n\r\n", "0\r\n\rx", "0\r\nx\x01: y\r\n\r\n",
               "0\r\nx\r\n\r\n", "0\r\n: y\r\n\r\n", "0\r\nx : y\r\n\r\n", "0\r\nx\xE4: y\r\n\r\n",
               "5,\r\nhello\r\n", "FFFFFFFFFFFFFFFF\r\n", "10000000000000005\r\nhello\r\n");
  const auto piece = GENERATE(1U, 1000U);
  CAPTURE(body, piece);
  CHECK(outcome(body, piece) == "fault 400");
}

TEST_CASE("chunks: extensions and trailers have an end", "[ingress][chunks][limits]") {
  CHECK(outcome("1;" + std::string(200, 'x') + "\r\na\r\n0\r\n\r\n").starts_with("complete"));
  CHECK(outcome("1;" + std::string(300, 'x')) == "fault 400");
  CHECK(outcome("0\r\nX: " + std::string(8000, 'x') + "\r\n\r\n").starts_with("complete"));
  CHECK(outcome("0\r\nX: " + std::string(9000, 'x')) == "fault 400");
}

TEST_CASE("chunks: pieces make no difference, whatever is mutated", "[ingress][chunks][fuzz]") {
  std::mt19937 random(Catch::getSeed());
  const auto below = [&](std::size_t end) {
    return std::uniform_int_distribution<std::size_t>(0, end - 1)(random);
  };
  const std::string good = "5;a=b\r\nhello\r\n12\r\n0123456789abcdefgh\r\n0\r\nX: y\r\n\r\n";
  constexpr std::string_view likely = "\r\n ;0159aFx-\0";
  for (int round = 0; round < 20'000; ++round) {
    std::string text = good;
    for (std::size_t edits = 1 + below(3); edits > 0; --edits)
      text[below(text.size())] = likely[below(likely.size())];
    const auto whole = outcome(text);
    if (outcome(text, 1) != whole || outcome(text, 4) != whole) FAIL("differs: " << text);
  }
}
