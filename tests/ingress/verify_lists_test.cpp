// Stripe, Slack, SendGrid and Telegram beyond their vectors.

#include <catch2/catch_test_macros.hpp>
#include <format>

#include "ingress/verify/verify.hpp"
#include "requests.hpp"
#include "support/sign.hpp"

using namespace holdfast;
using namespace holdfast::ingress;
using namespace holdfast::ingress::test;
using verify::Finding;

namespace {

const std::string body = R"({"id":"evt_1"})";
constexpr std::int64_t now = 1'700'000'000;

Finding finding(Provider provider, const std::string& secret, std::vector<Header> headers,
                std::string_view text = body) {
  auto source = source_of("s", provider);
  source.secrets = {Secret(secret)};
  const auto head = head_of("POST", "/", std::move(headers));
  const WallTime at{std::chrono::seconds(now)};
  return verify::request(source, verify::Keys::of(source), {head, "", text, at}).finding;
}

bool stripe(const std::string& header) {
  return finding(Provider::stripe, "whsec_x", {{"Stripe-Signature", header}}) == Finding::verified;
}

bool sendgrid(const support::SigningKey& key, const std::string& time, std::string_view text,
              const std::string& signature) {
  return finding(Provider::sendgrid, key.public_key(),
                 {{"X-Twilio-Email-Event-Webhook-Signature", signature},
                  {"X-Twilio-Email-Event-Webhook-Timestamp", time}},
                 text) == Finding::verified;
}

}  // namespace

TEST_CASE("stripe: the right v1 is found among others, and nothing but v1 counts",
          "[ingress][verify][stripe]") {
  const auto good = support::sign_stripe("whsec_x", now, body);
  const auto comma = good.find(',');
  const auto time = good.substr(0, comma);
  const auto code = good.substr(comma + 4);
  const std::string decoy = ",v1=" + std::string(64, 'a');
  CHECK(stripe(good));
  CHECK(stripe(time + decoy + ",v1=" + code));
  CHECK(stripe(good + decoy));
  CHECK(stripe(good + ",v0=6ffbb59b2300aae63f272406069a9788598b792a944a07aba816edb039989a39"));
  CHECK(stripe("v1=" + code + "," + time));
  CHECK(stripe(time + ",v1=zz,v1=" + code + ",,scheme"));
  CHECK_FALSE(stripe(time + ",v0=" + code));
  CHECK_FALSE(stripe(time + ",v2=" + code));
  CHECK_FALSE(stripe(time + ",v1=" + code.substr(2)));
  CHECK_FALSE(stripe(time));
  CHECK_FALSE(stripe("v1=" + code));
  CHECK_FALSE(stripe(good + "," + time));
  CHECK_FALSE(stripe("t=1," + good));
  CHECK_FALSE(stripe(good + ";"));
  std::string many = good;
  for (int i = 0; i < 15; ++i) many += decoy;
  CHECK(stripe(many));
  CHECK_FALSE(stripe(many + decoy));
}

TEST_CASE("stripe: the secret is its whole text", "[ingress][verify][stripe]") {
  const std::string secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  const std::vector<Header> headers{{"Stripe-Signature", support::sign_stripe(secret, now, body)}};
  CHECK(finding(Provider::stripe, secret, headers) == Finding::verified);
  CHECK(finding(Provider::stripe, secret.substr(6), headers) == Finding::unverified);
}

TEST_CASE("stripe and slack: a time that makes no sense is no time, however well it is signed",
          "[ingress][verify][stripe][slack]") {
  for (const std::string time :
       {"", "-1700000000", "+1700000000", "1700000000.0", "17000000000000", "0x6553f100", "1e9",
        "99999999999999999999", "1700000000 ", "now"}) {
    CAPTURE(time);
    const auto code = support::hmac_hex("SHA256", "k", std::format("{}.{}", time, body));
    CHECK(finding(Provider::stripe, "k", {{"Stripe-Signature", "t=" + time + ",v1=" + code}}) ==
          Finding::unverified);
    const auto slack = support::hmac_hex("SHA256", "k", std::format("v0:{}:{}", time, body));
    CHECK(finding(Provider::slack, "k",
                  {{"X-Slack-Signature", "v0=" + slack}, {"X-Slack-Request-Timestamp", time}}) ==
          Finding::unverified);
  }
}

TEST_CASE("sendgrid: another key, another curve and a shifted time fail",
          "[ingress][verify][sendgrid]") {
  const auto key = support::SigningKey::p256();
  const std::string time = "1600112502";
  const std::string text = "[{\"event\":\"open\"}]\r\n";
  const auto signature = key.sign(time + text);
  CHECK(sendgrid(key, time, text, signature));
  CHECK_FALSE(sendgrid(support::SigningKey::p256(), time, text, signature));
  CHECK_FALSE(sendgrid(key, time, text.substr(0, text.size() - 2), signature));
  // Nothing stands between time and body, so that the last digits could move.
  CHECK_FALSE(sendgrid(key, time.substr(0, 9), "2" + text, signature));
  const auto digit_body = key.sign(time + "7" + text);
  CHECK(sendgrid(key, time, "7" + text, digit_body));
  CHECK_FALSE(sendgrid(key, time + "7", text, digit_body));
  CHECK_FALSE(sendgrid(key, "", time + text, signature));
  CHECK_FALSE(sendgrid(key, "-600112502", text, key.sign("-600112502" + text)));
  const auto edwards = support::SigningKey::ed25519();
  CHECK_FALSE(sendgrid(edwards, time, text, edwards.sign(time + text)));
  // The wrong key of sendgrid-python's own test.
  CHECK(finding(
            Provider::sendgrid,
            "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqTxd43gyp8IOEto2LdIfjRQrIbsd4SXZkLW6jDutdhXSJCWHw8"
            "REntlo7aNDthvj+y7GjUuFDb/R1NGe1OPzpA==",
            {{"X-Twilio-Email-Event-Webhook-Signature", signature},
             {"X-Twilio-Email-Event-Webhook-Timestamp", time}},
            text) == Finding::unverified);
}

TEST_CASE("sendgrid: a time of years ago passes, since no window is checked",
          "[ingress][verify][sendgrid]") {
  const auto key = support::SigningKey::p256();
  for (const std::string time : {"1000000000", "9999999999"})
    CHECK(sendgrid(key, time, "[]", key.sign(time + "[]")));
}

TEST_CASE("telegram and bearer: the head alone tells", "[ingress][verify][telegram]") {
  auto source = source_of("s", Provider::telegram);
  source.secrets = secrets({"old", "Token_1-A"});
  const auto admits = [&](std::vector<Header> headers) {
    return verify::admits_head(source, verify::Keys::of(source),
                               head_of("POST", "/", std::move(headers)));
  };
  const std::string name(support::telegram_header);
  CHECK(admits({{name, "Token_1-A"}}));
  CHECK(admits({{"x-telegram-bot-api-secret-token", "old"}}));
  CHECK_FALSE(admits({{name, "Token_1-a"}}));
  CHECK_FALSE(admits({{name, "Token_1-A"}, {name, "Token_1-A"}}));
  CHECK_FALSE(admits({{name, ""}}));
  CHECK_FALSE(admits({}));
  source.provider = Provider::bearer;
  CHECK(admits({{"Authorization", "Bearer old"}}));
  CHECK_FALSE(admits({{name, "old"}}));
  source.provider = Provider::stripe;
  CHECK(admits({}));
}
