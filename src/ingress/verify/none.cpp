#include "ingress/verify/verify.hpp"

namespace holdfast::ingress::verify {

bool none() {
  return true;
}

}  // namespace holdfast::ingress::verify
