// Signatures. The first byte chooses the provider, the first line is the value of its header, the
// second its time or id, the rest the body. What was not signed with the secret is never verified;
// what was, is, and with a byte changed it is not.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/encoding.hpp"
#include "base/form.hpp"
#include "fuzz/target.hpp"
#include "ingress/verify/keys.hpp"
#include "ingress/verify/verify.hpp"
#include "support/sign.hpp"

namespace holdfast::fuzz {
namespace {

using namespace holdfast::ingress;

constexpr std::int64_t now = 1'763'938'162;
constexpr std::string_view origin = "https://example.com";
constexpr std::string_view webhooks_secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

const support::SigningKey& p256() {
  static const auto key = support::SigningKey::p256();
  return key;
}

struct Case {
  SourceConfig source;
  RequestHead head;
  std::string body;
};

bool verifies(const Case& request) {
  const auto keys = verify::Keys::of(request.source);
  const WallTime time{std::chrono::seconds(now)};
  return verify::request(request.source, keys, {request.head, origin, request.body, time})
             .finding == verify::Finding::verified;
}

/// Which header holds the code, and which the time or the id.
struct Names {
  std::string_view code;
  std::string_view time;
};
Names names_of(Provider provider) {
  switch (provider) {
    case Provider::whatsapp:
    case Provider::github: return {"X-Hub-Signature-256", "X-A"};
    case Provider::twilio: return {"X-Twilio-Signature", "X-A"};
    case Provider::stripe: return {"Stripe-Signature", "X-A"};
    case Provider::slack: return {"X-Slack-Signature", "X-Slack-Request-Timestamp"};
    case Provider::shopify: return {"X-Shopify-Hmac-Sha256", "X-A"};
    case Provider::standard_webhooks: return {"webhook-signature", "webhook-timestamp"};
    case Provider::sendgrid:
      return {"X-Twilio-Email-Event-Webhook-Signature", "X-Twilio-Email-Event-Webhook-Timestamp"};
    case Provider::telegram: return {support::telegram_header, "X-A"};
    case Provider::bearer: return {"Authorization", "X-A"};
    case Provider::hmac:
    case Provider::none: break;
  }
  return {"X-Signature", "X-Time"};
}

Case make_case(Provider provider, std::string_view code, std::string_view time,
               std::string_view body) {
  Case made;
  made.source.name = "fuzz";
  made.source.provider = provider;
  made.source.secrets = {Secret("never-guessed-7f3a")};
  if (provider == Provider::standard_webhooks)
    made.source.secrets = {Secret(std::string(webhooks_secret))};
  if (provider == Provider::sendgrid) made.source.secrets = {Secret(p256().public_key())};
  if (provider == Provider::hmac) {
    made.source.hmac.body_template = "{timestamp}.{body}";
    made.source.hmac.timestamp_header = "X-Time";
  }
  const auto names = names_of(provider);
  made.head.method = "POST";
  made.head.target = "/hook?a=1";
  made.head.headers = {{std::string(names.code), std::string(code)},
                       {std::string(names.time), std::string(time)},
                       {"webhook-id", "msg_1"},
                       {"Content-Type", std::string(base::form_media_type)}};
  made.body = body;
  return made;
}

/// As the provider would send it.
Case signed_case(Provider provider, std::string_view body) {
  auto made = make_case(provider, "", std::to_string(now), body);
  const auto& secret = made.source.secrets.front().reveal();
  auto& code = made.head.headers.front().value;
  const auto time = std::to_string(now);
  switch (provider) {
    case Provider::whatsapp:
    case Provider::github: code = support::sign_github(secret, body); break;
    case Provider::twilio: {
      auto fields = base::decode_form(body);
      std::ranges::sort(fields);
      fields.erase(std::ranges::unique(fields).begin(), fields.end());
      code = support::sign_twilio(secret, std::string(origin) + made.head.target, fields);
      break;
    }
    case Provider::stripe: code = support::sign_stripe(secret, now, body); break;
    case Provider::slack: code = support::sign_slack(secret, now, body); break;
    case Provider::shopify: code = support::sign_shopify(secret, body); break;
    case Provider::standard_webhooks:
      code = support::sign_standard_webhooks(secret, "msg_1", now, body);
      break;
    case Provider::sendgrid: code = p256().sign(time + std::string(body)); break;
    case Provider::telegram: code = secret; break;
    case Provider::bearer: code = "Bearer " + secret; break;
    case Provider::hmac:
      code = support::hmac_hex("SHA256", secret, time + "." + std::string(body));
      break;
    case Provider::none: break;
  }
  return made;
}

/// Twilio signs the decoded fields, so that a body with the same ones is the same to it; where
/// there is no name or value, nothing covers the body.
bool covers_bytes(Provider provider) {
  return provider != Provider::twilio && provider != Provider::telegram &&
         provider != Provider::bearer;
}

void check_signed(Provider provider, std::string_view body) {
  auto request = signed_case(provider, body);
  bool expected = true;
  if (provider == Provider::twilio) {
    bool text = false;
    for (const auto& [name, value] : base::decode_form(body))
      text = text || !name.empty() || !value.empty();
    expected = text || body.empty();
  }
  HOLDFAST_CHECK(verifies(request) == expected, "what was signed is verified");
  auto other = request;
  other.source.secrets = {Secret("another")};
  HOLDFAST_CHECK(!verifies(other), "another secret verifies nothing");
  other = request;
  other.head.headers.push_back(other.head.headers.front());
  HOLDFAST_CHECK(!verifies(other), "a repeated header is no proof");
  if (!covers_bytes(provider)) return;
  other = request;
  other.body += "x";
  HOLDFAST_CHECK(!verifies(other), "a longer body is another one");
  if (body.empty()) return;
  other = request;
  const auto at = body.size() / 2;
  other.body[at] = static_cast<char>(other.body[at] ^ 1);
  HOLDFAST_CHECK(!verifies(other), "a changed body is another one");
}

/// True if the header holds a code that only the owner of the secret can have made.
bool holds_own_code(Provider provider, std::string_view body, std::string_view code,
                    std::string_view time) {
  const auto own = make_case(provider, "", "", "").source.secrets.front().reveal();
  return code.contains(own) || time.contains(own) || body.contains(own) || body.empty() ||
         provider == Provider::none;
}

void check_verify(std::string_view input) {
  const auto provider = static_cast<Provider>(take_byte(input) % (provider_names.size() - 1));
  const auto code = take_until(input, '\n');
  const auto time = take_until(input, '\n');
  const auto unsigned_case = make_case(provider, code, time, input);
  if (!holds_own_code(provider, input, code, time))
    HOLDFAST_CHECK(!verifies(unsigned_case), "what was not signed is not verified");
  check_signed(provider, input);
}

}  // namespace
}  // namespace holdfast::fuzz

HOLDFAST_FUZZ_TARGET("verify", holdfast::fuzz::check_verify);
