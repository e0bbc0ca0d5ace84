#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace holdfast {

/// The hash below the HMAC.
enum class HmacAlgorithm : std::uint8_t {
  sha1,    ///< For senders that cannot do better.
  sha256,  ///< HMAC-SHA256, what nearly all use.
  sha512,  ///< HMAC-SHA512.
};
/// How the code is written in its header.
enum class HmacEncoding : std::uint8_t {
  hex,        ///< Hexadecimal digits.
  base64,     ///< RFC 4648 section 4.
  base64url,  ///< RFC 4648 section 5: for URLs.
};
/// How a secret is written in the configuration.
enum class SecretEncoding : std::uint8_t {
  raw,     ///< The bytes of the text are the key.
  hex,     ///< Hexadecimal digits of the key.
  base64,  ///< Base64 of the key.
};

/// The keys of provider "hmac": a scheme that a sender of one's own can be described by.
struct HmacConfig {
  /// The header that holds the code. "X-Signature", a usual name; up to 64 bytes.
  std::string header = "X-Signature";
  /// The hash. SHA-256, which nobody can forge; SHA-1 for senders that cannot do better.
  HmacAlgorithm algorithm = HmacAlgorithm::sha256;
  HmacEncoding encoding = HmacEncoding::hex;  ///< Of the code in the header; hex is usual.
  /// What stands before the code in its header, such as "sha256=". None; up to 64 ASCII characters.
  std::string prefix = {};
  /// What is signed: a text with {body} once and, where the sender signs them, {timestamp} and
  /// {id}. The body alone; up to 1,024 bytes. {timestamp} needs timestamp_header, {id} needs
  /// id_header and text between it and its neighbours. Without {timestamp} a request can be
  /// replayed for ever.
  std::string body_template = "{body}";
  /// The header with Unix seconds. Empty: no time is checked, and a request can be replayed for
  /// ever.
  std::string timestamp_header = {};
  /// The header with the id of the delivery, which is the dedupe key, too. Empty: none, and repeats
  /// are stored again, unless the source has `dedupe`.
  std::string id_header = {};
  /// How far the time of a request may lie off ours, both ways. 5 min, as Stripe and Slack have it;
  /// 1 s to 24 h. Less: senders with a slow clock get 401. More: who captured a request can replay
  /// it for longer.
  std::chrono::milliseconds tolerance{std::chrono::minutes(5)};
  SecretEncoding secret_encoding = SecretEncoding::raw;  ///< Raw: secrets are mostly plain text.
};

}  // namespace holdfast
