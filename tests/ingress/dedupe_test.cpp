#include "ingress/dedupe.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "base/encoding.hpp"
#include "ingress/form.hpp"
#include "ingress/json_scalar.hpp"
#include "requests.hpp"

using namespace holdfast;
using namespace holdfast::ingress;
using namespace holdfast::ingress::test;
using Key = std::optional<std::string>;

namespace {

Key key(Provider provider, std::string dedupe, const RequestHead& head, std::string_view body) {
  const auto rule = DedupeRule::make(source_of("s", provider, std::move(dedupe)));
  REQUIRE(rule);
  return rule->key(head, body);
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

TEST_CASE("dedupe: strings count by content, numbers by source text", "[ingress][dedupe]") {
  CHECK(json_key("/id", R"({"id":"a\u00e9\"b"})") == "a\xC3\xA9\"b");
  const std::string number =
      GENERATE("0", "-0", "7", "-7", "1.0", "1.00", "1e5", "1E+5", "-0.0", "18446744073709551615",
               "18446744073709551616", "-9223372036854775808", "-9223372036854775809",
               "12345678901234567890123", "0.1000000000000000055511151231257827", "1e400");
  CAPTURE(number);
  CHECK(json_key("/id", R"({"id": )" + number + " }") == number);
}

TEST_CASE("dedupe: what is no key leaves the write without one", "[ingress][dedupe]") {
  const std::string body = GENERATE(
      "", "{", "null", "[]", "{}", R"({"id":null})", R"({"id":true})", R"({"id":false})",
      R"({"id":{}})", R"({"id":[1]})", R"({"id":""})", R"({"Id":1})", R"({"id":1)", R"({"id":1} x)",
      R"({"id":01})", "{\"id\":\"\xFF\"}", R"({"a":{"id":1}})", R"("id")", "{id:1}", R"({'id':1})");
  CAPTURE(body);
  CHECK(json_key("/id", body) == std::nullopt);
}

TEST_CASE("dedupe: pointers lead through objects and arrays", "[ingress][dedupe]") {
  const std::string body =
      R"({"a":[{"b":1},{"b":"x","":"empty"}],"m/n":2,"t~u":3,"0":"zero","a b":4})";
  CHECK(json_key("/a/0/b", body) == "1");
  CHECK(json_key("/a/1/b", body) == "x");
  CHECK(json_key("/a/1/", body) == "empty");
  CHECK(json_key("/m~1n", body) == "2");
  CHECK(json_key("/t~0u", body) == "3");
  CHECK(json_key("/0", body) == "zero");
  CHECK(json_key("/a b", body) == "4");
  CHECK(json_key("/a/01/b", body) == std::nullopt);
  CHECK(json_key("/a/-/b", body) == std::nullopt);
  CHECK(json_key("/a/2/b", body) == std::nullopt);
  CHECK(json_key("/a/1/b/c", body) == std::nullopt);
  CHECK(json_key("/1", "[\"x\",\"y\"]") == "y");
  CHECK(json_key("/1/0", "[[9],[8]]") == "8");
}

TEST_CASE("dedupe: of repeated names the last one counts", "[ingress][dedupe]") {
  CHECK(json_key("/id", R"({"id":1,"id":2})") == "2");
  CHECK(json_key("/id", R"({"id":1,"id":null})") == std::nullopt);
  CHECK(json_key("/a/id", R"({"a":{"id":1},"a":{}})") == std::nullopt);
  CHECK(json_key("/a/id", R"({"a":{"id":1},"a":7})") == std::nullopt);
  CHECK(json_key("/a/id", R"({"a":{"id":1},"b":{"id":2}})") == "1");
}

TEST_CASE("dedupe: deep nesting and huge numbers elsewhere do no harm", "[ingress][dedupe]") {
  const std::string deep = std::string(20'000, '[') + std::string(20'000, ']');
  CHECK(json_key("/id", R"({"id":"x","d":)" + deep + "}") == "x");
  CHECK(json_key("/id", R"({"d":)" + deep + R"(,"id":"x"})") == "x");
  CHECK(json_key("/id", R"({"n":1e999,"id":"x"})") == "x");
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
}

TEST_CASE("form: fields are decoded in order", "[ingress][form]") {
  CHECK(decode_form("a=1&b=x+y%26&&c&=d&e=f=g&a=2") ==
        FormFields{{"a", "1"}, {"b", "x y&"}, {"c", ""}, {"", "d"}, {"e", "f=g"}, {"a", "2"}});
  CHECK(decode_form("").empty());
  CHECK(decode_form("a=%4&b=%zz&c=%") == FormFields{{"a", "%4"}, {"b", "%zz"}, {"c", "%"}});
  CHECK(find_field(decode_form("a=1&a=2"), "a") == "1");
  CHECK_FALSE(find_field(decode_form("a=1"), "A"));
}

TEST_CASE("form: a media type counts in any case and with any parameter", "[ingress][form]") {
  CHECK(is_media_type("Application/JSON ; charset=utf-8", "application/json"));
  CHECK_FALSE(is_media_type("application/json5", "application/json"));
  CHECK_FALSE(is_media_type("", "application/json"));
}
