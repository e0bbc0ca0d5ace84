#include "ingress/verify/verify.hpp"

namespace holdfast::ingress::verify {

bool request(const SourceConfig& source, const Signed& request) {
  switch (source.provider) {
    case Provider::whatsapp: return whatsapp(request, source.secrets);
    case Provider::twilio: return twilio(request, source.secrets);
    case Provider::bearer: return bearer(request.head, source.token_header, source.secrets);
    case Provider::none: return none();
  }
  return false;
}

}  // namespace holdfast::ingress::verify
