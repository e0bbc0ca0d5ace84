#include <array>

#include "ingress/verify/digest.hpp"
#include "ingress/verify/parts.hpp"
#include "ingress/verify/verify.hpp"

namespace holdfast::ingress::verify {

Verdict slack(const Signed& request, std::span<const Secret> secrets) {
  const auto header = request.head.only("X-Slack-Signature");
  const auto time = request.head.only("X-Slack-Request-Timestamp");
  if (!header || !time) return {};
  const auto code = from_prefixed_hex(*header, "v0=");
  const auto signed_at = parse_timestamp(*time);
  if (!code || !signed_at) return {};
  const std::array<std::string_view, 4> message{"v0:", *time, ":", request.body};
  const bool genuine = any_matches(HmacAlgorithm::sha256, secrets, message, {&*code, 1});
  return judge(genuine, *signed_at, request.now, replay_window);
}

}  // namespace holdfast::ingress::verify
