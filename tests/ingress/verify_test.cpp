#include "ingress/verify/verify.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "base/encoding.hpp"
#include "ingress/verify/digest.hpp"
#include "requests.hpp"

using namespace holdfast;
using namespace holdfast::ingress;
using namespace holdfast::ingress::test;

// Vectors: Meta's scheme (the second one is GitHub's official example of the same scheme),
// twilio-python tests/unit/test_request_validator.py, RFC 2202 and RFC 4231.
namespace {

constexpr std::string_view whatsapp_body =
    R"({"object":"whatsapp_business_account","entry":[{"id":"102290129340398","changes":[{"value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550783881","phone_number_id":"106540352242922"},"contacts":[{"profile":{"name":"Zo\u00eb"},"wa_id":"16505551234"}],"messages":[{"from":"16505551234","id":"wamid.HBgLMTY1MDU1NTEyMzQVAgASGBQzQTdCNTg5RjY1MEMyRjlGMjRGNgA=","timestamp":"1739321024","type":"text","text":{"body":"Does it come in another color? \ud83d\ude00"}}]},"field":"messages"}]}]})";
constexpr std::string_view whatsapp_signature =
    "sha256=82ddd3448ae0449263c0f98728a32a9cb4791b65a0701b83b60e0e19787cbed2";

constexpr std::string_view call_form =
    "CallSid=CA1234567890ABCDE&Digits=1234&From=%2B14158675309&To=%2B18005551212"
    "&Caller=%2B14158675309";
constexpr std::string_view call_target = "/myapp.php?foo=1&bar=2";
constexpr std::string_view call_signature = "RSOYDt4T1cUTdK1PDd93/VVr8B8=";

constexpr std::string_view sms_form =
    "SmsMessageSid=SM00000000000000000000000000000001&NumMedia=0&ProfileName=Zo%C3%AB+"
    "%F0%9F%98%80&MessageType=text&SmsSid=SM00000000000000000000000000000001&WaId=14155550100&"
    "SmsStatus=received&Body=Hello+%26+welcome+%2B+1%3D2%0A&To=whatsapp%3A%2B14155238886&"
    "NumSegments=1&ReferralNumMedia=0&MessageSid=SM00000000000000000000000000000001&"
    "AccountSid=AC00000000000000000000000000000001&From=whatsapp%3A%2B14155550100&"
    "ApiVersion=2010-04-01&FromCity=";

bool whatsapp(std::vector<Header> headers, std::string_view body, const char* secret) {
  const auto head = head_of("POST", "/w", std::move(headers));
  return verify::whatsapp({head, "", body}, secrets({secret}));
}

struct TwilioCall {
  std::string_view origin = "https://mycompany.com";
  std::string_view target = call_target;
  std::string_view body = call_form;
  std::string_view signature = call_signature;
  std::string_view content_type = "application/x-www-form-urlencoded";
  std::string_view method = "POST";
};

bool twilio(const TwilioCall& call, const std::vector<Secret>& tokens = secrets({"12345"})) {
  const auto head = head_of(call.method, call.target,
                            {{"X-Twilio-Signature", std::string(call.signature)},
                             {"Content-Type", std::string(call.content_type)}});
  return verify::twilio({head, call.origin, call.body}, tokens);
}

std::string hmac_sha1(std::string_view key, std::string_view text) {
  return verify::hmac_code(HmacAlgorithm::sha1, key, {&text, 1});
}

std::string sign_twilio(std::string_view text) {
  return base::to_base64(hmac_sha1("12345", text));
}

}  // namespace

TEST_CASE("whatsapp: the signature of the raw body passes", "[ingress][verify][whatsapp]") {
  CHECK(whatsapp({{"X-Hub-Signature-256", std::string(whatsapp_signature)}}, whatsapp_body,
                 "meta_app_secret"));
  CHECK(whatsapp({{"x-hub-signature-256",
                   "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"}},
                 "Hello, World!", "It's a Secret to Everybody"));
  CHECK(whatsapp({{"X-Hub-Signature-256",
                   "sha256=757107EA0EB2509FC211221CCE984B8A37570B6D7586C22C46F4379C8B043E17"}},
                 "Hello, World!", "It's a Secret to Everybody"));
}

