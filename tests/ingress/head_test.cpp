#include "ingress/head.hpp"

#include <catch2/catch_get_random_seed.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <format>
#include <limits>
#include <random>

#include "requests.hpp"

using namespace holdfast;
using namespace holdfast::ingress;
using namespace holdfast::ingress::test;

namespace {

std::string with_headers(std::string_view lines) {
  return std::format("POST /a HTTP/1.1\r\nHost: h\r\n{}\r\n", lines);
}

std::string with_target_of(std::size_t bytes) {
  return std::format("GET /{} HTTP/1.1\r\nHost: h\r\n\r\n", std::string(bytes - 1, 'x'));
}

}  // namespace

TEST_CASE("head: it is kept as received, in order, with raw values", "[ingress][head]") {
  const auto head = parse(
      "POST /a%2Fb/c?x=%41+1&y HTTP/1.1\r\nhOsT: example.com:8080\r\nX-Two:  a%20b \t \r\n"
      "X-Empty:\r\nx-two: \xC3\xA9\xFF\r\nContent-Length: 007\r\n\r\n");
  REQUIRE(head);
  CHECK(head->method == "POST");
  CHECK(head->target == "/a%2Fb/c?x=%41+1&y");
  CHECK(head->path() == "/a%2Fb/c");
  CHECK(head->query() == "x=%41+1&y");
  CHECK(head->host == "example.com:8080");
  CHECK(head->content_length == 7);
  CHECK(head->version_minor == 1);
  CHECK(head->keep_alive);
  CHECK_FALSE(head->chunked);
  CHECK(head->headers == std::vector<Header>{{"hOsT", "example.com:8080"},
                                             {"X-Two", "a%20b"},
                                             {"X-Empty", ""},
                                             {"x-two", "\xC3\xA9\xFF"},
                                             {"Content-Length", "007"}});
  CHECK_FALSE(head->only("X-TWO"));
  CHECK(head->first("x-TWO") == "a%20b");
  CHECK(head->only("content-length") == "007");
}

TEST_CASE("head: it may arrive byte by byte, and ends where it ends", "[ingress][head]") {
  const std::string text = with_headers("Content-Length: 3\r\n");
  const std::string received = text + "abcGET / HTTP/1.1\r\n";
  HeadParser parser({});
  for (std::size_t size = 0; size < text.size(); ++size) {
    const auto complete = parser.advance(received.substr(0, size));
    REQUIRE(complete);
    CHECK_FALSE(*complete);
  }
  CHECK(parser.advance(received).value());
  CHECK(parser.size() == text.size());
}

TEST_CASE("head: one empty line before a request is left over by old clients, two are a fault",
          "[ingress][head]") {
  HeadParser parser({});
  CHECK(parser.empty());
  CHECK_FALSE(parser.advance("\r\n").value());
  CHECK(parser.empty());
  CHECK(status_of("\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n") == 200);
  CHECK(status_of("\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n") == 400);
}

TEST_CASE("head: malformed HTTP is 400", "[ingress][head]") {
  const std::string text =
      GENERATE("GET / HTTP/1.1\nHost: h\n\n",                      // bare LF
               "GET / HTTP/1.1\r\nHost: h\r\nA: b\nC: d\r\n\r\n",  // bare LF between headers
               "GET / HTTP/1.1\r\nHost: h\r\nA: b\rC: d\r\n\r\n",  // bare CR
               "GET / HTTP/1.1\r\r\nHost: h\r\n\r\n",              // CR CR LF
               "GET /\x01 HTTP/1.1\r\nHost: h\r\n\r\n",          // control character in the target
               "GET / HTTP/1.1\r\nHost: h\r\nA: b\x02\r\n\r\n",  // in a value
               "GET / HTTP/1.1\r\nHost: h\r\nA: b\x7F\r\n\r\n",  // DEL
               "GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n c\r\n\r\n",   // folded line
               "GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n\tc\r\n\r\n",  // folded with a tab
               "GET / HTTP/1.1\r\n Host: h\r\n\r\n",        // white space before the first header
               "GET / HTTP/1.1\r\nHost : h\r\n\r\n",        // space before the colon
               "GET / HTTP/1.1\r\nHost: h\r\n: b\r\n\r\n",  // empty name
               "GET / HTTP/1.1\r\nHost: h\r\nA\r\n\r\n",    // no colon
               "GET / HTTP/1.1\r\nHost: h\r\nA(b): c\r\n\r\n",       // name is no token
               "GET / HTTP/1.1\r\nHost: h\r\nA\xC3\xA9: c\r\n\r\n",  // name is not ASCII
               "GET /\r\nHost: h\r\n\r\n",                           // HTTP/0.9
               "GET / HTTP/1.2\r\nHost: h\r\n\r\n", "GET / HTTP/2.0\r\nHost: h\r\n\r\n",
               "GET / http/1.1\r\nHost: h\r\n\r\n", "GET / HTTP/1.1 \r\nHost: h\r\n\r\n",
               "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET  / HTTP/1.1\r\nHost: h\r\n\r\n",
               "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", "GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n",
               "G(T / HTTP/1.1\r\nHost: h\r\n\r\n", " GET / HTTP/1.1\r\nHost: h\r\n\r\n",
               "GET http://h/ HTTP/1.1\r\nHost: h\r\n\r\n",  // absolute form
               "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n",
               "GET /#x HTTP/1.1\r\nHost: h\r\n\r\n", "GET /\xC3\xA9 HTTP/1.1\r\nHost: h\r\n\r\n",
               "GET / HTTP/1.1\r\n\r\n",  // no Host
               "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
               "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
               "GET / HTTP/1.1\r\nHost: user@a\r\n\r\n", "\x16\x03\x01\x02", "\r\r\n");
  CAPTURE(text);
  CHECK(status_of(text) == 400);
}

