#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "holdfast/source.hpp"

struct evp_pkey_st;

namespace holdfast::ingress::verify {

/// A public key of OpenSSL; it is only read, which any number of threads may do.
using PublicKey = std::shared_ptr<evp_pkey_st>;

/// A source's secrets as its scheme computes with them, decoded once. What does not decode is left
/// out, so that it verifies nothing.
struct Keys {
  std::vector<Secret> codes;  ///< Keys of HMACs, and tokens; never empty ones.
  std::vector<PublicKey> public_keys;

  [[nodiscard]] static Keys of(const SourceConfig& source);
};

/// True if one of the keys made the signature: ed25519, or ECDSA over SHA-256 in DER.
[[nodiscard]] bool any_signed(std::span<const PublicKey> keys, std::string_view message,
                              std::string_view signature);

}  // namespace holdfast::ingress::verify
