#include "base/encoding.hpp"

#include <catch2/catch_test_macros.hpp>
#include <string>

using namespace holdfast;
using namespace holdfast::base;
using namespace std::string_view_literals;

namespace {

std::string all_bytes() {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  return bytes;
}

}  // namespace

TEST_CASE("encoding: hex goes both ways for every byte", "[base]") {
  CHECK(to_hex("\x00\x7f\xff"sv) == "007fff");
  CHECK(from_hex("007FfF") == "\x00\x7f\xff"sv);
  CHECK(from_hex(to_hex(all_bytes())) == all_bytes());
  CHECK_FALSE(from_hex("0"));
  CHECK_FALSE(from_hex("0g"));
}

TEST_CASE("encoding: base64 goes both ways and takes nothing loose", "[base]") {
  CHECK(to_base64("").empty());
  CHECK(to_base64("f") == "Zg==");
  CHECK(to_base64("fo") == "Zm8=");
  CHECK(to_base64("foo") == "Zm9v");
  CHECK(from_base64("Zm8=") == "fo");
  CHECK(from_base64(to_base64(all_bytes())) == all_bytes());
  for (const auto* bad : {"Zg=", "Zg", "Zg==\n", " Zg=", "Z=g=", "====", "Zm9v====", "Zg-_"})
    CHECK_FALSE(from_base64(bad));
}

TEST_CASE("encoding: sha256 is the standard's", "[base]") {
  CHECK(sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("encoding: UTF-8 is checked strictly", "[base]") {
  CHECK(is_utf8(""));
  CHECK(is_utf8("a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"));
  CHECK(is_utf8("\x00"sv));
  for (const auto bad : {"\x80"sv, "\xC0\xAF"sv, "\xC3"sv, "\xE0\x80\x80"sv, "\xED\xA0\x80"sv,
                         "\xF4\x90\x80\x80"sv, "\xF5\x80\x80\x80"sv, "\xF0\x9F\x98"sv, "a\xFF"sv})
    CHECK_FALSE(is_utf8(bad));
}

TEST_CASE("encoding: anything becomes text that Postgres can hold", "[base]") {
  CHECK(to_postgres_text("Zo\xC3\xAB") == "Zo\xC3\xAB");
  CHECK(to_postgres_text("Zo\xEB") == "Zo\xC3\xAB");
  CHECK(to_postgres_text("a\0b"sv) ==
        "a\xEF\xBF\xBD"
        "b");
  CHECK(is_utf8(to_postgres_text(all_bytes())));
}

TEST_CASE("encoding: percent escapes are decoded, broken ones are kept", "[base]") {
  CHECK(percent_decode("a%20b+c", false) == "a b+c");
  CHECK(percent_decode("a%20b+c", true) == "a b c");
  CHECK(percent_decode("%zz%4", true) == "%zz%4");
  CHECK(percent_decode("%41%4", true) == "A%4");
  CHECK(percent_decode("%00", false) == "\x00"sv);
}

TEST_CASE("encoding: comparisons", "[base]") {
  CHECK(equal_constant_time("abc", "abc"));
  CHECK_FALSE(equal_constant_time("abc", "abd"));
  CHECK_FALSE(equal_constant_time("abc", "abcd"));
  CHECK(equal_ignore_case("X-Hub", "x-hUB"));
  CHECK_FALSE(equal_ignore_case("X-Hub", "X-Hu"));
}

TEST_CASE("encoding: RFC 3339 times go both ways", "[base]") {
  const auto time = from_rfc3339("2026-11-23T22:29:22.123Z");
  REQUIRE(time);
  CHECK(to_rfc3339(*time) == "2026-11-23T22:29:22.123Z");
  CHECK(from_rfc3339("2026-11-23T23:29:22.123+01:00") == time);
  CHECK(from_rfc3339("2026-11-23T17:29:22.1239-05:00") == time);
  CHECK(to_rfc3339(*from_rfc3339("2026-11-23T22:29:22Z")) == "2026-11-23T22:29:22.000Z");
  for (const auto* bad :
       {"", "2026-11-23", "2026-02-30T00:00:00Z", "2026-11-23T24:00:00Z", "2026-11-23T00:00:00",
        "2026-11-23T00:00:00Zx", "2026-11-23T00:00:00.Z", "2026-11-23T00:00:00.",
        "2026-11-23T00:00:00+0100", "9999-12-31T23:59:60Z", "9999-12-31T23:00:00-02:00",
        "0000-01-01T00:00:00+00:01"})
    CHECK_FALSE(from_rfc3339(bad));
}