TEST_CASE("head: a NUL is 400 wherever it stands", "[ingress][head]") {
  for (std::size_t at : {0U, 5U, 8U, 20U, 25U}) {
    std::string text = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    text.insert(at, 1, '\0');
    CAPTURE(at);
    CHECK(status_of(text) == 400);
  }
}

TEST_CASE("head: lengths and codings that two readers could understand differently are 400",
          "[ingress][head][smuggling]") {
  const std::string lines = GENERATE(
      "Content-Length: -1\r\n", "Content-Length: +1\r\n", "Content-Length: 0x10\r\n",
      "Content-Length: 1 0\r\n", "Content-Length: 5, 5\r\n", "Content-Length: 5,6\r\n",
      "Content-Length:\r\n", "Content-Length: five\r\n", "Content-Length: 1.0\r\n",
      "Content-Length: 5\r\nContent-Length: 6\r\n", "Content-Length: 5\r\ncontent-length: 5\r\n",
      "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
      "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n", "Transfer-Encoding: gzip\r\n",
      "Transfer-Encoding: gzip, chunked\r\n", "Transfer-Encoding: chunked, chunked\r\n",
      "Transfer-Encoding: identity\r\n", "Transfer-Encoding: xchunked\r\n",
      "Transfer-Encoding: \"chunked\"\r\n", "Transfer-Encoding: chunked;q=1\r\n",
      "Transfer-Encoding:\r\n",
      "Transfer-Encoding: \x0B"
      "chunked\r\n",
      "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
      "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n",
      "Transfer-Encoding : chunked\r\n", "X: y\r\n Transfer-Encoding: chunked\r\n");
  CAPTURE(lines);
  CHECK(status_of(with_headers(lines)) == 400);
}

TEST_CASE("head: a chunked body of HTTP/1.0 is 400, its Host may be missing", "[ingress][head]") {
  CHECK(status_of("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n") == 400);
  CHECK(status_of("POST / HTTP/1.0\r\n\r\n") == 200);
  CHECK(parse(with_headers("transfer-encoding: Chunked\r\n"))->chunked);
}

TEST_CASE("head: a length that no counter holds is the largest one", "[ingress][head]") {
  const auto head = parse(with_headers("Content-Length: 99999999999999999999999\r\n"));
  REQUIRE(head);
  CHECK(head->content_length == std::numeric_limits<std::uint64_t>::max());
}

TEST_CASE("head: the target is taken at max_uri and 414 one past it", "[ingress][head][limits]") {
  CHECK(status_of(with_target_of(8192)) == 200);
  CHECK(status_of(with_target_of(8193)) == 414);
  CHECK(status_of("GET /" + std::string(8192, 'x') + " HTTP/1.1\r\n") == 414);
  CHECK(status_of(with_target_of(10), {.uri_bytes_max = 10}) == 200);
  CHECK(status_of(with_target_of(11), {.uri_bytes_max = 10}) == 414);
}

TEST_CASE("head: an endless request line is 414 without waiting for its end",
          "[ingress][head][limits]") {
  CHECK(status_of("GET /" + std::string(8192, 'x')) == 0);
  CHECK(status_of("GET /" + std::string(9000, 'x')) == 414);
}

