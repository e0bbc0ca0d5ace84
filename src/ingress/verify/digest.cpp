#include "ingress/verify/digest.hpp"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <array>
#include <memory>

#include "base/check.hpp"
#include "base/encoding.hpp"

namespace holdfast::ingress::verify {
namespace {

std::string_view openssl_name(HmacAlgorithm algorithm) {
  switch (algorithm) {
    case HmacAlgorithm::sha1: return "SHA1";
    case HmacAlgorithm::sha256: return "SHA256";
    case HmacAlgorithm::sha512: return "SHA512";
  }
  HOLDFAST_CHECK(false, "an unknown HMAC algorithm");
  return "";
}

}  // namespace

std::string hmac_code(HmacAlgorithm algorithm, std::string_view key, Pieces message) {
  const std::unique_ptr<EVP_MAC, decltype(&EVP_MAC_free)> mac(
      EVP_MAC_fetch(nullptr, "HMAC", nullptr), EVP_MAC_free);
  const std::unique_ptr<EVP_MAC_CTX, decltype(&EVP_MAC_CTX_free)> context(
      EVP_MAC_CTX_new(mac.get()), EVP_MAC_CTX_free);
  std::string digest(openssl_name(algorithm));
  const std::array<OSSL_PARAM, 2> parameters{
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0),
      OSSL_PARAM_construct_end()};
  bool made = context != nullptr && EVP_MAC_init(context.get(), base::as_unsigned(key), key.size(),
                                                 parameters.data()) == 1;
  for (const auto piece : message)
    made = made && EVP_MAC_update(context.get(), base::as_unsigned(piece), piece.size()) == 1;
  std::array<unsigned char, EVP_MAX_MD_SIZE> code{};
  std::size_t length = 0;
  made = made && EVP_MAC_final(context.get(), code.data(), &length, code.size()) == 1;
  HOLDFAST_CHECK(made, "OpenSSL could not compute an HMAC");
  return {reinterpret_cast<const char*>(code.data()), length};
}

bool any_matches(HmacAlgorithm algorithm, std::span<const Secret> keys, Pieces message,
                 std::span<const std::string> codes) {
  bool valid = false;
  for (const auto& key : keys) {
    if (key.empty()) continue;
    const auto expected = hmac_code(algorithm, key.reveal(), message);
    for (const auto& code : codes) {
      const bool same = base::equal_constant_time(code, expected);
      valid = same || valid;
    }
  }
  return valid;
}

}  // namespace holdfast::ingress::verify
