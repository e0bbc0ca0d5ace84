#pragma once

#include <string>
#include <string_view>

namespace holdfast::ingress::verify {

/// Raw digests.
[[nodiscard]] std::string hmac_sha256(std::string_view key, std::string_view message);
[[nodiscard]] std::string hmac_sha1(std::string_view key, std::string_view message);

}  // namespace holdfast::ingress::verify
