#include "base/encoding.hpp"
#include "ingress/verify/hmac.hpp"
#include "ingress/verify/verify.hpp"

namespace holdfast::ingress::verify {

bool whatsapp(const Signed& request, std::span<const Secret> secrets) {
  static constexpr std::string_view prefix = "sha256=";
  const auto header = request.head.only("X-Hub-Signature-256");
  if (!header || !header->starts_with(prefix)) return false;
  const auto given = base::from_hex(header->substr(prefix.size()));
  if (!given) return false;
  bool valid = false;
  for (const auto& secret : secrets) {
    const auto expected = hmac_sha256(secret.reveal(), request.body);
    const bool same = base::equal_constant_time(*given, expected);
    valid = (same && !secret.empty()) || valid;
  }
  return valid;
}

}  // namespace holdfast::ingress::verify
