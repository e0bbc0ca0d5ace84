// What the server does beyond the schemes themselves: replies, windows, limits, keys in the outbox.

#include <catch2/catch_test_macros.hpp>
#include <format>

#include "ingress/source.hpp"
#include "requests.hpp"
#include "support/sign.hpp"
#include "test_server.hpp"

using namespace holdfast;
using namespace holdfast::ingress;
using namespace holdfast::ingress::test;

namespace {

std::int64_t now_seconds() {
  return std::chrono::floor<std::chrono::seconds>(SystemClock().wall_now())
      .time_since_epoch()
      .count();
}

/// A server with one source, "s", at /s, whose secret is "secret".
Setup setup_for(Provider provider, std::string order_by = "") {
  auto source = source_of("s", provider);
  source.path = "/s";
  source.secrets = {Secret("secret")};
  source.order_by = std::move(order_by);
  Setup setup;
  setup.sources = {source};
  return setup;
}

std::string slack_post(std::string_view body, std::int64_t time) {
  return post("/s", body,
              std::format("X-Slack-Signature: {}\r\nX-Slack-Request-Timestamp: {}\r\n",
                          support::sign_slack("secret", time, body), time));
}

std::string stripe_post(std::string_view body) {
  return post(
      "/s", body,
      std::format("Stripe-Signature: {}\r\n", support::sign_stripe("secret", now_seconds(), body)));
}

std::size_t count_of(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1))
    ++count;
  return count;
}

int status_of_length(const IngressConfig& config, const SourceConfig& source,
                     std::uint64_t content_length) {
  const auto table = SourceTable::make(config, {source});
  REQUIRE(table);
  auto head = head_of("POST", "/s");
  head.content_length = content_length;
  const auto decision = table->admit(head);
  const auto* refused = std::get_if<Refused>(&decision);
  return refused == nullptr ? 200 : refused->reply.status;
}

}  // namespace

TEST_CASE("ingress: slack's question for the address is answered if it is signed, and not stored",
          "[ingress][server][slack]") {
  TestServer server(setup_for(Provider::slack));
  const std::string question =
      R"({"token":"t","challenge":"3eZbrw1a\u003c","type":"url_verification"})";
  const auto answer = server.exchange(slack_post(question, now_seconds()));
  CHECK(answer.status == 200);
  CHECK(answer.headers.at("content-type") == "text/plain");
  CHECK(answer.headers.at("x-content-type-options") == "nosniff");
  CHECK(answer.body == "3eZbrw1a<");
  CHECK(is_problem(server.exchange(post("/s", question)), 401));
  CHECK(is_problem(server.exchange(slack_post(question, now_seconds() - 400)), 401));
  CHECK(is_problem(server.exchange(get("/s?challenge=x&type=url_verification")), 405));
  CHECK(server.entries() == 0);

  const auto odd = server.exchange(slack_post(R"({"type":"url_verification"})", now_seconds()));
  CHECK(odd.status == 202);
  CHECK(server.entries() == 1);
}

