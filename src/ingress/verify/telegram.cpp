#include "ingress/verify/verify.hpp"

namespace holdfast::ingress::verify {

bool telegram(const RequestHead& head, std::span<const Secret> secrets) {
  return bearer(head, "X-Telegram-Bot-Api-Secret-Token", secrets);
}

}  // namespace holdfast::ingress::verify
