#include "ingress/dedupe.hpp"

#include <catch2/catch_test_macros.hpp>

#include "base/encoding.hpp"
#include "requests.hpp"

using namespace holdfast;
using namespace holdfast::ingress;
using namespace holdfast::ingress::test;
using Key = std::optional<std::string>;

namespace {

Key key(Provider provider, std::string dedupe, const RequestHead& head, std::string_view body) {
  const auto rule = DedupeRule::make(source_of("s", provider, std::move(dedupe)));
  REQUIRE(rule);
  Payload payload(head, body);
  return rule->key(head, payload);
}

Key json_key(std::string pointer, std::string_view body) {
  return key(Provider::none, std::move(pointer), head_of("POST", "/"), body);
}

const Header form_type{"Content-Type", "application/x-www-form-urlencoded"};

}  // namespace

TEST_CASE("dedupe: what each provider is known by", "[ingress][dedupe]") {
  const auto plain = head_of("POST", "/");
  CHECK(key(Provider::whatsapp, "", plain, "{}") == base::sha256_hex("{}"));
  CHECK(key(Provider::bearer, "", plain, R"({"id":1})") == std::nullopt);
  CHECK(key(Provider::none, "", plain, R"({"id":1})") == std::nullopt);

  const auto form = head_of("POST", "/", {form_type});
  CHECK(key(Provider::twilio, "", form, "MessageSid=SM1&Body=x") == "SM1");
  CHECK(key(Provider::twilio, "", form, "MessageSid=SM1&MessageStatus=sent") == "SM1:sent");
  CHECK(key(Provider::twilio, "", form, "MessageSid=SM1&MessageStatus=") == "SM1");
  CHECK(key(Provider::twilio, "", form, "MessageSid=&Body=x") == std::nullopt);
  CHECK(key(Provider::twilio, "", form, "CallSid=CA1") == std::nullopt);
  CHECK(key(Provider::twilio, "", plain, "MessageSid=SM1") == std::nullopt);
  const auto query = head_of("GET", "/t?MessageSid=SM2&MessageStatus=read");
  CHECK(key(Provider::twilio, "", query, "") == "SM2:read");
  const auto token = head_of("POST", "/", {form_type, {"i-twilio-idempotency-token", "tok-1"}});
  CHECK(key(Provider::twilio, "", token, "MessageSid=SM1") == "tok-1");
  const auto empty = head_of("POST", "/", {form_type, {"I-Twilio-Idempotency-Token", ""}});
  CHECK(key(Provider::twilio, "", empty, "MessageSid=SM1") == "SM1");
}

TEST_CASE("dedupe: each sender's own id is the key, and without it there is none",
          "[ingress][dedupe]") {
  const auto plain = head_of("POST", "/");
  const auto with = [](std::vector<Header> headers) {
    return head_of("POST", "/", std::move(headers));
  };
  CHECK(key(Provider::stripe, "", plain, R"({"id":"evt_1","object":"event"})") == "evt_1");
  CHECK(key(Provider::stripe, "", plain, R"({"object":"event"})") == std::nullopt);
  CHECK(key(Provider::stripe, "", plain, "not json") == std::nullopt);
  CHECK(key(Provider::github, "", with({{"x-github-delivery", "guid"}}), "{}") == "guid");
  CHECK(key(Provider::github, "", plain, R"({"id":1})") == std::nullopt);
  CHECK(key(Provider::shopify, "", with({{"X-Shopify-Webhook-Id", "w1"}}), "{}") == "w1");
  CHECK(key(Provider::shopify, "", with({{"X-Shopify-Event-Id", "e1"}}), "{}") == std::nullopt);
  CHECK(key(Provider::telegram, "", plain, R"({"update_id":10000})") == "10000");
  CHECK(key(Provider::telegram, "", plain, R"({"update":1})") == std::nullopt);
  CHECK(key(Provider::sendgrid, "", plain, "[]\r\n") == base::sha256_hex("[]\r\n"));
  CHECK(key(Provider::hmac, "", with({{"X-Id", "1"}}), "{}") == std::nullopt);
}

TEST_CASE("dedupe: a repeated id header is no key", "[ingress][dedupe]") {
  const auto twice = [](const std::string& name) {
    return head_of("POST", "/", {{name, "one"}, {name, "one"}});
  };
  CHECK(key(Provider::github, "", twice("X-GitHub-Delivery"), "{}") == std::nullopt);
  CHECK(key(Provider::shopify, "", twice("X-Shopify-Webhook-Id"), "{}") == std::nullopt);
  CHECK(key(Provider::standard_webhooks, "", twice("svix-id"), "{}") == std::nullopt);
}

