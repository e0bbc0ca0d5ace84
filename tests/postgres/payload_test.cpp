#include "postgres/payload.hpp"

#include <catch2/catch_test_macros.hpp>

namespace holdfast::postgres {
namespace {

bool is_json(const Payload& payload, std::string_view text) {
  return payload.json == text && !payload.unfit;
}
bool is_null(const Payload& payload) {
  return !payload.json && !payload.unfit;
}
bool is_unfit(const Payload& payload) {
  return !payload.json && payload.unfit;
}

const std::string form = "application/x-www-form-urlencoded";

}  // namespace

TEST_CASE("payload: JSON is kept as its own text", "[postgres][payload]") {
  for (const auto* type : {"application/json", "Application/JSON; charset=utf-8", "",
                           "application/vnd.github+json", "text/plain", "application/octet-stream"})
    CHECK(is_json(payload_of(type, " {\"a\": [1.50, null]} "), " {\"a\": [1.50, null]} "));
  CHECK(is_json(payload_of("", "12"), "12"));
  CHECK(is_json(payload_of("", "\xEF\xBB\xBF{}"), "{}"));
  CHECK(is_json(payload_of("", "[1e400]"), "[1e400]"));
  CHECK(is_json(payload_of("", R"("\ud83d\ude00")"), R"("\ud83d\ude00")"));
}

TEST_CASE("payload: what is meant as JSON and is not fit is flagged", "[postgres][payload]") {
  for (const auto* type : {"application/json", "text/json", "application/problem+json", ""})
    for (const auto* body : {"nope", "{", "[1,]", R"({"a":"\u0000"})", R"({"\u0000":1})",
                             "\"\xFF\"", R"("\ud800")", "[NaN]", "[01]"})
      CHECK(is_unfit(payload_of(type, body)));
  CHECK(is_unfit(payload_of("text/plain", " \r\n\t{nope")));
  CHECK(is_unfit(payload_of("application/json", std::string("{}\0", 3))));
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  CHECK(is_json(payload_of("", nested(payload_depth_max)), nested(payload_depth_max)));
  CHECK(is_unfit(payload_of("", nested(payload_depth_max + 1))));
  CHECK(is_unfit(payload_of("", nested(2'000'000))));
}

TEST_CASE("payload: what jsonb cannot hold is a document all the same", "[postgres][payload]") {
  for (const auto* body : {R"({"a":"\u0000"})", R"([{"\u0000":1e999}])"}) {
    const auto payload = payload_of("application/json", body);
    CHECK(is_unfit(payload));
    CHECK(payload.document() == body);
  }
  CHECK_FALSE(payload_of("application/json", "nope").document().has_value());
  CHECK_FALSE(payload_of("text/plain", "hello").document().has_value());
  CHECK(payload_of(form, "a=1").document() == R"({"a":"1"})");
  for (const auto* body : {"[-1e999, 0.5e-999]", "[1E+999]"})
    CHECK(is_json(payload_of("", body), body));
  for (const auto* body : {"[1e999,]", "[1e999] 2", "[1e999, 01]", "[1e999, 1.]", "[1e999, -]"})
    CHECK(is_unfit(payload_of("", body)));
}

TEST_CASE("payload: what is not meant as JSON is null without a flag", "[postgres][payload]") {
  CHECK(is_null(payload_of("text/plain", "hello")));
  CHECK(is_null(payload_of("application/octet-stream", std::string("\0\xFF", 2))));
  for (const auto* type : {"", "application/json", "text/plain", form.c_str()})
    CHECK(is_null(payload_of(type, "")));
}

TEST_CASE("payload: a form is an object of its fields", "[postgres][payload]") {
  CHECK(is_json(payload_of(form, "From=whatsapp%3A%2B49&Body=a+b%26c&&Empty=&Bare"),
                R"({"Bare":"","Body":"a b&c","Empty":"","From":"whatsapp:+49"})"));
  CHECK(is_json(payload_of(form + "; charset=UTF-8", "a=1&b=2&a=3&a=4"),
                R"({"a":["1","3","4"],"b":"2"})"));
  CHECK(is_json(payload_of(form, "n=J%FCrgen&z=%00"), "{\"n\":\"Jürgen\",\"z\":\"\xEF\xBF\xBD\"}"));
  CHECK(is_json(payload_of(form, "a=%zz&=x&%3D=y"), R"({"":"x","=":"y","a":"%zz"})"));
  // curl -d '{"a":1}' says that it sends a form.
  CHECK(is_json(payload_of(form, R"({"a":1})"), R"({"a":1})"));
  CHECK(is_json(payload_of(form, "{a"), R"({"{a":""})"));
}

TEST_CASE("payload: headers are pairs in the order received", "[postgres][payload]") {
  CHECK(headers_json({}) == "[]");
  CHECK(headers_json({{"B", "2"}, {"A", "1"}, {"B", "3"}}) == R"([["B","2"],["A","1"],["B","3"]])");
  CHECK(headers_json({{"X", "\xE9\"\\\n"}}) == "[[\"X\",\"é\\\"\\\\\\n\"]]");
  CHECK(headers_json({{"X",
                       "\"ab\x01"
                       "c\x7F\x1F"},
                      {"Y", ""}}) == "[[\"X\",\"\\\"ab\\u0001c\x7F\\u001f\"],[\"Y\",\"\"]]");
}

}  // namespace holdfast::postgres
