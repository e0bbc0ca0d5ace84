#include <catch2/catch_test_macros.hpp>
#include <format>

#include "ingress/verify/verify.hpp"
#include "requests.hpp"
#include "support/sign.hpp"
#include "support/vectors.hpp"

using namespace holdfast;
using namespace holdfast::ingress;
using namespace holdfast::ingress::test;
using verify::Finding;

namespace {

const std::string body = R"({"n":1})";
constexpr std::int64_t now = 1'700'000'000;

Finding finding(const HmacConfig& scheme, std::vector<Header> headers,
                const std::string& secret = "k") {
  auto source = source_of("s", Provider::hmac);
  source.hmac = scheme;
  source.secrets = {Secret(secret)};
  const auto head = head_of("POST", "/", std::move(headers));
  const WallTime at{std::chrono::seconds(now)};
  return verify::request(source, verify::Keys::of(source), {head, "", body, at}).finding;
}

bool passes(const HmacConfig& scheme, std::vector<Header> headers,
            const std::string& secret = "k") {
  return finding(scheme, std::move(headers), secret) == Finding::verified;
}

std::string code_of(std::string_view message, std::string_view key = "k") {
  return support::hmac_hex("SHA256", key, message);
}

/// A scheme that signs `text`, filled by hand as `message`.
bool fills(const std::string& text, const std::string& message) {
  const HmacConfig scheme{.body_template = text, .timestamp_header = "X-Time", .id_header = "X-Id"};
  return passes(
      scheme,
      {{"X-Signature", code_of(message)}, {"X-Time", std::to_string(now)}, {"X-Id", "id-1"}});
}

}  // namespace

TEST_CASE("hmac: the template is filled, all else in it stays", "[ingress][verify][hmac]") {
  const auto time = std::to_string(now);
  CHECK(fills("{body}", body));
  CHECK(fills("{timestamp}.{body}", time + "." + body));
  CHECK(fills("v1:{id}:{timestamp}:{body}:end", "v1:id-1:" + time + ":" + body + ":end"));
  CHECK(fills("{body}{body}", body + body));
  CHECK(fills("{{body}}", "{" + body + "}"));
  CHECK(fills("{ body }{unknown}{body}{", "{ body }{unknown}" + body + "{"));
  CHECK(fills("{bod{body}", "{bod" + body));
  CHECK_FALSE(fills("{body}", body + "x"));
  // What does not cover the body proves nothing about it.
  CHECK_FALSE(fills("{timestamp}", time));
  CHECK_FALSE(fills("", ""));
  CHECK_FALSE(fills("{Body}", "{Body}"));
}

TEST_CASE("hmac: the border between id and body cannot be moved", "[ingress][verify][hmac]") {
  const HmacConfig scheme{.body_template = "{id}.{timestamp}.{body}",
                          .timestamp_header = "X-Time",
                          .id_header = "X-Id"};
  const auto time = std::to_string(now);
  // What the sender once signed: its body holds a text that looks like a border.
  const auto code = code_of("id-1." + std::to_string(now - 5000) + ".x." + time + "." + body);
  const auto moved = "id-1." + std::to_string(now - 5000) + ".x";
  CHECK_FALSE(passes(scheme, {{"X-Signature", code}, {"X-Time", time}, {"X-Id", moved}}));
  CHECK(passes(
      scheme,
      {{"X-Signature", code_of("id-1." + time + "." + body)}, {"X-Time", time}, {"X-Id", "id-1"}}));
}

TEST_CASE("hmac: what the template or the window needs must be there, once",
          "[ingress][verify][hmac]") {
  const auto time = std::to_string(now);
  const Header time_header{"X-Time", time};
  const Header id_header{"X-Id", "id-1"};
  const HmacConfig timed{.body_template = "{timestamp}.{body}", .timestamp_header = "X-Time"};
  const Header timed_code{"X-Signature", code_of(time + "." + body)};
  CHECK(passes(timed, {timed_code, time_header}));
  CHECK_FALSE(passes(timed, {timed_code}));
  CHECK_FALSE(passes(timed, {timed_code, time_header, time_header}));

  const HmacConfig window_only{.timestamp_header = "X-Time"};
  const Header plain_code{"X-Signature", code_of(body)};
  CHECK(passes(window_only, {plain_code, time_header}));
  CHECK_FALSE(passes(window_only, {plain_code}));
  CHECK_FALSE(passes(window_only, {plain_code, {"X-Time", "yesterday"}}));

  const HmacConfig identified{.body_template = "{id}.{body}", .id_header = "X-Id"};
  const Header id_code{"X-Signature", code_of("id-1." + body)};
  CHECK(passes(identified, {id_code, id_header}));
  CHECK_FALSE(passes(identified, {id_code}));
  CHECK_FALSE(passes(identified, {id_code, id_header, id_header}));

  // An id that is only a dedupe key may be missing: the write is accepted without one.
  const HmacConfig keyed{.id_header = "X-Id"};
  CHECK(passes(keyed, {plain_code}));
  CHECK(passes(keyed, {plain_code, id_header, id_header}));

  // A template that names what no header is configured for cannot be filled.
  CHECK_FALSE(passes({.body_template = "{timestamp}.{body}"}, {timed_code, time_header}));
  CHECK_FALSE(passes({.body_template = "{id}.{body}"}, {id_code, id_header}));
}

