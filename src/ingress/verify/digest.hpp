#pragma once

#include <span>
#include <string>
#include <string_view>

#include "holdfast/source.hpp"

namespace holdfast::ingress::verify {

/// A message in pieces, so that a large body need not be copied to be signed with a time before it.
using Pieces = std::span<const std::string_view>;

/// The raw code.
[[nodiscard]] std::string hmac_code(HmacAlgorithm algorithm, std::string_view key, Pieces message);

/// True if one of the codes is that of the message under one of the keys. An empty key never
/// matches. Everything is compared with everything, so that the time tells nothing.
[[nodiscard]] bool any_matches(HmacAlgorithm algorithm, std::span<const Secret> keys,
                               Pieces message, std::span<const std::string> codes);

}  // namespace holdfast::ingress::verify
