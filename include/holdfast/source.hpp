#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/hmac.hpp"
#include "holdfast/secret.hpp"

namespace holdfast {

/// Who sends, and so how a request is verified, keyed and answered; docs/providers.md.
enum class Provider : std::uint8_t {
  whatsapp,  ///< Meta: HMAC-SHA256 of the body; keyed by the body's hash.
  twilio,    ///< HMAC-SHA1 of URL and form fields; keyed by token, else message and status.
  stripe,    ///< HMAC-SHA256 of time and body; keyed by `/id`.
  github,    ///< HMAC-SHA256 of the body; keyed by X-GitHub-Delivery.
  slack,     ///< HMAC-SHA256 of time and body; keyed by team and event.
  shopify,   ///< HMAC-SHA256 of the body; keyed by X-Shopify-Webhook-Id.
  standard_webhooks,  ///< Svix, Clerk, Resend: HMAC-SHA256 or ed25519; keyed by the webhook's id.
  sendgrid,           ///< ECDSA of time and body; keyed by the body's hash.
  telegram,           ///< A secret that is sent along; keyed by `/update_id`.
  hmac,               ///< What HmacConfig describes; keyed by its id_header.
  bearer,             ///< A token that is sent along; keyed by `dedupe` alone.
  none                ///< Verifies nothing: loopback, or SourceConfig::allow_unverified.
};
/// The words of the configuration, in the order of the enum.
inline constexpr std::array<std::string_view, 12> provider_names{
    "whatsapp",          "twilio",   "stripe",   "github", "slack",  "shopify",
    "standard-webhooks", "sendgrid", "telegram", "hmac",   "bearer", "none"};
/// The word of the configuration.
[[nodiscard]] constexpr std::string_view to_string(Provider provider) {
  return provider_names[static_cast<std::size_t>(provider)];
}

/// The operations that Holdfast brings along: users, messages and statuses of a provider.
enum class Operations : std::uint8_t {
  none,      ///< The inbox alone, and the statements of the source.
  whatsapp,  ///< Of what Meta sends.
  twilio,    ///< Of what Twilio sends.
};

/// A statement of the user's own, run once for each new entry in the transaction that stores it.
struct WriteStatement {
  std::string statement;  ///< One SQL statement with $1, $2, …; up to 64 KiB.
  /// The value of each: a JSON pointer ("" is all of it), header:NAME, form:NAME, entry:id,
  /// entry:received_at or entry:source. As many as the largest $n, up to 100 of 1,024 bytes each.
  std::vector<std::string> parameters = {};
  std::string when = {};   ///< "SELECTOR=text": only entries of which that holds; empty: all.
  std::uint32_t line = 0;  ///< Of the file, for messages; 0: none.
};

/// A named sender with a path, a provider and secrets.
/// Who reads it from a file gets the ranges checked; who fills it by hand keeps to them.
struct SourceConfig {
  /// In paths, metrics and lists; 1 to 64 of `A-Z a-z 0-9 _ -`. Entries of a name that is gone
  /// wait.
  std::string name;
  Provider provider = Provider::none;  ///< How requests are verified, keyed and answered.
  /// Where it is served, compared byte for byte; begins with `/`, up to 1,024 visible ASCII
  /// characters. Empty: at `/ingest/NAME`.
  std::string path = {};
  /// Any may match, so that one can be rotated. 1 to 16; none for Provider::none. More: each costs
  /// a comparison, and lives until it is removed.
  std::vector<Secret> secrets = {};
  Secret verify_token = {};  ///< whatsapp only: answers its challenge; empty: every GET gets 403.
  /// What makes two requests the same: "/json/pointer", "header:NAME" or "body" for its SHA-256; up
  /// to 512 bytes. Empty: the provider's own key. A key that many requests share makes different
  /// writes duplicates; one that changes with each try stores repeats twice.
  std::string dedupe = {};
  /// A JSON pointer: order is kept for each of its values, up to 512 bytes. Empty: for the source
  /// as a whole, so that one entry that is retried holds up all of it. A value that says too
  /// little: entries that depend on each other may arrive in any order.
  std::string order_by = {};
  std::string token_header = {};  ///< bearer only; empty: `Authorization: Bearer`.
  HmacConfig hmac = {};           ///< hmac only.
  /// As IngressConfig::max_body_bytes, for this source alone; nullopt: that one, but for github at
  /// least 25 MiB, because GitHub sends so much and never a second time.
  std::optional<std::uint64_t> max_body_bytes = {};
  std::optional<std::string> public_url = {};  ///< As IngressConfig::public_url; nullopt: that one.
  /// Takes Provider::none beyond loopback, too. With true everybody who reaches the port can write.
  bool allow_unverified = false;
  Operations operations = Operations::none;  ///< What an entry means beside its row in the inbox.
  /// The user's own statements, in their order, up to 32. Each is more work in the transaction of a
  /// batch.
  std::vector<WriteStatement> statements = {};
  /// The path it is served at.
  [[nodiscard]] std::string effective_path() const {
    return path.empty() ? "/ingest/" + name : path;
  }
};

}  // namespace holdfast
