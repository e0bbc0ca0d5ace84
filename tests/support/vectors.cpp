#include "support/vectors.hpp"

#include <utility>

namespace holdfast::support {
namespace {

const std::string fox = "The quick brown fox jumps over the lazy dog";
const std::string long_key_text = "Test Using Larger Than Block-Size Key - Hash Key First";

// Meta publishes none; made with python from the reference, escapes as Meta sends them.
const std::string whatsapp_body =
    R"({"object":"whatsapp_business_account","entry":[{"id":"102290129340398","changes":[{"value":)"
    R"({"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550783881",)"
    R"("phone_number_id":"106540352242922"},"contacts":[{"profile":{"name":"Zo\u00eb"},)"
    R"("wa_id":"16505551234"}],"messages":[{"from":"16505551234",)"
    R"("id":"wamid.HBgLMTY1MDU1NTEyMzQVAgASGBQzQTdCNTg5RjY1MEMyRjlGMjRGNgA=",)"
    R"("timestamp":"1739321024","type":"text","text":)"
    R"({"body":"Does it come in another color? \ud83d\ude00"}}]},"field":"messages"}]}]})";

// python-slack-sdk, tests/signature/test_signature_verifier.py.
const std::string slack_body =
    "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
    "&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
    "&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F"
    "96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
const std::string slack_secret = "8f742231b10e8888abcd99yyyzzz85a5";
const std::string slack_code = "a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";

// standard-webhooks and svix-webhooks, python/tests.
const std::string webhooks_secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const std::string webhooks_id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const std::string webhooks_code = "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
const std::string webhooks_body = R"({"test": 2432232314})";
constexpr std::int64_t webhooks_time = 1'614'265'330;

// sendgrid-python, test/unit/test_eventwebhook.py; the body ends in CR LF.
const std::string sendgrid_body =
    R"([{"email":"hello@world.com","event":"dropped","reason":"Bounced Address",)"
    R"("sg_event_id":"ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA",)"
    R"("sg_message_id":"LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0",)"
    R"("smtp-id":"<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>","timestamp":1600112492}])"
    "\r\n";

// twilio-python, tests/unit/test_request_validator.py.
const std::string call_form =
    "CallSid=CA1234567890ABCDE&Digits=1234&From=%2B14158675309&To=%2B18005551212"
    "&Caller=%2B14158675309";
const std::string sms_form =
    "SmsMessageSid=SM00000000000000000000000000000001&NumMedia=0&ProfileName=Zo%C3%AB+"
    "%F0%9F%98%80&MessageType=text&SmsSid=SM00000000000000000000000000000001&WaId=14155550100&"
    "SmsStatus=received&Body=Hello+%26+welcome+%2B+1%3D2%0A&To=whatsapp%3A%2B14155238886&"
    "NumSegments=1&ReferralNumMedia=0&MessageSid=SM00000000000000000000000000000001&"
    "AccountSid=AC00000000000000000000000000000001&From=whatsapp%3A%2B14155550100&"
    "ApiVersion=2010-04-01&FromCity=";

Vector twilio(std::string name, std::string url, std::string signature) {
  return {.name = std::move(name),
          .provider = Provider::twilio,
          .secret = "12345",
          .headers = {{"X-Twilio-Signature", std::move(signature)},
                      {"Content-Type", "application/x-www-form-urlencoded"}},
          .body = call_form,
          .public_url = std::move(url),
          .target = "/myapp.php?foo=1&bar=2"};
}

Vector webhooks(std::string name, const std::string& brand, std::string signatures) {
  return {.name = std::move(name),
          .provider = Provider::standard_webhooks,
          .secret = webhooks_secret,
          .headers = {{brand + "-signature", std::move(signatures)},
                      {brand + "-id", webhooks_id},
                      {brand + "-timestamp", std::to_string(webhooks_time)}},
          .signed_headers = 3,
          .body = webhooks_body,
          .signed_at = webhooks_time};
}

Vector hmac(std::string name, std::string secret, std::string body, std::string code,
            const HmacConfig& scheme) {
  return {.name = std::move(name),
          .provider = Provider::hmac,
          .secret = std::move(secret),
          .headers = {{scheme.header, scheme.prefix + std::move(code)}},
          .body = std::move(body),
          .hmac = scheme};
}

void add_of_one_header(std::vector<Vector>& vectors) {
  vectors.push_back({.name = "whatsapp: made with python",
                     .provider = Provider::whatsapp,
                     .secret = "meta_app_secret",
                     .headers = {{"X-Hub-Signature-256",
                                  "sha256=82ddd3448ae0449263c0f98728a32a9c"
                                  "b4791b65a0701b83b60e0e19787cbed2"}},
                     .body = whatsapp_body});
  vectors.push_back({.name = "github: its documentation",
                     .provider = Provider::github,
                     .secret = "It's a Secret to Everybody",
                     .headers = {{"X-Hub-Signature-256",
                                  "sha256=757107ea0eb2509fc211221cce984b8a"
                                  "37570b6d7586c22c46f4379c8b043e17"}},
                     .body = "Hello, World!"});
  vectors.push_back(
      {.name = "shopify: made with python, empty object",
       .provider = Provider::shopify,
       .secret = "hush",
       .headers = {{"X-Shopify-Hmac-Sha256", "UFwgrGBPZilFtmKh8TqcovA78LGYb1BdWu9I4Q2oyRg="}},
       .body = "{}"});
  vectors.push_back(
      {.name = "shopify: made with python, customer",
       .provider = Provider::shopify,
       .secret = "hush",
       .headers = {{"X-Shopify-Hmac-Sha256", "D0UMXmhjwBRi4y66TmhJrDlhQABD7zI2fm3p6/QLMo8="}},
       .body = R"({"id":820982911946154508,"email":"jon@example.com"})"});
  vectors.push_back(
      {.name = "telegram: its token",
       .provider = Provider::telegram,
       .secret = "Ab-9_secret-token",
       .headers = {{"X-Telegram-Bot-Api-Secret-Token", "Ab-9_secret-token"}},
       .body = R"({"update_id":10000,"message":{"message_id":1365,"text":"/start"}})"});
}

void add_timed(std::vector<Vector>& vectors) {
  vectors.push_back({.name = "stripe: made with python from the SDK's test payload",
                     .provider = Provider::stripe,
                     .secret = "whsec_test_secret",
                     .headers = {{"Stripe-Signature",
                                  "t=1614556800,v1=fa0b5ccf7817f153d5f82b42b3e550fd"
                                  "47d0d5ed0eceffd9a2a99d68c4baca04"}},
                     .body = "{\n  \"id\": \"evt_test_webhook\",\n  \"object\": \"event\"\n}",
                     .signed_at = 1'614'556'800});
  vectors.push_back({.name = "slack: python-slack-sdk",
                     .provider = Provider::slack,
                     .secret = slack_secret,
                     .headers = {{"X-Slack-Signature", "v0=" + slack_code},
                                 {"X-Slack-Request-Timestamp", "1531420618"},
                                 {"Content-Type", "application/x-www-form-urlencoded"}},
                     .signed_headers = 2,
                     .body = slack_body,
                     .signed_at = 1'531'420'618});
  vectors.push_back(
      webhooks("standard-webhooks: python library", "webhook", "v1," + webhooks_code));
  vectors.push_back(webhooks("svix: python library", "svix", "v1," + webhooks_code));
  vectors.push_back(
      {.name = "sendgrid: python library",
       .provider = Provider::sendgrid,
       .secret = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpV"
                 "KS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g==",
       .headers =
           {{"X-Twilio-Email-Event-Webhook-Signature",
             "MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqH"
             "h89M15TluLtEZtM="},
            {"X-Twilio-Email-Event-Webhook-Timestamp", "1600112502"}},
       .signed_headers = 2,
       .body = sendgrid_body});
}

void add_twilio(std::vector<Vector>& vectors) {
  const std::string signature = "RSOYDt4T1cUTdK1PDd93/VVr8B8=";
  vectors.push_back(twilio("twilio: as called", "https://mycompany.com", signature));
  vectors.push_back(twilio("twilio: port removed", "https://mycompany.com:1234", signature));
  vectors.push_back(
      twilio("twilio: port 443 signed", "https://mycompany.com", "kvajT1Ptam85bY51eRf/AJRuM3w="));
  vectors.push_back(
      twilio("twilio: port 80 signed", "http://mycompany.com", "0ZXoZLH/DfblKGATFgpif+LLRf4="));
  auto sms = twilio("twilio: made with python, WhatsApp message", "https://example.com",
                    "+GtgM8XU5uCeFaJZQJj1ouuDdnM=");
  sms.target = "/webhooks/twilio";
  sms.body = sms_form;
  vectors.push_back(std::move(sms));
  auto json =
      twilio("twilio: JSON by its hash", "https://mycompany.com", "a9nBmqA0ju/hNViExpshrM61xv4=");
  json.headers[1].value = "application/json";
  json.body = R"({"property": "value", "boolean": true})";
  json.target += "&bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620";
  vectors.push_back(std::move(json));
}

void add_hmac(std::vector<Vector>& vectors) {
  vectors.push_back(hmac("hmac: sha1", "key", fox, "de7c9b85b8b78aa6bc8a7a36f70a90701c9db4d9",
                         {.algorithm = HmacAlgorithm::sha1}));
  vectors.push_back(hmac("hmac: sha256", "key", fox,
                         "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8",
                         {.prefix = "sha256="}));
  vectors.push_back(hmac("hmac: sha512", "key", fox,
                         "b42af09057bac1e2d41708e48a902e09b5ff7f12ab428a4fe86653c73dd248fb"
                         "82f948a549f7b791a5b41915ee4d1ec3935357e4e2317250d0372afa2ebeeb3a",
                         {.algorithm = HmacAlgorithm::sha512}));
  vectors.push_back(hmac("hmac: RFC 4231 case 1, key in hex",
                         "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "Hi There",
                         "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
                         {.secret_encoding = SecretEncoding::hex}));
  vectors.push_back(hmac("hmac: RFC 4231 case 2", "Jefe", "what do ya want for nothing?",
                         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", {}));
  std::string long_key;
  for (int i = 0; i < 131; ++i) long_key += "aa";
  vectors.push_back(hmac("hmac: RFC 4231 case 6", long_key, long_key_text,
                         "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
                         {.secret_encoding = SecretEncoding::hex}));
  vectors.push_back(
      hmac("hmac: RFC 2202 case 2", "Jefe", "what do ya want for nothing?",
           "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
           {.header = "X-Hub-Signature", .algorithm = HmacAlgorithm::sha1, .prefix = "sha1="}));
  vectors.push_back(hmac("hmac: shopify's scheme", "hush", "{}",
                         "UFwgrGBPZilFtmKh8TqcovA78LGYb1BdWu9I4Q2oyRg=",
                         {.header = "X-Shopify-Hmac-Sha256", .encoding = HmacEncoding::base64}));
  vectors.push_back(hmac("hmac: shopify's scheme, for URLs", "hush",
                         R"({"id":820982911946154508,"email":"jon@example.com"})",
                         "D0UMXmhjwBRi4y66TmhJrDlhQABD7zI2fm3p6_QLMo8",
                         {.encoding = HmacEncoding::base64url}));
}

void add_timed_hmac(std::vector<Vector>& vectors) {
  auto slack = hmac("hmac: slack's scheme", slack_secret, slack_body, slack_code,
                    {.header = "X-Slack-Signature",
                     .prefix = "v0=",
                     .body_template = "v0:{timestamp}:{body}",
                     .timestamp_header = "X-Slack-Request-Timestamp"});
  slack.headers.push_back({"X-Slack-Request-Timestamp", "1531420618"});
  slack.signed_headers = 2;
  slack.signed_at = 1'531'420'618;
  vectors.push_back(std::move(slack));
  auto webhook = hmac("hmac: the scheme of Standard Webhooks", webhooks_secret.substr(6),
                      webhooks_body, webhooks_code,
                      {.header = "webhook-signature",
                       .encoding = HmacEncoding::base64,
                       .prefix = "v1,",
                       .body_template = "{id}.{timestamp}.{body}",
                       .timestamp_header = "webhook-timestamp",
                       .id_header = "webhook-id",
                       .secret_encoding = SecretEncoding::base64});
  webhook.headers.push_back({"webhook-timestamp", std::to_string(webhooks_time)});
  webhook.headers.push_back({"webhook-id", webhooks_id});
  webhook.signed_headers = 3;
  webhook.signed_at = webhooks_time;
  vectors.push_back(std::move(webhook));
}

}  // namespace

const std::vector<Vector>& public_vectors() {
  static const std::vector<Vector> all = [] {
    std::vector<Vector> vectors;
    add_of_one_header(vectors);
    add_timed(vectors);
    add_twilio(vectors);
    add_hmac(vectors);
    add_timed_hmac(vectors);
    return vectors;
  }();
  return all;
}

}  // namespace holdfast::support
