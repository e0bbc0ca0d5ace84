#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/secret.hpp"

namespace holdfast {

/// Who sends, and so how a request is verified, keyed and answered.
enum class Provider : std::uint8_t {
  whatsapp,
  twilio,
  stripe,
  github,
  slack,
  shopify,
  standard_webhooks,
  sendgrid,
  telegram,
  hmac,
  bearer,
  none
};
/// The words of the configuration, in the order of the enum.
inline constexpr std::array<std::string_view, 12> provider_names{
    "whatsapp",          "twilio",   "stripe",   "github", "slack",  "shopify",
    "standard-webhooks", "sendgrid", "telegram", "hmac",   "bearer", "none"};
[[nodiscard]] constexpr std::string_view to_string(Provider provider) {
  return provider_names[static_cast<std::size_t>(provider)];
}

enum class HmacAlgorithm : std::uint8_t { sha1, sha256, sha512 };
enum class HmacEncoding : std::uint8_t { hex, base64, base64url };
enum class SecretEncoding : std::uint8_t { raw, hex, base64 };

/// The keys of provider "hmac": a scheme that a sender of one's own can be described by.
struct HmacConfig {
  std::string header = "X-Signature";
  HmacAlgorithm algorithm = HmacAlgorithm::sha256;
  HmacEncoding encoding = HmacEncoding::hex;
  std::string prefix = {};  ///< Before the code in the header, such as "sha256=".
  std::string body_template =
      "{body}";                       ///< What is signed: {timestamp}, {id} and {body} in a text.
  std::string timestamp_header = {};  ///< Unix seconds; empty: no time is checked.
  std::string id_header = {};         ///< Also the dedupe key; empty: none.
  std::chrono::milliseconds tolerance{std::chrono::minutes(5)};  ///< Both ways.
  SecretEncoding secret_encoding = SecretEncoding::raw;
};

/// The operations that Holdfast brings along: users, messages and statuses of a provider.
enum class Operations : std::uint8_t { none, whatsapp, twilio };

/// A statement of the user's own, run once for each new entry in the transaction that stores it.
struct WriteStatement {
  std::string statement;  ///< One SQL statement with $1, $2, …
  /// The value of each: a JSON pointer ("" is all of it), header:NAME, form:NAME, entry:id,
  /// entry:received_at or entry:source.
  std::vector<std::string> parameters = {};
  std::string when = {};   ///< "SELECTOR=text": only entries of which that holds; empty: all.
  std::uint32_t line = 0;  ///< Of the file, for messages; 0: none.
};

/// A named sender with a path, a provider and secrets.
struct SourceConfig {
  std::string name;
  Provider provider = Provider::none;
  std::string path;  ///< Empty: served at /ingest/<name>.
  std::vector<Secret> secrets;
  Secret verify_token;       ///< whatsapp only.
  std::string dedupe;        ///< "", "/json/pointer", "header:NAME" or "body".
  std::string order_by;      ///< "" or a JSON pointer: order is kept for each of its values.
  std::string token_header;  ///< bearer only; empty: Authorization: Bearer.
  HmacConfig hmac;           ///< hmac only.
  std::optional<std::uint64_t> max_body_bytes;
  std::optional<std::string> public_url;
  bool allow_unverified = false;
  Operations operations = Operations::none;
  std::vector<WriteStatement> statements;
  /// The path it is served at.
  [[nodiscard]] std::string effective_path() const {
    return path.empty() ? "/ingest/" + name : path;
  }
};

}  // namespace holdfast
