#include <array>

#include "ingress/verify/digest.hpp"
#include "ingress/verify/parts.hpp"
#include "ingress/verify/verify.hpp"

namespace holdfast::ingress::verify {

bool whatsapp(const Signed& request, std::span<const Secret> secrets) {
  const auto header = request.head.only("X-Hub-Signature-256");
  if (!header) return false;
  const auto code = from_prefixed_hex(*header, "sha256=");
  if (!code) return false;
  const std::array message{request.body};
  return any_matches(HmacAlgorithm::sha256, secrets, message, {&*code, 1});
}

}  // namespace holdfast::ingress::verify
