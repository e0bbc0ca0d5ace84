#include "ingress/verify/verify.hpp"

#include "ingress/verify/parts.hpp"

namespace holdfast::ingress::verify {

bool admits_head(const SourceConfig& source, const Keys& keys, const RequestHead& head) {
  switch (source.provider) {
    case Provider::bearer: return bearer(head, source.token_header, keys.codes);
    case Provider::telegram: return telegram(head, keys.codes);
    default: return true;
  }
}

Verdict request(const SourceConfig& source, const Keys& keys, const Signed& request) {
  switch (source.provider) {
    case Provider::whatsapp: return judge(whatsapp(request, keys.codes));
    case Provider::twilio: return judge(twilio(request, keys.codes));
    case Provider::stripe: return stripe(request, keys.codes);
    case Provider::github: return judge(github(request, keys.codes));
    case Provider::slack: return slack(request, keys.codes);
    case Provider::shopify: return judge(shopify(request, keys.codes));
    case Provider::standard_webhooks: return standard_webhooks(request, keys);
    case Provider::sendgrid: return judge(sendgrid(request, keys.public_keys));
    case Provider::telegram: return judge(telegram(request.head, keys.codes));
    case Provider::hmac: return hmac(request, source.hmac, keys.codes);
    case Provider::bearer: return judge(bearer(request.head, source.token_header, keys.codes));
    case Provider::none: return judge(none());
  }
  return {};
}

}  // namespace holdfast::ingress::verify
