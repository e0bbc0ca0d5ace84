#include "postgres/statement_values.hpp"

#include <catch2/catch_test_macros.hpp>

#include "support/destination_conformance.hpp"

namespace holdfast::postgres {
namespace {

using Text = std::optional<std::string>;

Text value_of(const Entry& entry, std::string_view selector, const ParameterType& type = {}) {
  const Payload payload = payload_of(entry.content_type, entry.body);
  return EntryValues(entry, payload).value(base::parse_selector(selector).value(), type);
}
Text value_of(std::string_view body, std::string_view selector, const ParameterType& type = {}) {
  return value_of(support::make_entry(1, {}, std::string(body)), selector, type);
}
bool holds(const Entry& entry, std::string_view condition) {
  const Payload payload = payload_of(entry.content_type, entry.body);
  return EntryValues(entry, payload).holds(base::parse_condition(condition).value());
}

ParameterType json_type() {
  ParameterType type;
  type.is_json = true;
  return type;
}
ParameterType array_type(char delimiter = ',', bool json = false) {
  ParameterType type;
  type.is_array = true;
  type.element_delimiter = delimiter;
  type.elements_are_json = json;
  return type;
}

}  // namespace

TEST_CASE("statement values: a scalar is its content or its source text", "[postgres][values]") {
  const std::string_view body =
      R"( {"s":"a\"ü\n","n":1.50,"big":123456789012345678901234567890.10,"e":1E5,"t":true,"f":false,
           "z":null,"o":{"k" : [1 , "x"]},"nul":"a\u0000b","n":-0.0} )";
  CHECK(value_of(body, "/s") == "a\"ü\n");
  CHECK(value_of(body, "/n") == "-0.0");
  CHECK(value_of(body, "/big") == "123456789012345678901234567890.10");
  CHECK(value_of(body, "/e") == "1E5");
  CHECK(value_of(body, "/t") == "true");
  CHECK(value_of(body, "/f") == "false");
  CHECK_FALSE(value_of(body, "/z").has_value());
  CHECK_FALSE(value_of(body, "/none").has_value());
  CHECK_FALSE(value_of(body, "/s/x").has_value());
  CHECK(value_of(body, "/o") == R"({"k" : [1 , "x"]})");
  CHECK(value_of(body, "/o/k/1") == "x");
  CHECK(value_of(body, "/nul") ==
        "a\xEF\xBF\xBD"
        "b");
}

TEST_CASE("statement values: a json parameter gets the source text", "[postgres][values]") {
  const std::string_view body = R"({"s":"a\"b","n":1.50,"z":null,"o":{"k":1}})";
  CHECK(value_of(body, "/s", json_type()) == R"("a\"b")");
  CHECK(value_of(body, "/n", json_type()) == "1.50");
  CHECK(value_of(body, "", json_type()) == body);
  CHECK(value_of(body, "") == body);
  CHECK_FALSE(value_of(body, "/z", json_type()).has_value());
}

TEST_CASE("statement values: a JSON array becomes an array literal", "[postgres][values]") {
  const auto literal = [](std::string_view array, const ParameterType& type = array_type()) {
    return value_of(array, "", type);
  };
  CHECK(literal("[]") == "{}");
  CHECK(literal(R"([ 1 ,"a,\"\\b]", null , true, {"k":[1,2]} ])") ==
        R"({"1","a,\"\\b]",NULL,"true","{\"k\":[1,2]}"})");
  CHECK(literal("[[1,2],[3,null]]") == R"({{"1","2"},{"3",NULL}})");
  CHECK(literal(R"(["NULL",""])") == R"({"NULL",""})");
  CHECK(literal("[1,2]", array_type(';')) == R"({"1";"2"})");
  CHECK(literal(R"([[1],"a",null])", array_type(',', true)) == R"({"[1]","\"a\"",NULL})");
  CHECK(literal("[[[[[[[1]]]]]]]") == R"({{{{{{"[1]"}}}}}})");
  CHECK(literal(R"("{1,2}")") == "{1,2}");
  CHECK(literal("7") == "7");
}

