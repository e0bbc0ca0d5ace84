#include "ingress/verify/digest.hpp"

#include <array>
#include <catch2/catch_test_macros.hpp>

#include "base/encoding.hpp"
#include "ingress/verify/parts.hpp"
#include "requests.hpp"

using namespace holdfast;
using namespace holdfast::ingress;
using namespace holdfast::ingress::test;
using std::chrono::seconds;
using std::chrono::sys_seconds;

namespace {

std::string hex_code(HmacAlgorithm algorithm, std::string_view key, std::string_view message) {
  const auto middle = message.size() / 2;
  const std::array pieces{message.substr(0, middle), std::string_view(), message.substr(middle)};
  const auto in_pieces = verify::hmac_code(algorithm, key, pieces);
  CHECK(in_pieces == verify::hmac_code(algorithm, key, {&message, 1}));
  return base::to_hex(in_pieces);
}

}  // namespace

// Vectors: RFC 2202, RFC 4231 and the article on HMAC that everybody copies.
TEST_CASE("digest: it agrees with the public vectors", "[ingress][verify]") {
  constexpr auto sha1 = HmacAlgorithm::sha1;
  constexpr auto sha256 = HmacAlgorithm::sha256;
  constexpr std::string_view fox = "The quick brown fox jumps over the lazy dog";
  CHECK(hex_code(sha1, "key", fox) == "de7c9b85b8b78aa6bc8a7a36f70a90701c9db4d9");
  CHECK(hex_code(sha256, "key", fox) ==
        "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8");
  CHECK(hex_code(HmacAlgorithm::sha512, "key", fox) ==
        "b42af09057bac1e2d41708e48a902e09b5ff7f12ab428a4fe86653c73dd248fb"
        "82f948a549f7b791a5b41915ee4d1ec3935357e4e2317250d0372afa2ebeeb3a");
  CHECK(hex_code(sha1, "Jefe", "what do ya want for nothing?") ==
        "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
  CHECK(hex_code(sha256, std::string(20, '\x0b'), "Hi There") ==
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  CHECK(hex_code(sha256, "Jefe", "what do ya want for nothing?") ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  CHECK(hex_code(sha256, std::string(131, '\xaa'),
                 "Test Using Larger Than Block-Size Key - Hash Key First") ==
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST_CASE("digest: any code under any key matches, an empty key never", "[ingress][verify]") {
  constexpr std::string_view message = "m";
  const auto code = [&](std::string_view key) {
    return verify::hmac_code(HmacAlgorithm::sha256, key, {&message, 1});
  };
  const auto matches = [&](const std::vector<Secret>& keys, const std::vector<std::string>& codes) {
    return verify::any_matches(HmacAlgorithm::sha256, keys, {&message, 1}, codes);
  };
  CHECK(matches(secrets({"a", "b"}), {code("x"), code("b")}));
  CHECK_FALSE(matches(secrets({"a", "b"}), {code("x")}));
  CHECK_FALSE(matches(secrets({"a"}), {}));
  CHECK_FALSE(matches({}, {code("a")}));
  CHECK_FALSE(matches(secrets({""}), {code("")}));
  CHECK_FALSE(matches(secrets({"a"}), {"", code("a").substr(1), code("a") + "x"}));
}

TEST_CASE("verify: base64 counts with its padding or without, and in one spelling only",
          "[ingress][verify]") {
  const auto standard = [](std::string_view text) { return verify::from_base64_text(text); };
  const auto url = [](std::string_view text) { return verify::from_base64_text(text, true); };
  CHECK(standard("+/8=") == "\xFB\xFF");
  CHECK(standard("+/8") == "\xFB\xFF");
  CHECK(url("-_8=") == "\xFB\xFF");
  CHECK(url("-_8") == "\xFB\xFF");
  CHECK(standard("") == "");
  CHECK(standard("QQ") == "A");
  CHECK(standard("QQ==") == "A");
  for (const auto* text : {"-_8=", "+/9=", "+/9", "QQ=", "Q", "QQ===", "====", "=", "QUJD=", " QQ",
                           "QQ ", "QQ==\n", "Q=Q="}) {
    CAPTURE(text);
    CHECK_FALSE(standard(text));
  }
  for (const auto* text : {"+/8=", "-_9=", "-/8", "QQ="}) {
    CAPTURE(text);
    CHECK_FALSE(url(text));
  }
}

TEST_CASE("verify: a signed time is digits that make sense", "[ingress][verify]") {
  CHECK(verify::parse_timestamp("0") == sys_seconds(seconds(0)));
  CHECK(verify::parse_timestamp("1614265330") == sys_seconds(seconds(1'614'265'330)));
  CHECK(verify::parse_timestamp("999999999999") == sys_seconds(seconds(999'999'999'999)));
  for (const auto* text :
       {"", " 1614265330", "1614265330 ", "+1614265330", "-1", "1614265330.5", "1e9", "0x10",
        "1000000000000", "9223372036854775807", "9223372036854775808", "18446744073709551616",
        "99999999999999999999999999", "00", "01614265330", "16142\t65330", "\xD9\xA1"}) {
    CAPTURE(text);
    CHECK_FALSE(verify::parse_timestamp(text));
  }
}
