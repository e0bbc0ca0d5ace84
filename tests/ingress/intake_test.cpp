#include "ingress/intake.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <nlohmann/json.hpp>

#include "requests.hpp"

using namespace holdfast;
using namespace holdfast::ingress;
using namespace holdfast::ingress::test;

TEST_CASE("intake: headers are kept in order, what is secret as ***", "[ingress][intake]") {
  const std::vector<Header> headers{{"Host", "h"},
                                    {"authorization", "Bearer x"},
                                    {"X-Signature", "kept"},
                                    {"Proxy-Authorization", "Basic y"},
                                    {"COOKIE", "a=b"},
                                    {"X-Telegram-Bot-Api-Secret-Token", "t"},
                                    {"x-my-token", "secret"},
                                    {"Authorization", ""}};
  CHECK(masked_headers(headers, "X-My-Token") ==
        std::vector<Header>{{"Host", "h"},
                            {"authorization", "***"},
                            {"X-Signature", "kept"},
                            {"Proxy-Authorization", "***"},
                            {"COOKIE", "***"},
                            {"X-Telegram-Bot-Api-Secret-Token", "***"},
                            {"x-my-token", "***"},
                            {"Authorization", "***"}});
  CHECK(masked_headers({{"X-My-Token", "v"}}, "") == std::vector<Header>{{"X-My-Token", "v"}});
}

TEST_CASE("intake: a valid traceparent is kept", "[ingress][intake]") {
  const std::string text = GENERATE("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                                    "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                                    "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more");
  CHECK(valid_traceparent(head_of("POST", "/", {{"Traceparent", text}})) == text);
}

TEST_CASE("intake: another traceparent is dropped", "[ingress][intake]") {
  const std::string text =
      GENERATE("", "00", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
               "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
               "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
               "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
               "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
               "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
               "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
               "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.more");
  CAPTURE(text);
  CHECK_FALSE(valid_traceparent(head_of("POST", "/", {{"traceparent", text}})));
}

TEST_CASE("intake: of two traceparents neither is kept", "[ingress][intake]") {
  const Header good{"traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"};
  CHECK_FALSE(valid_traceparent(head_of("POST", "/", {good, good})));
  CHECK_FALSE(valid_traceparent(head_of("POST", "/")));
}

TEST_CASE("intake: slack's question for this address is told from its events",
          "[ingress][intake][slack]") {
  const auto head = head_of("POST", "/");
  const auto challenge = [&](std::string_view body) {
    Payload payload(head, body);
    return slack_challenge(payload);
  };
  CHECK(challenge(R"({"token":"t","challenge":"3eZ<b>\u00e9","type":"url_verification"})") ==
        "3eZ<b>\xC3\xA9");
  CHECK(challenge(R"({"challenge":"x","type":"event_callback"})") == std::nullopt);
  CHECK(challenge(R"({"event":{"type":"url_verification","challenge":"x"}})") == std::nullopt);
  CHECK(challenge(R"({"type":"url_verification"})") == std::nullopt);
  CHECK(challenge(R"({"type":"url_verification","challenge":7})") == std::nullopt);
  CHECK(challenge(R"({"type":"url_verification","challenge":"x")") == std::nullopt);
  CHECK(challenge("type=url_verification&challenge=x") == std::nullopt);
}

TEST_CASE("replies: each provider gets the answer it expects, with the id", "[ingress][replies]") {
  const auto id = Uuid::parse("0193583d-6f4e-7abc-8def-0123456789ab").value();
  const std::vector<Header> headers{{"Holdfast-Id", "0193583d-6f4e-7abc-8def-0123456789ab"}};
  const auto whatsapp = accepted(Provider::whatsapp, {.id = id});
  CHECK(whatsapp.status == 200);
  CHECK(whatsapp.body.empty());
  CHECK(whatsapp.headers == headers);
  const auto twilio = accepted(Provider::twilio, {.id = id, .duplicate = true});
  CHECK(twilio.status == 200);
  CHECK(twilio.content_type == "text/xml");
  CHECK(twilio.body == "<Response></Response>");
  CHECK(twilio.headers == headers);
  const auto other = accepted(Provider::bearer, {.id = id, .duplicate = true});
  CHECK(other.status == 202);
  CHECK(other.content_type == "application/json");
  CHECK(other.body == R"({"id":"0193583d-6f4e-7abc-8def-0123456789ab","duplicate":true})");
  const auto telegram = accepted(Provider::telegram, {.id = id});
  CHECK(telegram.status == 200);
  CHECK(telegram.body.empty());
  CHECK(telegram.headers == headers);
  for (const auto provider :
       {Provider::stripe, Provider::github, Provider::slack, Provider::shopify,
        Provider::standard_webhooks, Provider::sendgrid, Provider::hmac, Provider::bearer})
    CHECK(accepted(provider, {.id = id}).status == 202);
  CHECK(accepted(Provider::none, {.id = id}).body ==
        R"({"id":"0193583d-6f4e-7abc-8def-0123456789ab","duplicate":false})");
}