TEST_CASE("head: headers are taken at max_headers and 431 one past it", "[ingress][head][limits]") {
  const auto text = [](int count) {
    std::string lines;
    for (int i = 1; i < count; ++i) lines += std::format("X-{}: v\r\n", i);
    return with_headers(lines);
  };
  CHECK(status_of(text(100)) == 200);
  CHECK(status_of(text(101)) == 431);
  CHECK(status_of(text(3), {.headers_max = 3}) == 200);
  CHECK(status_of(text(4), {.headers_max = 3}) == 431);
}

TEST_CASE("head: headers are taken at max_header_bytes and 431 one past it",
          "[ingress][head][limits]") {
  // "Host: h" and "X: " with their line ends are 14 bytes.
  const auto text = [](std::size_t bytes) {
    return with_headers("X: " + std::string(bytes - 14, 'v') + "\r\n");
  };
  CHECK(status_of(text(16384)) == 200);
  CHECK(status_of(text(16385)) == 431);
  CHECK(status_of(text(1024), {.header_bytes_max = 1024}) == 200);
  CHECK(status_of(text(1025), {.header_bytes_max = 1024}) == 431);
}

TEST_CASE("head: an endless header is 431 without waiting for its end", "[ingress][head][limits]") {
  const std::string start = "GET / HTTP/1.1\r\nHost: h\r\nX: ";
  CHECK(status_of(start + std::string(16000, 'v')) == 0);
  CHECK(status_of(start + std::string(17000, 'v')) == 431);
}

TEST_CASE("head: whether the connection lives on", "[ingress][head]") {
  const auto keep_alive = [](std::string_view version, std::string_view lines) {
    return parse(std::format("GET / {}\r\nHost: h\r\n{}\r\n", version, lines))->keep_alive;
  };
  CHECK(keep_alive("HTTP/1.1", ""));
  CHECK(keep_alive("HTTP/1.1", "Connection: upgrade\r\n"));
  CHECK_FALSE(keep_alive("HTTP/1.1", "Connection: Close\r\n"));
  CHECK_FALSE(keep_alive("HTTP/1.1", "Connection: te, close\r\n"));
  CHECK_FALSE(keep_alive("HTTP/1.1", "Connection: keep-alive\r\nconnection: close\r\n"));
  CHECK_FALSE(keep_alive("HTTP/1.0", ""));
  CHECK(keep_alive("HTTP/1.0", "Connection: Keep-Alive\r\n"));
}

TEST_CASE("head: the only expectation is 100-continue", "[ingress][head]") {
  const auto expects = [](std::string_view lines) {
    return parse(with_headers(lines))->expect_continue;
  };
  CHECK(expects("Expect: 100-continue\r\nContent-Length: 1\r\n"));
  CHECK(expects("expect: 100-Continue\r\nTransfer-Encoding: chunked\r\n"));
  CHECK_FALSE(expects("Expect: 100-continue\r\n"));
  CHECK_FALSE(expects("Content-Length: 1\r\n"));
  CHECK_FALSE(parse("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n")
                  ->expect_continue);
  CHECK(status_of(with_headers("Expect: 200-ok\r\n")) == 417);
  CHECK(status_of(with_headers("Expect:\r\n")) == 417);
  CHECK(status_of(with_headers("Expect: 100-continue\r\nExpect: 100-continue\r\n")) == 417);
}

TEST_CASE("head: pieces make no difference, whatever is mutated", "[ingress][head][fuzz]") {
  std::mt19937 random(Catch::getSeed());
  const auto below = [&](std::size_t end) {
    return std::uniform_int_distribution<std::size_t>(0, end - 1)(random);
  };
  const std::string good = with_headers("Transfer-Encoding: chunked\r\nX: a b\r\n");
  constexpr std::string_view likely = "\r\n :\t\0,;aG/0\x7F\xFF";
  for (int round = 0; round < 20'000; ++round) {
    std::string text = good;
    for (std::size_t edits = 1 + below(3); edits > 0; --edits) {
      const auto at = below(text.size());
      const char c = likely[below(likely.size())];
      switch (below(3)) {
        case 0: text[at] = c; break;
        case 1: text.insert(at, 1, c); break;
        default: text.erase(at, 1); break;
      }
    }
    HeadParser parser({});
    int by_pieces = 0;
    for (std::size_t size = 1; size <= text.size() && by_pieces == 0; ++size) {
      const auto complete = parser.advance(std::string_view(text).substr(0, size));
      by_pieces = !complete ? complete.error().status : *complete ? 200 : 0;
    }
    if (by_pieces != status_of(text)) FAIL("differs: " << text);
  }
}