TEST_CASE("hmac: the window is as wide as configured", "[ingress][verify][hmac]") {
  HmacConfig scheme{.body_template = "{timestamp}.{body}", .timestamp_header = "X-Time"};
  const auto at = [&](std::int64_t offset) {
    const auto time = std::to_string(now + offset);
    return finding(scheme, {{"X-Signature", code_of(time + "." + body)}, {"X-Time", time}});
  };
  for (const auto tolerance : {5, 300, 3600}) {
    scheme.tolerance = std::chrono::seconds(tolerance);
    CHECK(at(tolerance) == Finding::verified);
    CHECK(at(-tolerance) == Finding::verified);
    CHECK(at(tolerance + 1) == Finding::out_of_window);
    CHECK(at(-tolerance - 1) == Finding::out_of_window);
  }
}

TEST_CASE("hmac: prefix, header and encodings are as configured", "[ingress][verify][hmac]") {
  const auto hex = code_of(body);
  std::string upper;
  for (const char c : hex) upper += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  CHECK(passes({}, {{"x-signature", upper}}));
  CHECK_FALSE(passes({}, {{"X-Signature", "sha256=" + hex}}));
  const HmacConfig prefixed{.header = "X-Hub-Signature-256", .prefix = "sha256="};
  CHECK(passes(prefixed, {{"X-Hub-Signature-256", "sha256=" + hex}}));
  CHECK_FALSE(passes(prefixed, {{"X-Hub-Signature-256", hex}}));
  CHECK_FALSE(passes(prefixed, {{"X-Hub-Signature-256", "SHA256=" + hex}}));
  CHECK_FALSE(passes(prefixed, {{"X-Signature", "sha256=" + hex}}));

  // A code whose base64 has a "+", a "/" and padding, so that the alphabets differ.
  std::string secret;
  std::string code;
  for (int i = 0; !code.contains('+') || !code.contains('/'); ++i) {
    secret = std::to_string(i);
    code = support::hmac_base64("SHA256", secret, body);
  }
  auto url = code;
  for (auto& c : url) c = c == '+' ? '-' : c == '/' ? '_' : c;
  const auto bare = [](const std::string& text) { return text.substr(0, text.find('=')); };
  const HmacConfig base64{.encoding = HmacEncoding::base64};
  const HmacConfig base64url{.encoding = HmacEncoding::base64url};
  CHECK(passes(base64, {{"X-Signature", code}}, secret));
  CHECK(passes(base64, {{"X-Signature", bare(code)}}, secret));
  CHECK_FALSE(passes(base64, {{"X-Signature", url}}, secret));
  CHECK(passes(base64url, {{"X-Signature", url}}, secret));
  CHECK(passes(base64url, {{"X-Signature", bare(url)}}, secret));
  CHECK_FALSE(passes(base64url, {{"X-Signature", code}}, secret));
  CHECK_FALSE(passes({}, {{"X-Signature", code}}, secret));
}

TEST_CASE("hmac: a secret is decoded as configured, and one that is not so verifies nothing",
          "[ingress][verify][hmac]") {
  const Header code{"X-Signature", code_of(body, "\x01\xFFkey")};
  const HmacConfig hex{.secret_encoding = SecretEncoding::hex};
  const HmacConfig base64{.secret_encoding = SecretEncoding::base64};
  CHECK(passes(hex, {code}, "01ff6b6579"));
  CHECK(passes(hex, {code}, "01FF6B6579"));
  CHECK(passes(base64, {code}, "Af9rZXk="));
  CHECK(passes(base64, {code}, "Af9rZXk"));
  CHECK_FALSE(passes({}, {code}, "01ff6b6579"));
  for (const auto* secret : {"", "01ff6b657", "01ff6b65zz", " 01ff6b6579", "Af9rZXl="}) {
    CAPTURE(secret);
    CHECK_FALSE(passes(hex, {code}, secret));
    CHECK_FALSE(passes(base64, {code}, secret));
  }
  const Header empty{"X-Signature", code_of(body, "")};
  CHECK_FALSE(passes({}, {empty}, ""));
  CHECK_FALSE(passes(hex, {empty}, ""));
  CHECK_FALSE(passes(base64, {empty}, ""));
}
