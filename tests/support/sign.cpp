#include "support/sign.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

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
  std::string text = "sha256=";
  for (const char c : hmac(EVP_sha256(), app_secret, body))
    text += std::format("{:02x}", static_cast<unsigned char>(c));
  return text;
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

}  // namespace holdfast::support
