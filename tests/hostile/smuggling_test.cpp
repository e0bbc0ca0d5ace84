// Requests that two readers could understand differently, with one hidden behind. Scenario 27.

#include <catch2/catch_test_macros.hpp>
#include <format>
#include <utility>
#include <vector>

#include "rig.hpp"

using namespace holdfast;
using namespace holdfast::hostile;
using namespace std::chrono_literals;

namespace {

using Shapes = std::vector<std::pair<std::string, std::string>>;

const std::string line = "POST /ingest/plain HTTP/1.1\r\nHost: h\r\n";
const std::string none = "0\r\n\r\n";

Shapes framing_shapes() {
  return {
      {"CL and TE", line + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + none},
      {"TE and CL", line + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n" + none},
      {"CL of 0 and TE", line + "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n" + none},
      {"two CL, one value", line + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"},
      {"two CL", line + "Content-Length: 5\r\nContent-Length: 0\r\n\r\nhello"},
      {"a list in CL", line + "Content-Length: 5, 5\r\n\r\nhello"},
      {"signed CL", line + "Content-Length: +5\r\n\r\nhello"},
      {"negative CL", line + "Content-Length: -5\r\n\r\nhello"},
      {"hex CL", line + "Content-Length: 0x5\r\n\r\nhello"},
      {"fraction CL", line + "Content-Length: 5.0\r\n\r\nhello"},
      {"empty CL", line + "Content-Length:\r\n\r\nhello"},
      {"CL in two words", line + "Content-Length: 5 5\r\n\r\nhello"},
      {"TE twice",
       line + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" + none},
      {"TE twice, other",
       line + "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n" + none},
      {"xchunked", line + "Transfer-Encoding: xchunked\r\n\r\n" + none},
      {"chunked, chunked", line + "Transfer-Encoding: chunked, chunked\r\n\r\n" + none},
      {"chunked not last", line + "Transfer-Encoding: chunked, gzip\r\n\r\n" + none},
      {"gzip, chunked", line + "Transfer-Encoding: gzip, chunked\r\n\r\n" + none},
      {"identity", line + "Transfer-Encoding: identity\r\n\r\n" + none},
      {"quoted chunked", line + "Transfer-Encoding: \"chunked\"\r\n\r\n" + none},
      {"chunked;q=1", line + "Transfer-Encoding: chunked;q=1\r\n\r\n" + none},
      {"TE with vertical tab", line +
                                   "Transfer-Encoding:\x0b"
                                   "chunked\r\n\r\n" +
                                   none},
      {"TE in HTTP/1.0",
       "POST /ingest/plain HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + none},
  };
}

Shapes line_shapes() {
  using namespace std::string_literals;
  return {
      {"obs-fold", line + "X-A: 1\r\n Content-Length: 5\r\n\r\nhello"},
      {"obs-fold with tab", line + "Transfer-Encoding:\r\n\tchunked\r\n\r\n" + none},
      {"folded first", "POST /ingest/plain HTTP/1.1\r\n Host: h\r\nContent-Length: 0\r\n\r\n"},
      {"bare LF", "POST /ingest/plain HTTP/1.1\nHost: h\nContent-Length: 0\n\n"},
      {"bare LF in a header", line + "X-A: 1\nContent-Length: 5\r\n\r\nhello"},
      {"bare LF ends the head", line + "Content-Length: 0\r\n\n"},
      {"bare CR", line + "X-A: 1\rContent-Length: 5\r\n\r\nhello"},
      {"CR CR LF", line + "Content-Length: 0\r\r\n\r\n"},
      {"NUL in a value", line + "X-A: 1\0002\r\nContent-Length: 0\r\n\r\n"s},
      {"NUL in a name", line + "X\0A: 1\r\nContent-Length: 0\r\n\r\n"s},
      {"NUL in the target",
       "POST /ingest/plain\0 HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"s},
      {"space before colon", line + "Content-Length : 0\r\n\r\n"},
      {"tab before colon", line + "Transfer-Encoding\t: chunked\r\n\r\n" + none},
      {"no name", line + ": chunked\r\nContent-Length: 0\r\n\r\n"},
      {"no colon", line + "Content-Length 0\r\n\r\n"},
      {"a name in parentheses", line + "(Content-Length): 0\r\n\r\n"},
      {"a name beyond ASCII", line + "Content-L\xC3\xA9ngth: 0\r\n\r\n"},
      {"absolute form",
       "POST http://h/ingest/plain HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"},
      {"authority form", "CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n"},
      {"asterisk form", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"},
      {"space in the target",
       "POST /ingest/plain x HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"},
      {"two spaces", "POST  /ingest/plain HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"},
      {"tab for space", "POST\t/ingest/plain HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"},
      {"a fragment", "POST /ingest/plain#x HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"},
      {"HTTP/0.9", "POST /ingest/plain\r\n\r\n"},
      {"HTTP/2.0 in words", "POST /ingest/plain HTTP/2.0\r\nHost: h\r\n\r\n"},
      {"small letters", "POST /ingest/plain http/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"},
      {"two Hosts", line + "Host: other\r\nContent-Length: 0\r\n\r\n"},
      {"no Host", "POST /ingest/plain HTTP/1.1\r\nContent-Length: 0\r\n\r\n"},
      {"a Host with a path", "POST /ingest/plain HTTP/1.1\r\nHost: h/x\r\n\r\n"},
      {"a Host with a name before it", "POST /ingest/plain HTTP/1.1\r\nHost: a@h\r\n\r\n"},
  };
}

Shapes chunk_shapes() {
  const auto chunked = line + "Transfer-Encoding: chunked\r\n\r\n";
  return {
      {"LF behind the size", chunked + "5\nhello\r\n0\r\n\r\n"},
      {"CR behind the size", chunked + "5\rhello\r\n0\r\n\r\n"},
      {"LF behind the data", chunked + "5\r\nhello\n0\r\n\r\n"},
      {"data longer than its size", chunked + "4\r\nhello\r\n0\r\n\r\n"},
      {"data shorter than its size", chunked + "6\r\nhello\r\n0\r\n\r\n"},
      {"LF ends the extension", chunked + "5;a\nhello\r\n0\r\n\r\n"},
      {"a bare CR in the extension", chunked + "5;a\rb\r\nhello\r\n0\r\n\r\n"},
      {"LF behind the trailers", chunked + "5\r\nhello\r\n0\r\n\n"},
      {"a trailer without a colon", chunked + "5\r\nhello\r\n0\r\nPOST / HTTP/1.1\r\n\r\n"},
      {"a folded trailer", chunked + "5\r\nhello\r\n0\r\nA: 1\r\n b\r\n\r\n"},
  };
}

/// Each on a connection of its own, with a whole request hidden behind.
void all_are_refused(Target& target, const Shapes& shapes) {
  for (const auto& [what, bytes] : shapes) {
    CAPTURE(what);
    RawClient client(target.port());
    client.send(bytes + post("smuggled behind " + what));
    const auto answer = target.note(client.receive());
    CHECK(answer.status == 400);
    if (answer.status != 0) CHECK(answer.headers.at("connection") == "close");
    CHECK(target.note(client.receive()).status == 0);
    CHECK(client.closed_within(5s));
  }
}

}  // namespace

TEST_CASE("hostile: what two readers frame differently is 400, and what is behind it no entry",
          "[hostile][smuggling]") {
  Target target;
  all_are_refused(target, framing_shapes());
  target.finish();
}

TEST_CASE("hostile: lines that two readers end differently are 400, and nothing behind is stored",
          "[hostile][smuggling]") {
  Target target;
  all_are_refused(target, line_shapes());
  target.finish();
}

TEST_CASE("hostile: chunks that two readers cut differently are 400, and nothing behind is stored",
          "[hostile][smuggling]") {
  Target target;
  all_are_refused(target, chunk_shapes());
  target.finish();
}

// Without this the three above would also hold for a server that stores nothing.
TEST_CASE("hostile: the same requests, well made, are two entries each", "[hostile][smuggling]") {
  Target target;
  for (const auto& bytes :
       {line + "Content-Length: 5\r\n\r\nhello", line + "Transfer-Encoding: chunked\r\n\r\n" + none,
        line + "Transfer-Encoding: CHUNKED\r\n\r\n5;x=y\r\nhello\r\n0\r\nTrailer: z\r\n\r\n",
        line + "X-A:\t1 \r\nContent-Length:0\r\n\r\n"}) {
    CAPTURE(bytes);
    RawClient client(target.port());
    client.send(bytes + post("behind"));
    CHECK(target.note(client.receive()).status == 202);
    CHECK(target.note(client.receive()).status == 202);
  }
  CHECK(target.noted() == 8);
  target.finish();
}

TEST_CASE("hostile: a smuggled request stays out however the bytes are cut on their way",
          "[hostile][smuggling]") {
  Target target;
  const auto bytes =
      line + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + post("smuggled");
  for (std::size_t cut = 1; cut < bytes.size(); cut += 7) {
    CAPTURE(cut);
    RawClient client(target.port());
    client.send(std::string_view(bytes).substr(0, cut));
    client.send(std::string_view(bytes).substr(cut));
    CHECK(target.note(client.receive()).status == 400);
    CHECK(target.note(client.receive()).status == 0);
  }
  target.finish();
}
