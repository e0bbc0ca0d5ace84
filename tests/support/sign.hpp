#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

struct evp_pkey_st;

/// Signers as the providers have them, made from the reference and not from the daemon's verifiers.
/// Times are Unix seconds.
namespace holdfast::support {

/// The value of X-Hub-Signature-256: "sha256=<hex>" over the raw body. GitHub's is the same.
[[nodiscard]] std::string sign_whatsapp(std::string_view app_secret, std::string_view body);
[[nodiscard]] std::string sign_github(std::string_view secret, std::string_view body);

/// The value of X-Twilio-Signature over the URL and, sorted by name, the decoded form fields.
[[nodiscard]] std::string sign_twilio(std::string_view auth_token, std::string_view url,
                                      std::vector<std::pair<std::string, std::string>> fields);

/// Fields as an application/x-www-form-urlencoded body, everything unusual escaped.
[[nodiscard]] std::string form_body(const std::vector<std::pair<std::string, std::string>>& fields);

/// The value of Stripe-Signature: "t=<time>,v1=<hex>".
[[nodiscard]] std::string sign_stripe(std::string_view secret, std::int64_t time,
                                      std::string_view body);
/// The value of X-Slack-Signature, for that X-Slack-Request-Timestamp.
[[nodiscard]] std::string sign_slack(std::string_view secret, std::int64_t time,
                                     std::string_view body);
/// The value of X-Shopify-Hmac-Sha256.
[[nodiscard]] std::string sign_shopify(std::string_view secret, std::string_view body);
/// The value of webhook-signature, and of svix-signature: "v1,<base64>". The secret has its whsec_.
[[nodiscard]] std::string sign_standard_webhooks(std::string_view secret, std::string_view id,
                                                 std::int64_t time, std::string_view body);

/// The header in which Telegram sends its token; nothing is signed.
inline constexpr std::string_view telegram_header = "X-Telegram-Bot-Api-Secret-Token";

/// The code of a scheme of one's own. `digest` as OpenSSL calls it, such as "SHA256".
[[nodiscard]] std::string hmac_hex(const char* digest, std::string_view key,
                                   std::string_view message);
[[nodiscard]] std::string hmac_base64(const char* digest, std::string_view key,
                                      std::string_view message);

/// A new key pair of a provider that signs with its private half.
class SigningKey {
 public:
  [[nodiscard]] static SigningKey p256();     ///< SendGrid: ECDSA over SHA-256.
  [[nodiscard]] static SigningKey ed25519();  ///< Standard Webhooks, version v1a.
  /// Base64, as a configuration has it: for P-256 of the SubjectPublicKeyInfo, for ed25519 of the
  /// 32 bytes, without the prefix whpk_.
  [[nodiscard]] std::string public_key() const;
  /// Base64; SendGrid signs the time and the body with nothing in between.
  [[nodiscard]] std::string sign(std::string_view message) const;

 private:
  explicit SigningKey(std::shared_ptr<evp_pkey_st> key) : key_(std::move(key)) {}
  std::shared_ptr<evp_pkey_st> key_;
};

}  // namespace holdfast::support
