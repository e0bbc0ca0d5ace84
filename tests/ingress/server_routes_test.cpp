// The rows of the ingress table: what each path and method answers, and what is then in the outbox.

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <format>

#include "base/encoding.hpp"
#include "support/sign.hpp"
#include "test_server.hpp"

using namespace holdfast;
using namespace holdfast::ingress;
using namespace holdfast::ingress::test;

namespace {

std::string whatsapp_post(std::string_view body) {
  const auto signature = support::sign_whatsapp("meta_app_secret", body);
  return post(
      "/wa", body,
      std::format("X-Hub-Signature-256: {}\r\nContent-Type: application/json\r\n", signature));
}

std::string twilio_signature(std::string_view signed_text) {
  return std::format("X-Twilio-Signature: {}\r\n",
                     support::hmac_base64("SHA1", "12345", signed_text));
}

constexpr std::string_view form_line = "Content-Type: application/x-www-form-urlencoded\r\n";
constexpr std::string_view token_line = "Authorization: Bearer token-1\r\n";

}  // namespace

TEST_CASE("ingress: a post is in the outbox as received when 202 comes", "[ingress][server]") {
  TestServer server;
  const std::string body("{\"a\": 1}\0\xFF\r\n tail", 18);
  const auto answer = server.exchange(post(
      "/ingest/plain?x=%41+b", body,
      "Content-Type: application/json; charset=utf-8\r\nX-Raw: a%20b\r\nCookie: secret\r\nx-raw: "
      "\xFF\r\ntraceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n"));
  CHECK(answer.status == 202);
  CHECK(answer.headers.at("content-type") == "application/json");
  CHECK(answer.headers.contains("date"));
  CHECK_FALSE(answer.headers.contains("keep-alive"));
  CHECK(answer.body ==
        std::format(R"({{"id":"{}","duplicate":false}})", answer.headers.at("holdfast-id")));
  const auto entry = server.entry_of(answer);
  CHECK(entry.source == "plain");
  CHECK(entry.state == EntryState::pending);
  CHECK(entry.method == "POST");
  CHECK(entry.target == "/ingest/plain?x=%41+b");
  CHECK(entry.remote_address == "127.0.0.1");
  CHECK(entry.content_type == "application/json; charset=utf-8");
  CHECK(entry.body == body);
  CHECK(entry.dedupe_key == std::nullopt);
  CHECK(entry.traceparent == "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  CHECK(entry.headers ==
        std::vector<Header>{
            {"Host", "h"},
            {"Content-Length", "18"},
            {"Content-Type", "application/json; charset=utf-8"},
            {"X-Raw", "a%20b"},
            {"Cookie", "***"},
            {"x-raw", "\xFF"},
            {"traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}});
}

TEST_CASE("ingress: a known key is answered as the duplicate it is", "[ingress][server]") {
  TestServer server;
  const auto first = server.exchange(post("/ingest/keyed", R"({"id":1.0})"));
  const auto again = server.exchange(post("/ingest/keyed", R"({"id":1.0})"));
  CHECK(first.status == 202);
  CHECK(again.status == 202);
  CHECK(again.headers.at("holdfast-id") == first.headers.at("holdfast-id"));
  CHECK(again.body ==
        std::format(R"({{"id":"{}","duplicate":true}})", first.headers.at("holdfast-id")));
  CHECK(server.entry_of(first).dedupe_key == "1.0");
  CHECK(server.entries() == 1);
}

TEST_CASE("ingress: a post without a body or a length is an empty write", "[ingress][server]") {
  TestServer server;
  const std::string request = GENERATE("POST /ingest/plain HTTP/1.1\r\nHost: h\r\n\r\n",
                                       "POST /ingest/plain HTTP/1.0\r\n\r\n",
                                       "POST /ingest/plain HTTP/1.1\r\nHost: h\r\n"
                                       "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
  const auto answer = server.exchange(request);
  CHECK(answer.status == 202);
  CHECK(server.entry_of(answer).body.empty());
}

TEST_CASE("ingress: whatsapp gets an empty 200, wrong signatures leave nothing",
          "[ingress][server][whatsapp]") {
  TestServer server;
  const auto answer = server.exchange(whatsapp_post(R"({"entry":[]})"));
  CHECK(answer.status == 200);
  CHECK(answer.body.empty());
  CHECK(answer.headers.at("content-length") == "0");
  CHECK(server.entry_of(answer).dedupe_key == base::sha256_hex(R"({"entry":[]})"));
  const auto again = server.exchange(whatsapp_post(R"({"entry":[]})"));
  CHECK(again.status == 200);
  CHECK(again.headers.at("holdfast-id") == answer.headers.at("holdfast-id"));

  const auto unsigned_post = server.exchange(post("/wa", "{}"));
  CHECK(is_problem(unsigned_post, 401));
  CHECK(unsigned_post.headers.contains("www-authenticate"));
  CHECK_FALSE(unsigned_post.headers.contains("holdfast-id"));
  CHECK(server.entries() == 1);
}

TEST_CASE("ingress: the challenge is answered for the right token only",
          "[ingress][server][whatsapp]") {
  TestServer server;
  const std::string query = "hub.mode=subscribe&hub.challenge=%3Cb%3E11%2F58+x&hub.verify_token=";
  const auto right = server.exchange(get("/wa?" + query + "let%20me+in"));
  CHECK(right.status == 200);
  CHECK(right.headers.at("content-type") == "text/plain");
  CHECK(right.body == "<b>11/58 x");
  const std::string wrong = GENERATE(
      "/wa", "/wa?hub.mode=subscribe&hub.challenge=1&hub.verify_token=let+me+out",
      "/wa?hub.mode=subscribe&hub.challenge=1", "/wa?hub.mode=subscribe&hub.verify_token=let+me+in",
      "/wa?hub.mode=unsubscribe&hub.challenge=1&hub.verify_token=let+me+in",
      "/wa?hub.challenge=1&hub.verify_token=let+me+in");
  CAPTURE(wrong);
  CHECK(is_problem(server.exchange(get(wrong)), 403));
  CHECK(server.entries() == 0);
}

TEST_CASE("ingress: twilio's form gets TwiML and its GET is stored as well",
          "[ingress][server][twilio]") {
  Setup setup;
  setup.ingress.public_url = "https://hooks.example.com/";
  TestServer server(setup);
  const auto posted = server.exchange(
      post("/tw?a=%2F", "MessageSid=SM1&Body=x+y",
           twilio_signature("https://hooks.example.com/tw?a=%2FBodyx yMessageSidSM1") +
               std::string(form_line) + "X-Forwarded-Proto: http\r\nX-Forwarded-Host: evil\r\n"));
  CHECK(posted.status == 200);
  CHECK(posted.headers.at("content-type") == "text/xml");
  CHECK(posted.body == "<Response></Response>");
  CHECK(server.entry_of(posted).dedupe_key == "SM1");

  const std::string target = "/tw?MessageSid=SM2&MessageStatus=sent";
  const auto got =
      server.exchange(get(target, twilio_signature("https://hooks.example.com" + target)));
  CHECK(got.status == 200);
  CHECK(got.body == "<Response></Response>");
  const auto entry = server.entry_of(got);
  CHECK(entry.method == "GET");
  CHECK(entry.target == target);
  CHECK(entry.body.empty());
  CHECK(entry.dedupe_key == "SM2:sent");
  CHECK(is_problem(server.exchange(get("/tw?MessageSid=SM3")), 401));
  CHECK(server.entries() == 2);

  // What a GET says is its query: a repeat adds nothing, another one under its key is kept.
  const auto again = [&](const std::string& path) {
    return server.exchange(get(path, twilio_signature("https://hooks.example.com" + path)));
  };
  CHECK(again(target).status == 200);
  CHECK(server.entries() == 2);
  CHECK(again(target + "&Body=other").status == 200);
  CHECK(server.entries() == 3);
}

TEST_CASE("ingress: without public_url the called address is what trusted proxies say",
          "[ingress][server][twilio]") {
  Setup setup;
  const bool trusted = GENERATE(true, false);
  if (!trusted) setup.ingress.trusted_proxies = {"10.0.0.0/8"};
  TestServer server(setup);
  const std::string forwarded =
      "X-Forwarded-Proto: https\r\nX-Forwarded-Host: a.example\r\n"
      "X-Forwarded-For: 198.51.100.7\r\n";
  const auto proxied = server.exchange(
      get("/tw?MessageSid=1", twilio_signature("https://a.example/tw?MessageSid=1") + forwarded));
  CHECK(proxied.status == (trusted ? 200 : 401));
  const auto direct = server.exchange(
      get("/tw?MessageSid=2", twilio_signature("http://h/tw?MessageSid=2") + forwarded));
  CHECK(direct.status == (trusted ? 401 : 200));
  CHECK(server.entry_of(trusted ? proxied : direct).remote_address ==
        (trusted ? "198.51.100.7" : "127.0.0.1"));
}

TEST_CASE("ingress: a source's own public_url wins", "[ingress][server][twilio]") {
  Setup setup;
  setup.ingress.public_url = "https://hooks.example.com";
  setup.sources[3].public_url = "https://own.example.com";
  TestServer server(setup);
  const auto own = twilio_signature("https://own.example.com/tw");
  CHECK(server.exchange(get("/tw", own)).status == 200);
  const auto other = twilio_signature("https://hooks.example.com/tw");
  CHECK(server.exchange(get("/tw", other)).status == 401);
}

TEST_CASE("ingress: a bearer's token is checked before its body is read",
          "[ingress][server][bearer]") {
  TestServer server;
  const auto good = server.exchange(post("/api/act", "{}", token_line));
  CHECK(good.status == 202);
  const auto entry = server.entry_of(good);
  CHECK(entry.headers.back() == Header{"Authorization", "***"});

  RawClient client(server.port());
  const auto wrong = client.exchange(
      "POST /api/act HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer token-2\r\n"
      "Content-Length: 1000\r\n\r\n");
  CHECK(is_problem(wrong, 401));
  CHECK(wrong.headers.at("www-authenticate").starts_with("Bearer"));
  CHECK(client.closed_within(std::chrono::seconds(10)));
  const std::string twice = std::string(token_line) + std::string(token_line);
  CHECK(is_problem(server.exchange(post("/api/act", "{}", twice)), 401));
  CHECK(server.entries() == 1);
  CHECK_FALSE(server.log_text().contains("token-"));
}

TEST_CASE("ingress: a token header of one's own is masked", "[ingress][server][bearer]") {
  Setup setup;
  setup.sources[4].token_header = "X-Api-Key";
  TestServer server(setup);
  const auto good = server.exchange(post("/api/act", "{}", "x-api-key: token-1\r\n"));
  CHECK(good.status == 202);
  CHECK(server.entry_of(good).headers.back() == Header{"x-api-key", "***"});
  CHECK(is_problem(server.exchange(post("/api/act", "{}", token_line)), 401));
}

TEST_CASE("ingress: paths match exactly, on the raw path", "[ingress][server]") {
  TestServer server;
  const std::string path =
      GENERATE("/", "/nothing", "/ingest/plain/", "/ingest//plain", "/ingest/Plain",
               "/ingest/plai%6E", "/ingest/./plain", "/x/../ingest/plain", "/ingest", "/ingest/",
               "/ingest/act", "/ingest/wa", "/API/act", "/api/act/", "/wa;x", "/api/health/");
  CAPTURE(path);
  CHECK(is_problem(server.exchange(post(path, "{}", token_line)), 404));
  CHECK(is_problem(server.exchange(get(path)), 404));
  CHECK(server.entries() == 0);
}

TEST_CASE("ingress: other methods are 405 with Allow", "[ingress][server]") {
  TestServer server;
  const auto answer = [&](std::string_view method, std::string_view path) {
    return server.exchange(std::format("{} {} HTTP/1.1\r\nHost: h\r\n\r\n", method, path));
  };
  const std::string method = GENERATE("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "post", "FOO");
  CAPTURE(method);
  for (const auto& [path, allow] : {std::pair{"/ingest/plain", "POST"},
                                    {"/api/act", "POST"},
                                    {"/wa", "GET, POST"},
                                    {"/tw", "GET, POST"},
                                    {"/api/health", "GET"}}) {
    const auto refused = answer(method, path);
    CHECK(is_problem(refused, 405));
    CHECK(refused.headers.at("allow") == allow);
  }
  CHECK(is_problem(answer("GET", "/ingest/plain"), 405));
  CHECK(is_problem(answer("GET", "/api/act"), 405));
  CHECK(is_problem(server.exchange(post("/api/health", "{}")), 405));
}

TEST_CASE("ingress: HEAD is 405 without a body", "[ingress][server]") {
  TestServer server;
  RawClient client(server.port());
  client.send("HEAD /wa HTTP/1.1\r\nHost: h\r\n\r\n");
  const auto answer = client.receive(true);
  CHECK(answer.status == 405);
  CHECK(answer.headers.at("allow") == "GET, POST");
  CHECK(client.receive(true).status == 0);
}

TEST_CASE("ingress: health is served to everybody", "[ingress][server]") {
  TestServer server;
  const auto answer = server.exchange(get("/api/health?verbose=1"));
  CHECK(answer.status == 200);
  CHECK(answer.headers.at("content-type") == "application/json");
  CHECK(answer.headers.at("cache-control") == "no-store");
  CHECK(answer.body == R"({"status":"ok"})");
}

TEST_CASE("ingress: headers that a server might act on do not matter", "[ingress][server]") {
  TestServer server;
  const std::string lines =
      GENERATE("Range: bytes=0-1\r\n", "Range: bytes=9-1\r\n", "Range: nonsense\r\n",
               "Accept: nonsense;;;q=7\r\n", "Accept: */*;q=\r\n", "If-None-Match: *\r\n",
               "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
               "X-HTTP-Method-Override: DELETE\r\n", "REMOTE_ADDR: 1.2.3.4\r\n",
               "Accept-Encoding: gzip, br\r\n", "Content-Encoding: identity\r\n",
               "Content-Encoding:\r\n", "Trailer: X\r\n", "Content-Type: %zz%00\r\n");
  CAPTURE(lines);
  const auto posted = server.exchange(post("/ingest/plain", "0123456789", lines));
  CHECK(posted.status == 202);
  CHECK_FALSE(posted.headers.contains("content-encoding"));
  CHECK(server.entry_of(posted).body == "0123456789");
  CHECK(server.exchange(get("/api/health", lines)).body == R"({"status":"ok"})");
}

TEST_CASE("ingress: what is answered is counted by configured source and status",
          "[ingress][server]") {
  TestServer server;
  CHECK(server.exchange(post("/ingest/plain", "x")).status == 202);
  CHECK(server.exchange(post("/nothing", "x")).status == 404);
  CHECK(server.exchange(post("/wa", "x")).status == 401);
  // Counted just behind the answer: the next connection's answer may overtake it.
  server.server().stop(std::chrono::seconds(5));
  const auto stats = server.server().stats();
  using Requests = decltype(stats.requests);
  CHECK(stats.requests == Requests{{{"plain", 202}, 1}, {{"", 404}, 1}, {{"wa", 401}, 1}});
  CHECK(stats.inflight_bytes == 0);
  CHECK(stats.connections == 0);
  std::uint64_t observed = 0;
  for (const auto count : stats.request_seconds.counts) observed += count;
  CHECK(observed == 3);
}