TEST_CASE("statement values: headers, forms and the entry itself", "[postgres][values]") {
  auto entry = support::make_entry(1);
  entry.headers = {{"x-id", "first"}, {"X-Id", "second"}, {"X-Raw", "\xE9\x01"}};
  CHECK(value_of(entry, "header:X-ID") == "first");
  CHECK(value_of(entry, "header:x-raw") == "é\x01");
  CHECK_FALSE(value_of(entry, "header:X-None").has_value());
  CHECK_FALSE(value_of(entry, "form:x").has_value());
  CHECK(value_of(entry, "entry:id") == entry.id.to_string());
  CHECK(value_of(entry, "entry:received_at") == base::to_rfc3339(entry.received_at));
  CHECK(value_of(entry, "entry:source") == "activities");
  entry.content_type = "application/x-www-form-urlencoded; charset=UTF-8";
  entry.body = "a=1+2&b=%C3%BC&a=3&n=%00";
  CHECK(value_of(entry, "form:a") == "1 2");
  CHECK(value_of(entry, "form:b") == "ü");
  CHECK(value_of(entry, "form:n") == "\xEF\xBF\xBD");
  CHECK(value_of(entry, "/a/1") == "3");
  CHECK(value_of(entry, "/b") == "ü");
  entry.method = "GET";
  entry.target = "/x?q=1%20&a=get";
  entry.body = "";
  CHECK(value_of(entry, "form:a") == "get");
  CHECK(value_of(entry, "form:q") == "1 ");
  entry.target = "/x";
  CHECK_FALSE(value_of(entry, "form:a").has_value());
}

TEST_CASE("statement values: a condition compares the text of a scalar", "[postgres][values]") {
  const auto entry = support::make_entry(
      1, {}, R"({"type":"message","n":1.0,"t":true,"z":null,"o":{},"a":[1],"e":""})");
  CHECK(holds(entry, "/type=message"));
  CHECK_FALSE(holds(entry, "/type=messages"));
  CHECK(holds(entry, "/n=1.0"));
  CHECK_FALSE(holds(entry, "/n=1"));
  CHECK(holds(entry, "/t=true"));
  CHECK(holds(entry, "/e="));
  for (const char* never : {"/z=", "/z=null", "/o={}", "/a=[1]", "/none=", "header:X="})
    CHECK_FALSE(holds(entry, never));
  CHECK(holds(entry, "header:host=example.com"));
  CHECK(holds(entry, "entry:source=activities"));
}

TEST_CASE("statement values: a condition sees the text that a parameter would get",
          "[postgres][values]") {
  auto entry = support::make_entry(1, {}, R"({"nul":"a\u0000b"})");
  entry.headers.push_back({"X-Name", "Zo\xEB"});
  CHECK(value_of(entry, "header:X-Name") == "Zoë");
  CHECK(holds(entry, "header:X-Name=Zoë"));
  CHECK(holds(entry, "/nul=" + value_of(entry, "/nul").value()));
}

TEST_CASE("statement values: pointers reach into JSON that jsonb cannot hold",
          "[postgres][values]") {
  CHECK(value_of(R"({"a":"\u0000","id":7})", "/id") == "7");
  const std::string deep = std::string(5000, '[') + std::string(5000, ']');
  CHECK(value_of(R"({"d":)" + deep + R"(,"id":7})", "/id") == "7");
  CHECK(value_of(R"({"n":-1e999999,"id":7})", "/id") == "7");
  CHECK(value_of(R"({"n":-1e999999,"id":7})", "/n") == "-1e999999");
  for (const char* body : {R"({"n":1e999999,"id":7)", R"({"id":7} x)", R"({"n":01e999,"id":7})",
                           R"({"n":1e999-,"id":7})", "\"\xFF\"", "nope", ""}) {
    INFO(body);
    CHECK_FALSE(value_of(body, "/id").has_value());
    CHECK_FALSE(value_of(body, "").has_value());
  }
}

}  // namespace holdfast::postgres
