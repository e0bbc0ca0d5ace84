#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "holdfast/entry.hpp"
#include "holdfast/source.hpp"

namespace holdfast::support {

/// A signed request that somebody else computed: a provider's documentation or library, an RFC, or
/// python and openssl where a provider publishes none.
struct Vector {
  std::string name;
  Provider provider = Provider::none;
  std::string secret;
  std::vector<Header> headers;     ///< Those of the signature first, then what else counts.
  std::size_t signed_headers = 1;  ///< How many of them no verification can do without.
  std::string body;
  std::optional<std::int64_t> signed_at = std::nullopt;  ///< Unix seconds, where a window applies.
  HmacConfig hmac = {};
  std::string public_url = {};  ///< Twilio's signature covers what was called.
  std::string target = {};
};

[[nodiscard]] const std::vector<Vector>& public_vectors();

}  // namespace holdfast::support
