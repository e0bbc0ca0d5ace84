#include <array>

#include "ingress/verify/digest.hpp"
#include "ingress/verify/parts.hpp"
#include "ingress/verify/verify.hpp"

namespace holdfast::ingress::verify {

bool shopify(const Signed& request, std::span<const Secret> secrets) {
  const auto header = request.head.only("X-Shopify-Hmac-Sha256");
  if (!header) return false;
  const auto code = from_base64_text(*header);
  if (!code) return false;
  const std::array message{request.body};
  return any_matches(HmacAlgorithm::sha256, secrets, message, {&*code, 1});
}

}  // namespace holdfast::ingress::verify