TEST_CASE("whatsapp: one wrong bit, and anything else but that signature, fails",
          "[ingress][verify][whatsapp]") {
  const std::string good(whatsapp_signature);
  const auto fails = [](std::vector<Header> headers, std::string_view body = whatsapp_body,
                        const char* secret = "meta_app_secret") {
    return !whatsapp(std::move(headers), body, secret);
  };
  for (std::size_t at = 7; at < good.size(); ++at)
    CHECK(fails({{"X-Hub-Signature-256", flip_bit(good, at)}}));
  CHECK(fails({{"X-Hub-Signature-256", good}}, flip_bit(whatsapp_body, 100)));
  CHECK(fails({{"X-Hub-Signature-256", good}}, std::string(whatsapp_body) + "\n"));
  CHECK(fails({{"X-Hub-Signature-256", good}}, whatsapp_body, "meta_app_secreT"));
  CHECK(fails({}));
  CHECK(fails({{"X-Hub-Signature-256", ""}}));
  CHECK(fails({{"X-Hub-Signature-256", "sha256="}}));
  CHECK(fails({{"X-Hub-Signature-256", good.substr(7)}}));
  CHECK(fails({{"X-Hub-Signature-256", good.substr(0, good.size() - 2)}}));
  CHECK(fails({{"X-Hub-Signature-256", good + "00"}}));
  CHECK(fails({{"X-Hub-Signature-256", good}, {"X-Hub-Signature-256", good}}));
  CHECK(fails({{"X-Hub-Signature", "sha1=11c927963e0788bd3dbe0fb93fd42e3c3a2ba998"}}));
  CHECK(fails({{"X-Hub-Signature-256", "sha1=11c927963e0788bd3dbe0fb93fd42e3c3a2ba998"}}));
}

TEST_CASE("verify: any of several secrets may match, an empty one never does",
          "[ingress][verify]") {
  const auto head =
      head_of("POST", "/w", {{"X-Hub-Signature-256", std::string(whatsapp_signature)}});
  CHECK(verify::whatsapp({head, "", whatsapp_body}, secrets({"old", "meta_app_secret", "new"})));
  CHECK_FALSE(verify::whatsapp({head, "", whatsapp_body}, secrets({"old", "new"})));
  CHECK_FALSE(verify::whatsapp({head, "", whatsapp_body}, {}));
  CHECK(twilio({}, secrets({"other", "12345"})));
  CHECK_FALSE(twilio({}, {}));

  const auto code = verify::hmac_code(HmacAlgorithm::sha256, "", {&whatsapp_body, 1});
  const auto unkeyed =
      head_of("POST", "/w", {{"X-Hub-Signature-256", "sha256=" + base::to_hex(code)}});
  CHECK_FALSE(verify::whatsapp({unkeyed, "", whatsapp_body}, secrets({""})));
  const auto empty_bearer = head_of("POST", "/b", {{"X-Token", ""}});
  CHECK_FALSE(verify::bearer(empty_bearer, "X-Token", secrets({""})));
}

TEST_CASE("twilio: the form's signature passes with and without the port, as Twilio may sign",
          "[ingress][verify][twilio]") {
  CHECK(twilio({}));
  CHECK(twilio({.origin = "https://mycompany.com:1234"}));
  CHECK(twilio({.signature = "kvajT1Ptam85bY51eRf/AJRuM3w="}));
  CHECK(
      twilio({.origin = "https://mycompany.com:443", .signature = "kvajT1Ptam85bY51eRf/AJRuM3w="}));
  CHECK(twilio({.origin = "http://mycompany.com", .signature = "0ZXoZLH/DfblKGATFgpif+LLRf4="}));
  CHECK(twilio({.origin = "https://example.com",
                .target = "/webhooks/twilio",
                .body = sms_form,
                .signature = "+GtgM8XU5uCeFaJZQJj1ouuDdnM="}));
  CHECK(twilio({.content_type = "Application/X-WWW-Form-Urlencoded; charset=UTF-8"}));
}

