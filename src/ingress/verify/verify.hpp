#pragma once

#include <chrono>
#include <span>
#include <string_view>

#include "holdfast/clock.hpp"
#include "holdfast/source.hpp"
#include "ingress/head.hpp"
#include "ingress/verify/keys.hpp"

/// Who may write: one pure function a scheme, on the bytes as received, before anything is parsed.
/// Every comparison takes a time that depends on lengths only, and every secret is tried, so that a
/// rotation never refuses a sender. A header that is missing, repeated or malformed is no proof.
namespace holdfast::ingress::verify {

/// What a signature can cover.
struct Signed {
  const RequestHead& head;
  std::string_view origin;  ///< What the sender called, without the target: "https://example.com".
  std::string_view body;    ///< Exact bytes.
  WallTime now{};           ///< For schemes that sign the time.
};

enum class Finding {
  verified,
  unverified,
  /// The signature is right and its time is not: a replay, or a clock that is wrong.
  out_of_window,
};

struct Verdict {
  Finding finding = Finding::unverified;
  std::chrono::seconds offset{0};  ///< Signed time minus ours, if that is why.
};

/// X-Hub-Signature-256: "sha256=" and the hex HMAC-SHA256 of the body under the app secret.
[[nodiscard]] bool whatsapp(const Signed& request, std::span<const Secret> secrets);
/// X-Twilio-Signature: base64 HMAC-SHA1 of the called URL and the sorted form fields.
[[nodiscard]] bool twilio(const Signed& request, std::span<const Secret> secrets);
/// Stripe-Signature: "t=TIME,v1=HEX,…", hex HMAC-SHA256 of "TIME.BODY" under the whole secret.
[[nodiscard]] Verdict stripe(const Signed& request, std::span<const Secret> secrets);
/// X-Hub-Signature-256, as Meta's.
[[nodiscard]] bool github(const Signed& request, std::span<const Secret> secrets);
/// X-Slack-Signature: "v0=" and the hex HMAC-SHA256 of "v0:TIME:BODY".
[[nodiscard]] Verdict slack(const Signed& request, std::span<const Secret> secrets);
/// X-Shopify-Hmac-Sha256: base64 HMAC-SHA256 of the body.
[[nodiscard]] bool shopify(const Signed& request, std::span<const Secret> secrets);
/// webhook-signature or svix-signature: a list of "v1,BASE64" (HMAC-SHA256) and "v1a,BASE64"
/// (ed25519) of "ID.TIME.BODY".
[[nodiscard]] Verdict standard_webhooks(const Signed& request, const Keys& keys);
/// The header that holds the id which that signature covers: of two brands in one request the one
/// that was not verified must not be believed.
[[nodiscard]] std::string_view standard_webhooks_id_header(const RequestHead& head);
/// X-Twilio-Email-Event-Webhook-Signature: base64 ECDSA of time and body. SendGrid's libraries
/// check no window, and tries over a day keep their first time, so none is checked.
[[nodiscard]] bool sendgrid(const Signed& request, std::span<const PublicKey> keys);
/// X-Telegram-Bot-Api-Secret-Token: the token itself. Needs no body, as bearer.
[[nodiscard]] bool telegram(const RequestHead& head, std::span<const Secret> secrets);
/// The scheme that the configuration describes.
[[nodiscard]] Verdict hmac(const Signed& request, const HmacConfig& scheme,
                           std::span<const Secret> keys);
/// "Authorization: Bearer TOKEN", or the token alone in `token_header` if that is not empty.
/// Needs no body, so that a wrong token is refused before one is read.
[[nodiscard]] bool bearer(const RequestHead& head, std::string_view token_header,
                          std::span<const Secret> secrets);
/// Takes everybody; the configuration allows it on loopback, or where it is written down.
[[nodiscard]] bool none();

/// False if the head alone tells that the request will not be verified.
[[nodiscard]] bool admits_head(const SourceConfig& source, const Keys& keys,
                               const RequestHead& head);
/// The scheme of this source. For tokens, the check before the body is the same one.
[[nodiscard]] Verdict request(const SourceConfig& source, const Keys& keys, const Signed& request);

}  // namespace holdfast::ingress::verify
