#include "base/form.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace holdfast;

TEST_CASE("form: fields are decoded in order", "[base][form]") {
  CHECK(
      base::decode_form("a=1&b=x+y%26&&c&=d&e=f=g&a=2") ==
      base::FormFields{{"a", "1"}, {"b", "x y&"}, {"c", ""}, {"", "d"}, {"e", "f=g"}, {"a", "2"}});
  CHECK(base::decode_form("").empty());
  CHECK(base::decode_form("&&&").empty());
  CHECK(base::decode_form("a=%4&b=%zz&c=%") ==
        base::FormFields{{"a", "%4"}, {"b", "%zz"}, {"c", "%"}});
  CHECK(base::decode_form("%41%00=%FF") == base::FormFields{{std::string("A\0", 2), "\xFF"}});
}

TEST_CASE("form: a field is found by its exact name, and the first one counts", "[base][form]") {
  const auto fields = base::decode_form("a=1&a=2&b=&A=3");
  CHECK(base::find_field(fields, "a") == "1");
  CHECK(base::find_field(fields, "A") == "3");
  CHECK(base::find_field(fields, "b") == "");
  CHECK_FALSE(base::find_field(fields, "B"));
}

TEST_CASE("form: a media type counts in any case and with any parameter", "[base][form]") {
  CHECK(base::is_media_type("Application/JSON ; charset=utf-8", "application/json"));
  CHECK(base::is_media_type("application/x-www-form-urlencoded", base::form_media_type));
  CHECK_FALSE(base::is_media_type("application/json5", "application/json"));
  CHECK_FALSE(base::is_media_type("", "application/json"));
}
