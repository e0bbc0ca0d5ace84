// Bodies: framing, encodings, sizes, and what is refused before they are read.

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <format>

#include "base/encoding.hpp"
#include "support/sign.hpp"
#include "support/wait.hpp"
#include "test_server.hpp"

using namespace holdfast;
using namespace holdfast::ingress;
using namespace holdfast::ingress::test;
using namespace std::chrono_literals;
using support::eventually;

namespace {

std::string chunked(std::string_view target, std::string_view chunks, std::string_view lines = "") {
  return std::format("POST {} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n{}\r\n{}",
                     target, lines, chunks);
}

std::string in_chunks(std::string_view body, std::size_t size) {
  std::string chunks;
  for (; !body.empty(); body.remove_prefix(std::min(size, body.size()))) {
    const auto chunk = body.substr(0, size);
    chunks += std::format("{:x}\r\n{}\r\n", chunk.size(), chunk);
  }
  return chunks + "0\r\n\r\n";
}

std::string head_only(std::string_view lines) {
  return std::format("POST /ingest/plain HTTP/1.1\r\nHost: h\r\n{}\r\n", lines);
}

std::string large_form(std::size_t bytes) {
  std::string body = "MessageSid=SM1&Body=";
  while (body.size() < bytes) body += "%C3%AB+x%26";
  return body.substr(0, bytes);
}

}  // namespace