TEST_CASE("twilio: a form of more fields than Twilio ever sends is not even sorted",
          "[ingress][verify][twilio]") {
  const auto passes = [](std::size_t fields) {
    std::string body = "a=";
    std::string text = "https://example.com/ta";
    for (std::size_t i = 1; i < fields; ++i) body += "&a=";
    return twilio({.origin = "https://example.com",
                   .target = "/t",
                   .body = body,
                   .signature = sign_twilio(text)});
  };
  CHECK(passes(10'000));
  CHECK_FALSE(passes(10'001));
}

TEST_CASE("twilio: a public address may have user information, an IPv6 host and a path",
          "[ingress][verify][twilio]") {
  const auto signs = [](std::string_view origin, std::string_view url) {
    const auto signature = sign_twilio(std::string(url));
    return twilio(
        {.origin = origin, .target = "/t", .body = "", .signature = signature, .method = "GET"});
  };
  CHECK(signs("https://user:pa:ss@example.com", "https://user:pa:ss@example.com/t"));
  CHECK(signs("https://user:pa:ss@example.com", "https://user:pa:ss@example.com:443/t"));
  CHECK(signs("https://[2001:db8::1]", "https://[2001:db8::1]/t"));
  CHECK(signs("https://[2001:db8::1]", "https://[2001:db8::1]:443/t"));
  CHECK(signs("http://[2001:db8::1]:8080", "http://[2001:db8::1]/t"));
  CHECK(signs("https://example.com/prefix", "https://example.com/prefix/t"));
  CHECK(signs("https://example.com/prefix", "https://example.com:443/prefix/t"));
  CHECK_FALSE(signs("https://example.com", "http://example.com/t"));
}

TEST_CASE("twilio: fields count sorted, distinct and decoded", "[ingress][verify][twilio]") {
  const auto passes = [](std::string_view body, std::string_view fields) {
    return twilio({.target = "/t",
                   .body = body,
                   .signature = sign_twilio("https://mycompany.com/t" + std::string(fields))});
  };
  CHECK(passes("b=2&a=1", "a1b2"));
  CHECK(passes("a=2&a=1&a=2", "a1a2"));
  CHECK(passes("a=&B=x", "Bxa"));
  CHECK(passes("a", "a"));
  CHECK(passes("a=x+y%2Bz%C3%AB", "ax y+z\xC3\xAB"));
  CHECK(passes("&a=1&&b=%zz&", "a1b%zz"));
  CHECK_FALSE(passes("a=1&b=2", "b2a1"));
}

TEST_CASE("twilio: JSON is covered by its hash in the signed query", "[ingress][verify][twilio]") {
  constexpr std::string_view json = R"({"property": "value", "boolean": true})";
  const std::string target =
      std::string(call_target) +
      "&bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620";
  const TwilioCall call{.target = target,
                        .body = json,
                        .signature = "a9nBmqA0ju/hNViExpshrM61xv4=",
                        .content_type = "application/json"};
  CHECK(twilio(call));
  auto changed = call;
  changed.body = R"({"property": "value", "boolean": false})";
  CHECK_FALSE(twilio(changed));
  changed.body = "";
  CHECK_FALSE(twilio(changed));
  changed.content_type = "application/x-www-form-urlencoded";
  CHECK_FALSE(twilio(changed));
  changed.body = "a=1";
  CHECK_FALSE(twilio(changed));
  changed.body = "=&=";
  CHECK_FALSE(twilio(changed));
}

TEST_CASE("twilio: a body that nothing covers fails, whatever the URL's signature",
          "[ingress][verify][twilio]") {
  const auto signature = sign_twilio("https://mycompany.com/t");
  TwilioCall call{.target = "/t", .body = "", .signature = signature, .method = "GET"};
  CHECK(twilio(call));
  call.method = "POST";
  CHECK(twilio(call));
  for (const std::string_view body : {"{}", "a=1", "&", "=", "=&="}) {
    CAPTURE(body);
    call.body = body;
    call.content_type = "application/json";
    CHECK_FALSE(twilio(call));
    call.content_type = "application/x-www-form-urlencoded";
    CHECK_FALSE(twilio(call));
  }
}

TEST_CASE("twilio: one wrong bit, and anything else but that signature, fails",
          "[ingress][verify][twilio]") {
  for (std::size_t at = 0; at < call_signature.size(); ++at) {
    const auto wrong = flip_bit(call_signature, at);
    CHECK_FALSE(twilio({.signature = wrong}));
  }
  CHECK_FALSE(twilio({}, secrets({"12346"})));
  CHECK_FALSE(twilio({.origin = "https://mycompany.org"}));
  CHECK_FALSE(twilio({.target = "/myapp.php?bar=2&foo=1"}));
  CHECK_FALSE(twilio({.signature = ""}));
  const std::string extended = std::string(call_form) + "&Extra=1";
  CHECK_FALSE(twilio({.body = extended}));
  const std::string good(call_signature);
  const std::vector<Header> form{{"Content-Type", "application/x-www-form-urlencoded"}};
  for (const auto count : {0, 2}) {
    auto headers = form;
    for (int i = 0; i < count; ++i) headers.push_back({"X-Twilio-Signature", good});
    const auto head = head_of("POST", call_target, headers);
    CHECK_FALSE(verify::twilio({head, "https://mycompany.com", call_form}, secrets({"12345"})));
  }
}

TEST_CASE("bearer: the token passes in either place, exactly once", "[ingress][verify][bearer]") {
  const auto passes = [](std::vector<Header> headers, std::string_view token_header = "") {
    return verify::bearer(head_of("POST", "/b", std::move(headers)), token_header,
                          secrets({"old", "s3cret token"}));
  };
  CHECK(passes({{"Authorization", "Bearer s3cret token"}}));
  CHECK(passes({{"authorization", "bEARER   old"}}));
  CHECK(passes({{"X-Token", "old"}}, "x-token"));
  CHECK_FALSE(passes({}));
  CHECK_FALSE(passes({{"Authorization", "Bearer"}}));
  CHECK_FALSE(passes({{"Authorization", "Bearer "}}));
  CHECK_FALSE(passes({{"Authorization", "Bearer   "}}));
  CHECK_FALSE(passes({{"Authorization", "Bearerold"}}));
  CHECK_FALSE(passes({{"Authorization", "Basic old"}}));
  CHECK_FALSE(passes({{"Authorization", "old"}}));
  CHECK_FALSE(passes({{"Authorization", "Bearer olD"}}));
  CHECK_FALSE(passes({{"Authorization", "Bearer ol"}}));
  CHECK_FALSE(passes({{"Authorization", "Bearer old"}, {"Authorization", "Bearer old"}}));
  CHECK_FALSE(passes({{"X-Token", "Bearer old"}}, "X-Token"));
  CHECK_FALSE(passes({{"X-Token", "old"}, {"x-token", "old"}}, "X-Token"));
  CHECK_FALSE(passes({{"Authorization", "Bearer old"}}, "X-Token"));
}