TEST_CASE("ingress: a right signature at a wrong time is 401, and the log says by how much",
          "[ingress][server][window]") {
  TestServer server(setup_for(Provider::slack));
  const auto late = server.exchange(slack_post("{}", now_seconds() - 1'000));
  CHECK(is_problem(late, 401));
  CHECK(late.body.contains("clocks"));
  CHECK(late.headers.contains("www-authenticate"));
  const auto early = server.exchange(slack_post("{}", now_seconds() + 1'000));
  CHECK(is_problem(early, 401));
  CHECK(early.body == late.body);
  auto forged = slack_post("{}", now_seconds() - 1'000);
  forged.back() = ']';
  CHECK_FALSE(server.exchange(forged).body.contains("clocks"));
  const auto log = server.log_text();
  CHECK(count_of(log, "signed_timestamp_out_of_window") == 1);
  CHECK(log.contains("source=s"));
  // A second may pass between signing and checking.
  CHECK((log.contains("offset_seconds=-1000") || log.contains("offset_seconds=-1001")));
  CHECK(server.entries() == 0);
}

TEST_CASE("ingress: telegram's token is checked before the body and kept from the outbox",
          "[ingress][server][telegram]") {
  TestServer server(setup_for(Provider::telegram));
  const std::string right = "x-telegram-bot-api-secret-token: secret\r\n";
  const auto answer = server.exchange(post("/s", R"({"update_id":7})", right));
  CHECK(answer.status == 200);
  CHECK(answer.body.empty());
  CHECK(answer.headers.at("content-length") == "0");
  const auto entry = server.entry_of(answer);
  CHECK(entry.dedupe_key == "7");
  CHECK(entry.headers.back() == Header{"x-telegram-bot-api-secret-token", "***"});
  RawClient client(server.port());
  const auto refused = client.exchange(
      "POST /s HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n"
      "X-Telegram-Bot-Api-Secret-Token: wrong\r\n\r\n");
  CHECK(is_problem(refused, 401));
  CHECK(refused.headers.contains("www-authenticate"));
  CHECK_FALSE(server.log_text().contains("wrong"));
  CHECK(server.entries() == 1);
}

TEST_CASE("ingress: github's bodies may be as large as GitHub sends them",
          "[ingress][limits][github]") {
  IngressConfig config;
  auto source = source_of("s", Provider::github);
  source.path = "/s";
  CHECK(status_of_length(config, source, 25 * mib) == 200);
  CHECK(status_of_length(config, source, 25 * mib + 1) == 413);
  config.max_body_bytes = 30 * mib;
  CHECK(status_of_length(config, source, 30 * mib) == 200);
  config.max_inflight_bytes = 8 * mib;
  CHECK(status_of_length(config, source, 8 * mib) == 200);
  CHECK(status_of_length(config, source, 8 * mib + 1) == 413);
  source.max_body_bytes = mib;
  CHECK(status_of_length(config, source, mib + 1) == 413);
  source.max_body_bytes.reset();
  source.provider = Provider::stripe;
  CHECK(status_of_length({}, source, 4 * mib + 1) == 413);
}

TEST_CASE("ingress: a retry of stripe with another count of pending webhooks is no conflict",
          "[ingress][server][stripe]") {
  TestServer server(setup_for(Provider::stripe));
  const auto first = server.exchange(stripe_post(R"({"id":"evt_1","pending_webhooks":2})"));
  CHECK(first.status == 202);
  CHECK(server.entry_of(first).dedupe_key == "evt_1");
  const auto retry = server.exchange(stripe_post(R"({"id":"evt_1","pending_webhooks":1})"));
  CHECK(retry.body.contains("\"duplicate\":true"));
  CHECK(server.entries() == 1);
  const auto other = server.exchange(stripe_post(R"({"id":"evt_1","pending_webhooks":1,"x":1})"));
  CHECK(other.body.contains("\"duplicate\":true"));
  CHECK(server.entries() == 2);  // The second one is the conflict, kept as discarded.
}

TEST_CASE("ingress: writes of one value of order_by are in one group", "[ingress][server][order]") {
  TestServer server(setup_for(Provider::none, "/user/id"));
  const auto group = [&](std::string_view body) {
    return server.entry_of(server.exchange(post("/s", body))).order_hash;
  };
  const auto seven = group(R"({"user":{"id":7}})");
  REQUIRE(seven);
  CHECK(group(R"({"n":1,"user":{"id": 7 }})") == seven);
  CHECK(group(R"({"user":{"id":8}})") != seven);
  const auto long_value = std::string(5'000, 'k');
  CHECK(group(std::format(R"({{"user":{{"id":"{}"}}}})", long_value)).has_value());
  for (const auto* body : {"{}", "[]", "7", "", "{", R"({"user":{"id":null}})",
                           R"({"user":{"id":{}}})", R"({"user":{"id":[7]}})"}) {
    CAPTURE(body);
    CHECK(group(body) == std::nullopt);
  }
}

TEST_CASE("ingress: order_by finds the field of a form", "[ingress][server][order]") {
  TestServer server(setup_for(Provider::none, "/From"));
  const auto group = [&](std::string_view body) {
    const auto answer = server.exchange(
        post("/s", body, "Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n"));
    return server.entry_of(answer).order_hash;
  };
  const auto first = group("From=%2B1&Body=a");
  REQUIRE(first);
  CHECK(group("Body=b&From=%2b1&From=2") == first);
  CHECK(group("From=2") != first);
  CHECK(group("from=%2B1") == std::nullopt);
}

TEST_CASE("ingress: an order_by that is no pointer is refused", "[ingress][order]") {
  for (const auto* text : {"userId", "header:X", "/a~2"}) {
    CAPTURE(text);
    auto source = source_of("shop", Provider::none);
    source.order_by = text;
    const auto table = SourceTable::make({}, {source});
    REQUIRE_FALSE(table);
    CHECK(table.error().kind == FailureKind::refused);
    CHECK(table.error().message.contains("shop"));
    CHECK(table.error().message.contains("order_by"));
  }
}

TEST_CASE("ingress: what is signed is stored, whatever it says", "[ingress][server]") {
  TestServer server(setup_for(Provider::stripe));
  for (const std::string body : {"", "{", "\xFF", R"({"id":})", "null", "[]"}) {
    CAPTURE(body);
    const auto answer = server.exchange(stripe_post(body));
    CHECK(answer.status == 202);
    const auto entry = server.entry_of(answer);
    CHECK(entry.body == body);
    CHECK(entry.dedupe_key == std::nullopt);
  }
}

TEST_CASE("ingress: a secret that is no key of its provider is refused at start, not at each try",
          "[ingress][source]") {
  const auto accepts = [](Provider provider, const std::vector<std::string>& secrets) {
    auto source = source_of("s", provider);
    for (const auto& secret : secrets) source.secrets.emplace_back(secret);
    source.hmac.secret_encoding = SecretEncoding::hex;
    return SourceTable::make({}, {source}).has_value();
  };
  CHECK(accepts(Provider::github, {"any text"}));
  CHECK(accepts(Provider::standard_webhooks, {"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}));
  CHECK_FALSE(accepts(Provider::standard_webhooks,
                      {"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_???"}));
  CHECK(accepts(Provider::sendgrid, {support::SigningKey::p256().public_key()}));
  // A point that is not on the curve.
  CHECK_FALSE(accepts(Provider::sendgrid,
                      {"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE" + std::string(86, 'A') + "=="}));
  CHECK(accepts(Provider::hmac, {"00ff"}));
  CHECK_FALSE(accepts(Provider::hmac, {"00ff", "0f0"}));
}
