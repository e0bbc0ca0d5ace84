#include "config/secret_rules.hpp"

#include <catch2/catch_test_macros.hpp>

#include "base/encoding.hpp"
#include "fixture.hpp"

using namespace holdfast;
using namespace holdfast::config;
using namespace holdfast::config::test;

namespace {

std::string fault(Provider provider, std::string_view secret) {
  SourceConfig source;
  source.provider = provider;
  return fault_of_secret(secret, source);
}

std::string hmac_fault(SecretEncoding encoding, std::string_view secret) {
  SourceConfig source;
  source.provider = Provider::hmac;
  source.hmac.secret_encoding = encoding;
  return fault_of_secret(secret, source);
}

std::string base64_of(std::size_t bytes) {
  return base::to_base64(std::string(bytes, 'k'));
}

constexpr std::string_view sendgrid_key =
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+"
    "2fNNRaINXvVpiglSI8eNEc6wEA3F+g==";

}  // namespace

TEST_CASE("config: a text secret is taken as it is", "[config][secret]") {
  for (const auto provider : {Provider::whatsapp, Provider::twilio, Provider::stripe,
                              Provider::github, Provider::slack, Provider::shopify}) {
    CAPTURE(to_string(provider));
    CHECK(fault(provider, "It's a Secret to Everybody").empty());
    CHECK(fault(provider, "whsec_!").empty());
    CHECK(fault(provider, "a\nb").contains("line break"));
    CHECK(fault(provider, "").contains("is empty"));
  }
}

TEST_CASE("config: a symmetric secret of Standard Webhooks is the base64 of 24 to 64 bytes",
          "[config][secret]") {
  const auto with = [](std::string_view secret) {
    return fault(Provider::standard_webhooks, secret);
  };
  CHECK(with("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").empty());
  CHECK(with("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").empty());
  CHECK(with("whsec_" + base64_of(64)).empty());
  CHECK(with("whsec_" + base64_of(25)).empty());
  const auto unpadded = base64_of(32).substr(0, 43);
  CHECK(with(unpadded).empty());
  for (const auto& wrong :
       {std::string("whsec_"), "whsec_" + base64_of(23), "whsec_" + base64_of(65),
        std::string("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS"), std::string("not base64 at all"),
        std::string("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2La-_Sw"), unpadded.substr(0, 42) + "x"}) {
    CAPTURE(wrong);
    CHECK(with(wrong) == "is not the base64 of 24 to 64 bytes; copy it whole, such as whsec_…");
  }
}

TEST_CASE("config: a public key of Standard Webhooks is ed25519", "[config][secret]") {
  const auto with = [](std::string_view secret) {
    return fault(Provider::standard_webhooks, secret);
  };
  CHECK(with("whpk_" + base64_of(32)).empty());
  CHECK(with("whpk_" + base64_of(31)).contains("is no ed25519 public key"));
  CHECK(with("whpk_" + base64_of(33)).contains("is no ed25519 public key"));
  CHECK(with("whpk_").contains("is no ed25519 public key"));
  CHECK(with("whsk_" + base64_of(64)).contains("is a private key"));
}

TEST_CASE("config: a key of SendGrid is a P-256 public key", "[config][secret]") {
  const auto with = [](std::string_view secret) { return fault(Provider::sendgrid, secret); };
  CHECK(with(sendgrid_key).empty());
  CHECK(with("-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----").contains("one line"));
  CHECK(with(sendgrid_key.substr(4)).contains("is no public key"));
  CHECK(with(sendgrid_key.substr(0, 120)).contains("is no public key"));
  CHECK(with("SG.x").contains("is no public key"));
  // A key of another curve or kind begins otherwise.
  CHECK(with(base64_of(91)).contains("is no public key"));
}

TEST_CASE("config: a token of Telegram has 1 to 256 of its characters", "[config][secret]") {
  const auto with = [](std::string_view secret) { return fault(Provider::telegram, secret); };
  CHECK(with("A-z_09").empty());
  CHECK(with(std::string(256, 'a')).empty());
  CHECK(with(std::string(257, 'a')).contains("write 1 to 256"));
  CHECK(with("123:ABC").contains("is no secret_token"));
  CHECK(with("a b").contains("is no secret_token"));
}

TEST_CASE("config: a secret of hmac can be decoded", "[config][secret]") {
  CHECK(hmac_fault(SecretEncoding::raw, "any text, é").empty());
  CHECK(hmac_fault(SecretEncoding::hex, "00ffAB").empty());
  CHECK(hmac_fault(SecretEncoding::hex, "00f").contains("is not hex"));
  CHECK(hmac_fault(SecretEncoding::hex, "xx").contains("is not hex"));
  CHECK(hmac_fault(SecretEncoding::base64, "a2V5").empty());
  CHECK(hmac_fault(SecretEncoding::base64, "a2U").empty());
  CHECK(hmac_fault(SecretEncoding::base64, "a2V5!").contains("is not base64"));
  CHECK(hmac_fault(SecretEncoding::base64, "=").contains("is not base64"));
}

TEST_CASE("config: no message quotes a secret", "[config][secret]") {
  for (const auto provider : {"standard-webhooks", "sendgrid", "telegram"}) {
    const auto errors = errors_of(source("a", provider, "secrets = [\"canary canary\"]"));
    CAPTURE(errors);
    CHECK(errors.starts_with("holdfast.toml:4: source[a].secrets: secret 1 is no"));
    CHECK_FALSE(errors.contains("canary"));
  }
  const auto errors =
      errors_of(source("a", "hmac", "secret_encoding = \"hex\"\nsecrets = [\"canary\"]"));
  CHECK(errors ==
        "holdfast.toml:5: source[a].secrets: secret 1 is not hex; write pairs of 0-9 a-f, "
        "or another secret_encoding");
}

TEST_CASE("config: what --show prints is no secret anywhere", "[config][secret]") {
  CHECK(errors_in("admin", "token = \"***\"").contains("admin.token: is what"));
  CHECK(errors_of(source("a", "whatsapp", "secrets = \"x\"\nverify_token = \"***\""))
            .contains("source[a].verify_token: is what \"validate --show\" prints"));
}
