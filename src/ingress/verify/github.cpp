#include "ingress/verify/verify.hpp"

namespace holdfast::ingress::verify {

bool github(const Signed& request, std::span<const Secret> secrets) {
  // GitHub's scheme is Meta's to the letter; GitHub's own vector tests both.
  return whatsapp(request, secrets);
}

}  // namespace holdfast::ingress::verify
