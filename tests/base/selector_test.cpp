#include "base/selector.hpp"

#include <catch2/catch_test_macros.hpp>

namespace holdfast::base {

TEST_CASE("selector: each form names its part of an entry", "[base][selector]") {
  CHECK(std::get<JsonPointer>(parse_selector("").value()).empty());
  CHECK(std::get<JsonPointer>(parse_selector("/a~1b/0/m~0n").value()) ==
        JsonPointer{"a/b", "0", "m~n"});
  CHECK(std::get<JsonPointer>(parse_selector("/").value()) == JsonPointer{""});
  CHECK(std::get<HeaderSelector>(parse_selector("header:X-Id").value()).name == "X-Id");
  CHECK(std::get<FormSelector>(parse_selector("form:Message Sid:x").value()).name ==
        "Message Sid:x");
  CHECK(std::get<EntryField>(parse_selector("entry:id").value()) == EntryField::id);
  CHECK(std::get<EntryField>(parse_selector("entry:received_at").value()) ==
        EntryField::received_at);
  CHECK(std::get<EntryField>(parse_selector("entry:source").value()) == EntryField::source);
}

TEST_CASE("selector: what selects nothing is refused with what to write", "[base][selector]") {
  for (const char* text : {"id", "/a~2", "/a~", "header:", "header:a b", "header:Ä", "form:",
                           "entry:", "entry:seq", "entry:ID", " /a", "Header:X", "body", "$.id"}) {
    INFO(text);
    const auto parsed = parse_selector(text);
    REQUIRE_FALSE(parsed.has_value());
    CHECK(parsed.error().contains("; write "));
  }
  CHECK(parse_selector("id").error().contains("\"id\" selects nothing"));
}

TEST_CASE("selector: the first equals sign of a condition separates", "[base][selector]") {
  const auto condition = parse_condition("/type=a=b");
  REQUIRE(condition.has_value());
  CHECK(std::get<JsonPointer>(condition->selector) == JsonPointer{"type"});
  CHECK(condition->value == "a=b");
  CHECK(parse_condition("header:X-Kind=").value().value.empty());
  CHECK(parse_condition("/type").error().contains("SELECTOR=TEXT"));
  CHECK_FALSE(parse_condition("type=message").has_value());
  CHECK_FALSE(parse_condition("").has_value());
}

}  // namespace holdfast::base