TEST_CASE("dedupe: slack's event counts within its team", "[ingress][dedupe][slack]") {
  const auto head = head_of("POST", "/");
  const auto slack = [&](std::string_view body) { return key(Provider::slack, "", head, body); };
  CHECK(slack(R"({"team_id":"T1","event_id":"Ev1"})") == "T1:Ev1");
  CHECK(slack(R"({"event_id":"Ev1"})") == ":Ev1");
  CHECK(slack(R"({"team_id":null,"event_id":"Ev1"})") == ":Ev1");
  CHECK(slack(R"({"team_id":"T1"})") == std::nullopt);
  CHECK(slack(R"({"team_id":"T1","event_id":""})") == std::nullopt);
  CHECK(slack("{") == std::nullopt);
}

TEST_CASE("dedupe: of two brands of Standard Webhooks the verified one gives the id",
          "[ingress][dedupe][standard_webhooks]") {
  const auto id = [](std::vector<Header> headers) {
    return key(Provider::standard_webhooks, "", head_of("POST", "/", std::move(headers)), "{}");
  };
  CHECK(id({{"Webhook-Id", "w"}, {"webhook-signature", "v1,x"}}) == "w");
  CHECK(id({{"svix-id", "s"}, {"svix-signature", "v1,x"}}) == "s");
  // The id that nothing signs would make a copy out of a repeat.
  CHECK(id({{"webhook-id", "w"}, {"svix-id", "s"}, {"svix-signature", "v1,x"}}) == "s");
  CHECK(id({{"svix-id", "s"}, {"webhook-id", "w"}, {"webhook-signature", "v1,x"}}) == "w");
}

TEST_CASE("dedupe: an hmac source is keyed by its id header", "[ingress][dedupe][hmac]") {
  auto source = source_of("s", Provider::hmac);
  source.hmac.id_header = "X-Delivery";
  const auto rule = DedupeRule::make(source);
  REQUIRE(rule);
  const auto head = head_of("POST", "/", {{"x-delivery", "d1"}});
  Payload payload(head, "{}");
  CHECK(rule->key(head, payload) == "d1");
  const auto bare = head_of("POST", "/");
  CHECK(rule->key(bare, payload) == std::nullopt);
}

TEST_CASE("dedupe: a source's own rule wins over its provider's", "[ingress][dedupe]") {
  const auto head = head_of("POST", "/", {{"X-Id", "one"}});
  CHECK(key(Provider::whatsapp, "header:x-id", head, "{}") == "one");
  CHECK(key(Provider::whatsapp, "/id", head, R"({"id":"two"})") == "two");
  CHECK(key(Provider::bearer, "body", head, "x") == base::sha256_hex("x"));
  CHECK(key(Provider::whatsapp, "header:X-Other", head, "{}") == std::nullopt);
  const auto twice = head_of("POST", "/", {{"X-Id", "one"}, {"X-Id", "two"}});
  CHECK(key(Provider::none, "header:X-Id", twice, "{}") == std::nullopt);
}

TEST_CASE("dedupe: a rule that is none is refused", "[ingress][dedupe]") {
  for (const auto* rule : {"id", "header:", "Body", "/a~2", "/a~"}) {
    CAPTURE(rule);
    const auto made = DedupeRule::make(source_of("shop", Provider::none, rule));
    REQUIRE_FALSE(made);
    CHECK(made.error().kind == FailureKind::refused);
    CHECK(made.error().message.contains("shop"));
  }
}

TEST_CASE("dedupe: what is no key leaves the write without one", "[ingress][dedupe]") {
  for (const auto* body : {"", "{", "null", "{}", R"({"id":null})", R"({"id":true})",
                           R"({"id":{}})", R"({"id":[1]})", R"({"id":""})", R"({"id":1} x)"}) {
    CAPTURE(body);
    CHECK(json_key("/id", body) == std::nullopt);
  }
  CHECK(json_key("/id", R"({"id":1.0,"n":1e999})") == "1.0");
}

TEST_CASE("dedupe: what the outbox cannot take as text becomes its hash", "[ingress][dedupe]") {
  const auto hashed = [](const std::string& text) { return "sha256:" + base::sha256_hex(text); };
  const std::string at_limit(512, 'k');
  const std::string past_limit(513, 'k');
  CHECK(storable_key(at_limit) == at_limit);
  CHECK(storable_key(past_limit) == hashed(past_limit));
  CHECK(storable_key(std::string("a\0b", 3)) == hashed(std::string("a\0b", 3)));
  CHECK(storable_key("\xFF") == hashed("\xFF"));
  CHECK(storable_key("\xC3\xA9") == "\xC3\xA9");
  CHECK(storable_key("") == std::nullopt);
  CHECK(storable_key(std::nullopt) == std::nullopt);
  CHECK(json_key("/id", R"({"id":"a\u0000b"})") == hashed(std::string("a\0b", 3)));
  // Halves of surrogate pairs: keys that differ stay different.
  CHECK(json_key("/id", R"({"id":"\ud800"})") == hashed("\xED\xA0\x80"));
  CHECK(json_key("/id", R"({"id":"\ud801"})") == hashed("\xED\xA0\x81"));
  CHECK(json_key("/id", R"({"id":"\ufffd"})") == "\uFFFD");
  // JSON but for its UTF-8, as a sender makes it that writes Latin-1.
  CHECK(json_key("/id", "{\"id\":\"a\xFF\"}") == hashed("a\xFF"));
  CHECK(json_key("/id", "{\"id\":\"\\u0041\xFF\"}") == hashed("A\xFF"));
  CHECK(json_key("/id", "{\"name\":\"Jos\xE9\",\"id\":\"evt_1\"}") == "evt_1");
  CHECK(json_key("/id", "{\"name\":\"Jos\xE9\",\"id\":7}") == "7");
  CHECK(json_key("/id", "{\"id\":\"a\xFF\"") == std::nullopt);
  CHECK(json_key("/id", "{\"id\":\xE9}") == std::nullopt);
}

