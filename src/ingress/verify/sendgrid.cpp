#include <string>

#include "ingress/verify/parts.hpp"
#include "ingress/verify/verify.hpp"

namespace holdfast::ingress::verify {
namespace {

/// Nothing separates time and body: a shorter time would let its last digits pass for the body's
/// first. Ten digits are what every time from 2001 to 2286 has.
constexpr std::size_t timestamp_digits = 10;

}  // namespace

bool sendgrid(const Signed& request, std::span<const PublicKey> keys) {
  const auto header = request.head.only("X-Twilio-Email-Event-Webhook-Signature");
  const auto time = request.head.only("X-Twilio-Email-Event-Webhook-Timestamp");
  if (!header || !time || time->size() != timestamp_digits || !parse_timestamp(*time)) return false;
  const auto signature = from_base64_text(*header);
  if (!signature) return false;
  return any_signed(keys, std::string(*time) + std::string(request.body), *signature);
}

}  // namespace holdfast::ingress::verify
