#include "config/secret_rules.hpp"

#include <algorithm>
#include <format>
#include <optional>

#include "base/encoding.hpp"

namespace holdfast::config {
namespace {

/// Source: Standard Webhooks, "Signature scheme": 24 to 64 random bytes.
constexpr std::size_t symmetric_bytes_min = 24;
constexpr std::size_t symmetric_bytes_max = 64;
constexpr std::size_t ed25519_bytes = 32;
/// Source: Telegram Bot API, setWebhook.
constexpr std::size_t telegram_bytes_max = 256;

/// The DER of a P-256 key up to its point: SEQUENCE of id-ecPublicKey and prime256v1, then a BIT
/// STRING that begins with 04, "uncompressed". Source: RFC 5480 section 2.
constexpr std::string_view p256_prefix{
    "\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"
    "\x03\x42\x00\x04",
    27};
constexpr std::size_t p256_bytes = 27 + 64;

/// Base64 with or without its padding, as providers show it. Bits that say nothing must be zero:
/// others are the sign of a text that was cut.
std::optional<std::string> decoded(std::string_view text) {
  std::string padded(text);
  if (!text.ends_with('=')) padded.append((4 - padded.size() % 4) % 4, '=');
  auto bytes = base::from_base64(padded);
  if (!bytes || base::to_base64(*bytes) != padded) return std::nullopt;
  return bytes;
}

std::string fault_of_standard_webhooks(std::string_view secret) {
  if (secret.starts_with("whsk_"))
    return "is a private key (whsk_…), which only the sender may have; write its public key "
           "(whpk_…)";
  if (secret.starts_with("whpk_")) {
    const auto key = decoded(secret.substr(5));
    if (key && key->size() == ed25519_bytes) return {};
    return "is no ed25519 public key; write whpk_ and the base64 of its 32 bytes";
  }
  if (secret.starts_with("whsec_")) secret.remove_prefix(6);
  const auto key = decoded(secret);
  if (key && key->size() >= symmetric_bytes_min && key->size() <= symmetric_bytes_max) return {};
  return std::format("is not the base64 of {} to {} bytes; copy it whole, such as whsec_…",
                     symmetric_bytes_min, symmetric_bytes_max);
}

std::string fault_of_sendgrid(std::string_view secret) {
  const auto key = decoded(secret);
  if (key && key->size() == p256_bytes && key->starts_with(p256_prefix)) return {};
  return "is no public key of SendGrid; copy the verification key (MFkw…) of the event webhook's "
         "settings, one line of base64";
}

std::string fault_of_telegram(std::string_view secret) {
  const auto good = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  };
  if (secret.size() <= telegram_bytes_max && std::ranges::all_of(secret, good)) return {};
  return std::format(
      "is no secret_token of Telegram; write 1 to {} of A-Z a-z 0-9 _ -, as in setWebhook",
      telegram_bytes_max);
}

std::string fault_of_hmac(std::string_view secret, SecretEncoding encoding) {
  if (encoding == SecretEncoding::hex && !base::from_hex(secret))
    return "is not hex; write pairs of 0-9 a-f, or another secret_encoding";
  if (encoding == SecretEncoding::base64 && !decoded(secret))
    return "is not base64; copy it whole, or write another secret_encoding";
  return {};
}

std::string fault_of_bearer(std::string_view secret) {
  const bool sendable = std::ranges::all_of(secret, [](char c) { return c > 0x20 && c < 0x7F; });
  if (sendable) return {};
  return "holds a space, control or non-ASCII character, which no sender can put into a header";
}

}  // namespace

std::string fault_of_secret(std::string_view secret, const SourceConfig& source) {
  if (secret.empty()) return "is empty; set the variable, or remove the source";
  if (secret == secret_mask) return std::string(mask_message);
  if (source.provider == Provider::sendgrid) return fault_of_sendgrid(secret);
  if (secret.find_first_of("\r\n") != std::string_view::npos)
    return "holds a line break; check how the variable is set";
  switch (source.provider) {
    case Provider::standard_webhooks: return fault_of_standard_webhooks(secret);
    case Provider::telegram: return fault_of_telegram(secret);
    case Provider::hmac: return fault_of_hmac(secret, source.hmac.secret_encoding);
    case Provider::bearer: return fault_of_bearer(secret);
    default: return {};
  }
}

}  // namespace holdfast::config
