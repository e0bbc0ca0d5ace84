#pragma once

#include <span>
#include <string_view>

#include "holdfast/config.hpp"
#include "ingress/head.hpp"

/// Who may write: one pure function a scheme, on the bytes as received, before anything is parsed.
/// Every comparison takes a time that depends on lengths only, and every secret is tried, so that a
/// rotation never refuses a sender.
namespace holdfast::ingress::verify {

/// What a signature can cover.
struct Signed {
  const RequestHead& head;
  std::string_view origin;  ///< What the sender called, without the target: "https://example.com".
  std::string_view body;    ///< Exact bytes.
};

/// X-Hub-Signature-256: "sha256=" and the hex HMAC-SHA256 of the body under the app secret.
[[nodiscard]] bool whatsapp(const Signed& request, std::span<const Secret> secrets);
/// X-Twilio-Signature: base64 HMAC-SHA1 of the called URL and the sorted form fields.
[[nodiscard]] bool twilio(const Signed& request, std::span<const Secret> secrets);
/// "Authorization: Bearer TOKEN", or the token alone in `token_header` if that is not empty.
/// Needs no body, so that a wrong token is refused before one is read.
[[nodiscard]] bool bearer(const RequestHead& head, std::string_view token_header,
                          std::span<const Secret> secrets);
/// Takes everybody; the configuration allows it on loopback, or where it is written down.
[[nodiscard]] bool none();

/// The scheme of this source. For bearer, the check before the body is the same one.
[[nodiscard]] bool request(const SourceConfig& source, const Signed& request);

}  // namespace holdfast::ingress::verify