TEST_CASE("payload: a pointer means the field of a form", "[ingress][payload]") {
  const auto form = head_of("POST", "/?From=query", {form_type});
  const auto at = [](const RequestHead& head, std::string_view body, base::JsonPointer pointer) {
    return Payload(head, body).scalar_at(pointer);
  };
  CHECK(at(form, "From=%2B1415&To=x", {"From"}) == "+1415");
  CHECK(at(form, "From=one&From=two", {"From"}) == "one");
  CHECK(at(form, "a%2Fb=1", {"a/b"}) == "1");
  CHECK(at(form, "From=", {"From"}) == "");
  CHECK(at(form, "To=x", {"From"}) == std::nullopt);
  CHECK(at(form, "From=1", {}) == std::nullopt);
  CHECK(at(form, "From=1", {"From", "0"}) == std::nullopt);
  CHECK(key(Provider::none, "/From", form, "From=1") == "1");
  // As the column payload has it: a body that starts like JSON, and is, counts as such.
  CHECK(at(form, R"({"From":"json"})", {"From"}) == "json");
  CHECK(at(form, R"({"From"=1)", {R"({"From")"}) == "1");
  CHECK(at(form, "7", {}) == std::nullopt);
  CHECK(at(head_of("POST", "/"), "From=1", {"From"}) == std::nullopt);
  CHECK(at(head_of("GET", "/t?From=1"), "", {"From"}) == "1");
}

TEST_CASE("dedupe: a GET says what it says in its query", "[ingress][dedupe]") {
  const auto first = head_of("GET", "/t?MessageSid=SM1&Body=x");
  const auto second = head_of("GET", "/t?MessageSid=SM1&Body=y");
  CHECK(key(Provider::twilio, "body", first, "") == base::sha256_hex("MessageSid=SM1&Body=x"));
  CHECK(key(Provider::twilio, "body", second, "") == base::sha256_hex("MessageSid=SM1&Body=y"));
  const auto compared = [](const RequestHead& head) {
    Payload payload(head, "");
    return compare_sha256(Provider::twilio, payload);
  };
  CHECK(compared(first) == base::sha256("MessageSid=SM1&Body=x"));
  CHECK(compared(second) != compared(first));
  CHECK(compared(head_of("POST", "/t?MessageSid=SM1")) == std::nullopt);
}

TEST_CASE("stripe: a repeat is compared without pending_webhooks", "[ingress][stripe]") {
  const auto head = head_of("POST", "/");
  const auto compared = [&](std::string_view body, Provider provider = Provider::stripe) {
    Payload payload(head, body);
    return compare_sha256(provider, payload);
  };
  const auto first = compared(R"({"id":"evt_1","pending_webhooks":2,"type":"x"})");
  REQUIRE(first);
  CHECK(*first == base::sha256(R"({"id":"evt_1","pending_webhooks":,"type":"x"})"));
  CHECK(compared(R"({"id":"evt_1","pending_webhooks":10,"type":"x"})") == first);
  CHECK(compared(R"({"id":"evt_1","pending_webhooks":null,"type":"x"})") == first);
  CHECK(compared(R"({"id":"evt_1","pending_webhooks":2,"type":"y"})") != first);
  CHECK(compared(R"({"id":"evt_1","type":"x"})") == std::nullopt);
  CHECK(compared(R"({"data":{"pending_webhooks":2}})") == std::nullopt);
  CHECK(compared(R"([{"pending_webhooks":2}])") == std::nullopt);
  CHECK(compared(R"({"pending_webhooks":2)") == std::nullopt);
  CHECK(compared("") == std::nullopt);
  CHECK(compared(R"({"pending_webhooks":2})", Provider::github) == std::nullopt);
  CHECK(compared(R"({"pending_webhooks":1,"a":{"pending_webhooks":1},"pending_webhooks":2})") ==
        base::sha256(R"({"pending_webhooks":,"a":{"pending_webhooks":1},"pending_webhooks":})"));
}