TEST_CASE("replies: problems are RFC 9457 documents", "[ingress][replies]") {
  const auto reply = problem({413, "the body is \"large\""});
  CHECK(reply.status == 413);
  CHECK(reply.content_type == "application/problem+json");
  CHECK(reply.body == R"({"type":"about:blank","title":"Content Too Large","status":413,)"
                      R"("detail":"the body is \"large\""})");
  CHECK(reply.headers.empty());
  CHECK(problem({503, "x"}).headers == std::vector<Header>{{"Retry-After", "2"}});
  CHECK(method_not_allowed("GET, POST").headers == std::vector<Header>{{"Allow", "GET, POST"}});
}

TEST_CASE("replies: every 401 says how to authenticate", "[ingress][replies]") {
  for (std::size_t i = 0; i < provider_names.size(); ++i) {
    const auto provider = static_cast<Provider>(i);
    const auto reply = unauthorized(provider);
    CHECK(reply.status == 401);
    REQUIRE(reply.headers.size() == 1);
    CHECK(reply.headers.front().name == "WWW-Authenticate");
    CHECK(reply.headers.front().value.starts_with("Bearer") == (provider == Provider::bearer));
  }
  CHECK(out_of_window().status == 401);
  CHECK(out_of_window().headers == unauthorized(Provider::slack).headers);
  CHECK(out_of_window().body != unauthorized(Provider::slack).body);
}

TEST_CASE("replies: a fault of ours is 503 with Retry-After, whatever its kind",
          "[ingress][replies]") {
  for (const auto kind : {FailureKind::invalid, FailureKind::overloaded, FailureKind::unavailable,
                          FailureKind::refused, FailureKind::broken}) {
    const auto reply = not_stored({kind, "disk at /secret/place"});
    CHECK(reply.status == 503);
    CHECK(reply.headers == std::vector<Header>{{"Retry-After", "2"}});
    CHECK_FALSE(reply.body.contains("secret"));
  }
}

TEST_CASE("replies: an answer to HEAD has no body", "[ingress][replies]") {
  const WallTime now{std::chrono::milliseconds(1'795'472'962'123)};
  CHECK(http_date(now) == "Mon, 23 Nov 2026 22:29:22 GMT");
  const auto get = render(problem({404, "x"}), "GET", Persistence::close, now);
  const auto head = render(problem({404, "x"}), "HEAD", Persistence::close, now);
  CHECK(get.starts_with("HTTP/1.1 404 Not Found\r\nDate: Mon, 23 Nov 2026 22:29:22 GMT\r\n"));
  CHECK(get.contains("\r\nConnection: close\r\n"));
  CHECK(get.ends_with("}"));
  CHECK(get.starts_with(head));
  CHECK(head.ends_with("\r\n\r\n"));
}

TEST_CASE("byte budget: shares come out of it and go back", "[ingress][limits]") {
  ByteBudget budget(10);
  {
    ByteBudget::Share first(budget);
    ByteBudget::Share second(budget);
    CHECK(first.take(6));
    CHECK_FALSE(second.take(5));
    CHECK(second.take(4));
    CHECK_FALSE(first.take(1));
    CHECK(budget.used() == 10);
  }
  CHECK(budget.used() == 0);
  ByteBudget::Share large(budget);
  CHECK_FALSE(large.take(~std::uint64_t{0}));
}