TEST_CASE("ingress: large forms come out byte for byte", "[ingress][server][body]") {
  TestServer server;
  const auto bytes = GENERATE(std::size_t{9} * 1024, std::size_t{1024} * 1024);
  const bool by_length = GENERATE(true, false);
  const auto body = large_form(bytes);
  constexpr std::string_view form = "Content-Type: application/x-www-form-urlencoded\r\n";
  const auto answer =
      server.exchange(by_length ? post("/ingest/plain", body, form)
                                : chunked("/ingest/plain", in_chunks(body, 10'000), form));
  REQUIRE(answer.status == 202);
  CHECK((server.entry_of(answer).body == body));
}

TEST_CASE("ingress: a large signed form passes its signature", "[ingress][server][body]") {
  TestServer server;
  const std::string large(std::size_t{1024} * 1024, 'l');
  const auto signature = support::hmac_base64("SHA1", "12345", "http://h/twBody" + large);
  const auto answer =
      server.exchange(post("/tw", "Body=" + large,
                           std::format("Content-Type: application/x-www-form-urlencoded\r\n"
                                       "X-Twilio-Signature: {}\r\n",
                                       signature)));
  REQUIRE(answer.status == 200);
  CHECK((server.entry_of(answer).body == "Body=" + large));
}

TEST_CASE("ingress: chunked bodies come out as their content", "[ingress][server][body]") {
  TestServer server;
  const std::string chunks = GENERATE(
      "A\r\n0123456789\r\n0\r\n\r\n", "5\r\n01234\r\n0005;x=y\r\n56789\r\n0;z\r\nX-T: 1\r\n\r\n",
      "1\r\n0\r\n1\r\n1\r\n1\r\n2\r\n1\r\n3\r\n6\r\n456789\r\n000\r\n\r\n");
  CAPTURE(chunks);
  const auto answer = server.exchange(chunked("/ingest/plain", chunks));
  REQUIRE(answer.status == 202);
  CHECK(server.entry_of(answer).body == "0123456789");
}

TEST_CASE("ingress: a chunked body may arrive byte by byte", "[ingress][server][body]") {
  TestServer server;
  RawClient client(server.port());
  const auto request = chunked("/ingest/plain", "5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n");
  for (const char c : request) client.send({&c, 1});
  const auto answer = client.receive();
  REQUIRE(answer.status == 202);
  CHECK(server.entry_of(answer).body == "hello");
}

TEST_CASE("ingress: bad chunks are 400 and the connection ends",
          "[ingress][server][body][smuggling]") {
  TestServer server;
  const std::string chunks =
      GENERATE("x\r\n", "-2\r\nhello\r\n0\r\n\r\n", "0x5\r\nhello\r\n0\r\n\r\n",
               "5 \r\nhello\r\n0\r\n\r\n", "5\nhello\r\n0\r\n\r\n", "5\r\nhello!\r\n0\r\n\r\n",
               "5\r\nhello\r\n0\r\nno\x01trailer\r\n\r\n", "5\r\nhello\r\n0\r\ntrailer\r\n\r\n",
               "fffffffffffffffff\r\n");
  CAPTURE(chunks);
  RawClient client(server.port());
  // What stands behind the bad body must not be taken for a request.
  CHECK(is_problem(client.exchange(chunked("/ingest/plain", chunks) + get("/api/health")), 400));
  CHECK(client.closed_within(10s));
  CHECK(server.entries() == 0);
}

TEST_CASE("ingress: an endless chunk extension is 400", "[ingress][server][body][limits]") {
  TestServer server;
  RawClient client(server.port());
  CHECK(is_problem(client.exchange(chunked("/ingest/plain", "5;" + std::string(1000, 'x'))), 400));
}

TEST_CASE("ingress: a body that ends early is no write", "[ingress][server][body]") {
  TestServer server;
  RawClient client(server.port());
  client.send(post("/ingest/plain", "0123456789").substr(0, post("/ingest/plain", "").size() + 6));
  client.finish();
  CHECK(is_problem(client.receive(), 400));
  RawClient by_chunks(server.port());
  by_chunks.send(chunked("/ingest/plain", "5\r\nhello\r\n"));
  by_chunks.finish();
  CHECK(is_problem(by_chunks.receive(), 400));
  RawClient crashed(server.port());
  crashed.send(chunked("/ingest/plain", "5\r\nhello\r\n"));
  crashed.reset();
  CHECK(server.exchange(get("/api/health")).status == 200);
  CHECK(server.entries() == 0);
}

TEST_CASE("ingress: a body is taken at max_body and 413 one past it",
          "[ingress][server][body][limits]") {
  Setup setup;
  setup.ingress.max_body_bytes = 1000;
  TestServer server(setup);
  const std::string fits(1000, 'b');
  const std::string large(1001, 'b');
  CHECK(server.exchange(post("/ingest/plain", fits)).status == 202);
  CHECK(server.exchange(chunked("/ingest/plain", in_chunks(fits, 300))).status == 202);
  CHECK(is_problem(server.exchange(post("/ingest/plain", large)), 413));
  CHECK(is_problem(server.exchange(chunked("/ingest/plain", in_chunks(large, 300))), 413));
  CHECK(server.entries() == 2);
}

TEST_CASE("ingress: a source's own max_body wins", "[ingress][server][body][limits]") {
  Setup setup;
  setup.ingress.max_body_bytes = 1000;
  setup.sources[0].max_body_bytes = 10;
  setup.sources[1].max_body_bytes = 2000;
  TestServer server(setup);
  CHECK(server.exchange(post("/ingest/plain", std::string(10, 'b'))).status == 202);
  CHECK(server.exchange(post("/ingest/plain", std::string(11, 'b'))).status == 413);
  CHECK(server.exchange(post("/ingest/keyed", std::string(2000, 'b'))).status == 202);
  CHECK(server.exchange(post("/ingest/keyed", std::string(2001, 'b'))).status == 413);
}

TEST_CASE("ingress: what the head forbids is refused before the body is read",
          "[ingress][server][body]") {
  TestServer server;
  struct Row {
    std::string lines;
    int status;
  };
  const auto row = GENERATE(
      Row{"Content-Length: 100\r\nContent-Encoding: gzip\r\n", 415},
      Row{"Content-Length: 100\r\ncontent-encoding: GZip\r\n", 415},
      Row{"Content-Length: 100\r\nContent-Encoding: br\r\n", 415},
      Row{"Content-Length: 100\r\nContent-Encoding: identity, gzip\r\n", 415},
      Row{"Content-Length: 100\r\nContent-Encoding: identity\r\nContent-Encoding: gzip\r\n", 415},
      Row{"Content-Length: 100\r\nContent-Type: multipart/form-data; boundary=x\r\n", 415},
      Row{"Content-Length: 100\r\nContent-Type: Multipart/Mixed\r\n", 415},
      Row{"Content-Length: 100\r\nContent-Type: text/plain\r\nContent-Type: multipart/x\r\n", 415},
      Row{"Transfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n", 415},
      Row{"Content-Length: 4194305\r\n", 413},
      Row{"Content-Length: 99999999999999999999999\r\n", 413},
      Row{"Content-Length: 100\r\nExpect: 200-ok\r\n", 417},
      Row{"Content-Length: 100\r\nContent-Encoding: gzip\r\nExpect: 100-continue\r\n", 415},
      Row{"Content-Length: 4194305\r\nExpect: 100-continue\r\n", 413});
  CAPTURE(row.lines);
  RawClient client(server.port());
  const auto answer = client.exchange(head_only(row.lines));
  CHECK(is_problem(answer, row.status));
  CHECK(answer.headers.at("connection") == "close");
  CHECK(client.closed_within(10s));
  CHECK(server.entries() == 0);
}

TEST_CASE("ingress: a sender that writes its refused body first still gets the answer",
          "[ingress][server][body]") {
  TestServer server;
  RawClient client(server.port());
  const std::string body(std::size_t{6} * 1024 * 1024, 'b');
  CHECK(client.send(post("/ingest/plain", body)));
  CHECK(is_problem(client.receive(), 413));
}

TEST_CASE("ingress: 100-continue is sent where the body is wanted", "[ingress][server][body]") {
  TestServer server;
  RawClient client(server.port());
  const std::string lines = GENERATE("Content-Length: 5\r\nExpect: 100-continue\r\n",
                                     "Transfer-Encoding: chunked\r\nexpect: 100-Continue\r\n");
  CHECK(client.exchange(head_only(lines)).status == 100);
  client.send(lines.starts_with('C') ? "hello" : "5\r\nhello\r\n0\r\n\r\n");
  const auto answer = client.receive();
  REQUIRE(answer.status == 202);
  CHECK(server.entry_of(answer).body == "hello");
  // The connection lives on.
  CHECK(client.exchange(get("/api/health")).status == 200);
}

TEST_CASE("ingress: a refused expectation gets its refusal instead of 100",
          "[ingress][server][body]") {
  TestServer server;
  const auto first = [&](std::string_view target) {
    return server
        .exchange(std::format("POST {} HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n"
                              "Expect: 100-continue\r\n\r\n",
                              target))
        .status;
  };
  CHECK(first("/nothing") == 404);
  CHECK(first("/api/act") == 401);
  CHECK(first("/api/health") == 405);
}

TEST_CASE("ingress: a GET with a body is 400", "[ingress][server][body][smuggling]") {
  TestServer server;
  const std::string path = GENERATE("/wa", "/tw", "/api/health");
  RawClient client(server.port());
  CHECK(is_problem(client.exchange(get(path, "Content-Length: 5\r\n") + "hello"), 400));
  CHECK(client.closed_within(10s));
}

TEST_CASE("ingress: bytes in flight have a limit, given back with the answer",
          "[ingress][server][body][limits]") {
  Setup setup;
  setup.ingress.max_inflight_bytes = 1000;
  TestServer server(setup);
  RawClient slow(server.port());
  CHECK(slow.exchange(head_only("Content-Length: 800\r\nExpect: 100-continue\r\n")).status == 100);
  // What is merely announced takes no room from others.
  CHECK(server.server().stats().inflight_bytes == 0);
  slow.send(std::string(799, 's'));
  CHECK(eventually([&] { return server.server().stats().inflight_bytes == 799; }, 5s));
  CHECK(server.exchange(post("/ingest/plain", std::string(201, 'b'))).status == 202);
  CHECK(is_problem(server.exchange(post("/ingest/plain", std::string(202, 'b'))), 503));
  const auto by_chunks = chunked("/ingest/plain", in_chunks(std::string(202, 'b'), 100));
  CHECK(is_problem(server.exchange(by_chunks), 503));
  slow.send("s");
  CHECK(slow.receive().status == 202);
  CHECK(server.exchange(post("/ingest/plain", std::string(1000, 'b'))).status == 202);
}
