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

constexpr std::int64_t time_signed = 1'614'265'330;
const std::string secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const std::string id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const std::string body = R"({"test": 2432232314})";
const std::string good = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
const std::string decoy = "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=";

struct Call {
  std::string signatures = good;
  std::vector<std::string> keys = {secret};
  std::string message_id = id;
  std::string time = std::to_string(time_signed);
  std::string text = body;
  std::vector<Header> more = {};
};

Finding finding(const Call& call) {
  auto source = source_of("s", Provider::standard_webhooks);
  for (const auto& key : call.keys) source.secrets.emplace_back(key);
  std::vector<Header> headers{{"webhook-id", call.message_id},
                              {"webhook-timestamp", call.time},
                              {"webhook-signature", call.signatures}};
  headers.insert(headers.end(), call.more.begin(), call.more.end());
  const auto head = head_of("POST", "/", headers);
  const WallTime now{std::chrono::seconds(time_signed)};
  return verify::request(source, verify::Keys::of(source), {head, "", call.text, now}).finding;
}

bool passes(const Call& call) {
  return finding(call) == Finding::verified;
}

std::string signed_by(const support::SigningKey& key, std::string_view text = body) {
  return "v1a," + key.sign(std::format("{}.{}.{}", id, time_signed, text));
}

}  // namespace

TEST_CASE("standard webhooks: the right code is found among decoys and other versions",
          "[ingress][verify][standard_webhooks]") {
  CHECK(passes({.signatures = decoy + " " + good}));
  CHECK(passes({.signatures = good + " " + decoy}));
  CHECK(passes({.signatures = "v2," + good.substr(3) + " " + good}));
  CHECK(passes({.signatures = "v1a,AAAA v1,%% " + good}));
  CHECK(passes({.signatures = " " + good + "  "}));
  for (const auto& list :
       {decoy, decoy + " " + decoy, "v2," + good.substr(3), "v1a," + good.substr(3),
        "V1," + good.substr(3), good.substr(3), "v1 " + good.substr(3), "v1," + good,
        good.substr(0, good.size() - 2) + "A=", std::string("v1,"), std::string("v1,="),
        std::string(" "), good + "," + decoy}) {
    CAPTURE(list);
    CHECK_FALSE(passes({.signatures = list}));
  }
}

TEST_CASE("standard webhooks: a list without end is not worked through",
          "[ingress][verify][standard_webhooks]") {
  std::string list = good;
  for (int i = 0; i < 15; ++i) list = decoy + " " + list;
  CHECK(passes({.signatures = list}));
  CHECK_FALSE(passes({.signatures = decoy + " " + list}));
}

TEST_CASE("standard webhooks: the key is the base64 behind whsec_, or without it",
          "[ingress][verify][standard_webhooks]") {
  CHECK(passes({.keys = {secret.substr(6)}}));
  CHECK_FALSE(passes({.keys = {"whsec_"}}));
  CHECK_FALSE(passes({.keys = {"whsec_%%%%"}}));
  CHECK_FALSE(passes({.keys = {"WHSEC_" + secret.substr(6)}}));
  // Its text is the key at Stripe, and is not here.
  const auto by_text = "v1," + support::hmac_base64("SHA256", secret,
                                                    std::format("{}.{}.{}", id, time_signed, body));
  CHECK_FALSE(passes({.signatures = by_text}));
}

TEST_CASE("standard webhooks: an ed25519 signature passes under its whpk_ key",
          "[ingress][verify][standard_webhooks]") {
  const auto key = support::SigningKey::ed25519();
  const auto other = support::SigningKey::ed25519();
  const std::string known = "whpk_" + key.public_key();
  const auto signature = signed_by(key);
  CHECK(passes({.signatures = signature, .keys = {known}}));
  CHECK(passes({.signatures = signature, .keys = {"whpk_" + other.public_key(), known}}));
  CHECK(passes({.signatures = decoy + " " + signed_by(other) + " " + signature, .keys = {known}}));
  CHECK(passes({.signatures = signature + " " + decoy, .keys = {secret, known}}));
  CHECK(passes({.signatures = good, .keys = {secret, known}}));

  CHECK_FALSE(passes({.signatures = signature}));
  CHECK_FALSE(passes({.signatures = good, .keys = {known}}));
  CHECK_FALSE(passes({.signatures = signed_by(other), .keys = {known}}));
  CHECK_FALSE(passes({.signatures = signature, .keys = {key.public_key()}}));
  CHECK_FALSE(passes({.signatures = signature, .keys = {"whsec_" + key.public_key()}}));
  CHECK_FALSE(passes({.signatures = "v1," + signature.substr(4), .keys = {known}}));
  CHECK_FALSE(passes({.signatures = signature, .keys = {known}, .text = body + " "}));
  CHECK_FALSE(passes({.signatures = signature, .keys = {known}, .message_id = id + "x"}));
  for (std::size_t at = 4; at < signature.size(); ++at)
    CHECK_FALSE(passes({.signatures = flip_bit(signature, at), .keys = {known}}));
  // Its HMAC under the public key, which everybody knows.
  const auto forged =
      support::sign_standard_webhooks("whsec_" + key.public_key(), id, time_signed, body);
  CHECK_FALSE(passes({.signatures = forged, .keys = {known}}));
}

TEST_CASE("standard webhooks: id and time cannot trade places",
          "[ingress][verify][standard_webhooks]") {
  const auto with_dot = support::sign_standard_webhooks(secret, "msg.1", time_signed, body);
  CHECK_FALSE(passes({.signatures = with_dot, .message_id = "msg.1"}));
  const auto empty = support::sign_standard_webhooks(secret, "", time_signed, body);
  CHECK_FALSE(passes({.signatures = empty, .message_id = ""}));
}

TEST_CASE("standard webhooks: one brand is believed, and only as a whole",
          "[ingress][verify][standard_webhooks]") {
  const std::vector<Header> svix{
      {"svix-id", id}, {"svix-timestamp", std::to_string(time_signed)}, {"svix-signature", good}};
  CHECK(passes({.more = svix}));
  CHECK_FALSE(passes({.signatures = decoy, .more = svix}));
  CHECK_FALSE(passes({.message_id = "", .more = svix}));
}

TEST_CASE("standard webhooks: a time that makes no sense is no time",
          "[ingress][verify][standard_webhooks]") {
  for (const auto* time : {"", "-1614265330", "+1614265330", "1614265330.0", "16142653300000",
                           "99999999999999999999", "0x6037b5f2", "1614265330;"}) {
    CAPTURE(time);
    const auto signature = "v1," + support::hmac_base64("SHA256", "0123456789abcdef01234567",
                                                        std::format("{}.{}.{}", id, time, body));
    CHECK_FALSE(passes({.signatures = signature,
                        .keys = {"whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"},
                        .time = time}));
    CHECK(finding({.signatures = signature,
                   .keys = {"whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"},
                   .time = time}) == Finding::unverified);
  }
}
