#include "ingress/verify/keys.hpp"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

#include <array>
#include <optional>
#include <string>
#include <utility>

#include "base/encoding.hpp"
#include "ingress/verify/parts.hpp"

namespace holdfast::ingress::verify {
namespace {

constexpr std::string_view secret_prefix = "whsec_";
constexpr std::string_view public_prefix = "whpk_";
constexpr std::size_t ed25519_key_bytes = 32;

PublicKey owned(EVP_PKEY* key) {
  // What OpenSSL notes about a key it did not take would stay in the thread's queue.
  if (key == nullptr) ERR_clear_error();
  return {key, EVP_PKEY_free};
}

PublicKey ed25519_key(std::string_view bytes) {
  if (bytes.size() != ed25519_key_bytes) return nullptr;
  return owned(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, base::as_unsigned(bytes),
                                           bytes.size()));
}

/// A SubjectPublicKeyInfo with a point of P-256 and nothing behind it.
PublicKey p256_key(std::string_view der) {
  const auto* at = base::as_unsigned(der);
  auto key = owned(d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size())));
  if (!key || at != base::as_unsigned(der) + der.size()) return nullptr;
  std::array<char, 64> group{};
  std::size_t length = 0;
  if (EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_EC ||
      EVP_PKEY_get_group_name(key.get(), group.data(), group.size(), &length) != 1 ||
      std::string_view(group.data(), length) != SN_X9_62_prime256v1)
    return nullptr;
  return key;
}

void add_code(Keys& keys, std::optional<std::string> code) {
  if (code && !code->empty()) keys.codes.emplace_back(std::move(*code));
}

void add_public_key(Keys& keys, PublicKey key) {
  if (key) keys.public_keys.push_back(std::move(key));
}

void add_standard_webhooks(Keys& keys, std::string_view secret) {
  if (secret.starts_with(public_prefix)) {
    const auto bytes = from_base64_text(secret.substr(public_prefix.size()));
    if (bytes) add_public_key(keys, ed25519_key(*bytes));
    return;
  }
  if (secret.starts_with(secret_prefix)) secret.remove_prefix(secret_prefix.size());
  add_code(keys, from_base64_text(secret));
}

std::optional<std::string> decoded(const std::string& secret, SecretEncoding encoding) {
  switch (encoding) {
    case SecretEncoding::raw: return secret;
    case SecretEncoding::hex: return base::from_hex(secret);
    case SecretEncoding::base64: return from_base64_text(secret);
  }
  return std::nullopt;
}

}  // namespace

Keys Keys::of(const SourceConfig& source) {
  Keys keys;
  for (const auto& secret : source.secrets) {
    const auto& text = secret.reveal();
    switch (source.provider) {
      case Provider::standard_webhooks: add_standard_webhooks(keys, text); break;
      case Provider::sendgrid:
        if (const auto der = from_base64_text(text)) add_public_key(keys, p256_key(*der));
        break;
      case Provider::hmac: add_code(keys, decoded(text, source.hmac.secret_encoding)); break;
      default: add_code(keys, text);
    }
  }
  return keys;
}

bool any_signed(std::span<const PublicKey> keys, std::string_view message,
                std::string_view signature) {
  bool valid = false;
  for (const auto& key : keys) {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                          EVP_MD_CTX_free);
    // Ed25519 has its digest built in and refuses to be told one.
    const bool edwards = EVP_PKEY_get_base_id(key.get()) == EVP_PKEY_ED25519;
    const auto* digest = edwards ? nullptr : EVP_sha256();
    const bool same =
        EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key.get()) == 1 &&
        EVP_DigestVerify(context.get(), base::as_unsigned(signature), signature.size(),
                         base::as_unsigned(message), message.size()) == 1;
    valid = same || valid;
  }
  ERR_clear_error();
  return valid;
}

}  // namespace holdfast::ingress::verify
