#include "support/sign.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <format>
#include <stdexcept>

namespace holdfast::support {
namespace {

std::string hmac(const EVP_MD* digest, std::string_view key, std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
  unsigned int size = 0;
  if (HMAC(digest, key.data(), static_cast<int>(key.size()),
           reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), mac.data(),
           &size) == nullptr)
    throw std::runtime_error("signing a test request: HMAC failed");
  return {reinterpret_cast<const char*>(mac.data()), size};
}

std::string base64(std::string_view bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                   reinterpret_cast<const unsigned char*>(bytes.data()),
                                   static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

std::string hex(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) text += std::format("{:02x}", static_cast<unsigned char>(c));
  return text;
}

std::string base64_decoded(std::string_view text) {
  std::string bytes(text.size() / 4 * 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()),
                                   static_cast<int>(text.size()));
  if (size < 0) throw std::runtime_error("signing a test request: the secret is not base64");
  const auto padding = static_cast<std::size_t>(std::ranges::count(text, '='));
  bytes.resize(static_cast<std::size_t>(size) - padding);
  return bytes;
}

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || std::string_view("-._~").contains(c)) {
      result += c;
    } else {
      result += c == ' ' ? "+" : std::format("%{:02X}", byte);
    }
  }
  return result;
}

}  // namespace

std::string sign_whatsapp(std::string_view app_secret, std::string_view body) {
  return "sha256=" + hex(hmac(EVP_sha256(), app_secret, body));
}

std::string sign_github(std::string_view secret, std::string_view body) {
  return sign_whatsapp(secret, body);
}

std::string sign_twilio(std::string_view auth_token, std::string_view url,
                        std::vector<std::pair<std::string, std::string>> fields) {
  std::ranges::sort(fields);
  std::string text(url);
  for (const auto& [name, value] : fields) text += name + value;
  return base64(hmac(EVP_sha1(), auth_token, text));
}

std::string form_body(const std::vector<std::pair<std::string, std::string>>& fields) {
  std::string body;
  for (const auto& [name, value] : fields)
    body += (body.empty() ? "" : "&") + escaped(name) + "=" + escaped(value);
  return body;
}

std::string sign_stripe(std::string_view secret, std::int64_t time, std::string_view body) {
  return std::format("t={},v1={}", time,
                     hex(hmac(EVP_sha256(), secret, std::format("{}.{}", time, body))));
}

std::string sign_slack(std::string_view secret, std::int64_t time, std::string_view body) {
  return "v0=" + hex(hmac(EVP_sha256(), secret, std::format("v0:{}:{}", time, body)));
}

std::string sign_shopify(std::string_view secret, std::string_view body) {
  return base64(hmac(EVP_sha256(), secret, body));
}

std::string sign_standard_webhooks(std::string_view secret, std::string_view id, std::int64_t time,
                                   std::string_view body) {
  secret.remove_prefix(std::string_view("whsec_").size());
  return "v1," + base64(hmac(EVP_sha256(), base64_decoded(secret),
                             std::format("{}.{}.{}", id, time, body)));
}

std::string hmac_hex(const char* digest, std::string_view key, std::string_view message) {
  return hex(hmac(EVP_get_digestbyname(digest), key, message));
}

std::string hmac_base64(const char* digest, std::string_view key, std::string_view message) {
  return base64(hmac(EVP_get_digestbyname(digest), key, message));
}

SigningKey SigningKey::p256() {
  return SigningKey({EVP_EC_gen("P-256"), EVP_PKEY_free});
}

SigningKey SigningKey::ed25519() {
  return SigningKey({EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"), EVP_PKEY_free});
}

std::string SigningKey::public_key() const {
  std::array<unsigned char, 256> bytes{};
  std::size_t size = bytes.size();
  if (EVP_PKEY_get_base_id(key_.get()) == EVP_PKEY_ED25519) {
    EVP_PKEY_get_raw_public_key(key_.get(), bytes.data(), &size);
  } else {
    auto* at = bytes.data();
    size = static_cast<std::size_t>(i2d_PUBKEY(key_.get(), &at));
  }
  return base64({reinterpret_cast<const char*>(bytes.data()), size});
}

std::string SigningKey::sign(std::string_view message) const {
  const bool edwards = EVP_PKEY_get_base_id(key_.get()) == EVP_PKEY_ED25519;
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        EVP_MD_CTX_free);
  std::array<unsigned char, 256> signature{};
  std::size_t size = signature.size();
  if (EVP_DigestSignInit(context.get(), nullptr, edwards ? nullptr : EVP_sha256(), nullptr,
                         key_.get()) != 1 ||
      EVP_DigestSign(context.get(), signature.data(), &size,
                     reinterpret_cast<const unsigned char*>(message.data()), message.size()) != 1)
    throw std::runtime_error("signing a test request: OpenSSL refused");
  return base64({reinterpret_cast<const char*>(signature.data()), size});
}

}  // namespace holdfast::support
