#include "base/encoding.hpp"
#include "ingress/verify/verify.hpp"

namespace holdfast::ingress::verify {

bool telegram(const RequestHead& head, std::span<const Secret> secrets) {
  const auto token = head.only("X-Telegram-Bot-Api-Secret-Token");
  if (!token) return false;
  bool valid = false;
  for (const auto& secret : secrets) {
    const bool same = base::equal_constant_time(*token, secret.reveal());
    valid = (same && !secret.empty()) || valid;
  }
  return valid;
}

}  // namespace holdfast::ingress::verify
