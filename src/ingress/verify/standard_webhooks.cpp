#include <array>
#include <ranges>
#include <string>
#include <vector>

#include "ingress/verify/digest.hpp"
#include "ingress/verify/parts.hpp"
#include "ingress/verify/verify.hpp"

namespace holdfast::ingress::verify {
namespace {

struct Brand {
  std::string_view id;
  std::string_view timestamp;
  std::string_view signature;
};
constexpr Brand standard{"webhook-id", "webhook-timestamp", "webhook-signature"};
constexpr Brand svix{"svix-id", "svix-timestamp", "svix-signature"};

const Brand& brand_of(const RequestHead& head) {
  return head.has(standard.signature) ? standard : svix;
}

/// The codes of one version in a list such as "v1,AAAA v1a,BBBB v2,CCCC".
std::vector<std::string> codes_of(std::string_view list, std::string_view version) {
  std::vector<std::string> codes;
  for (const auto range : std::views::split(list, ' ')) {
    const std::string_view item(range);
    if (!item.starts_with(version)) continue;
    if (auto code = from_base64_text(item.substr(version.size())))
      codes.push_back(std::move(*code));
  }
  return codes;
}

bool any_signature(std::span<const PublicKey> keys, Pieces pieces,
                   std::span<const std::string> signatures) {
  if (keys.empty() || signatures.empty()) return false;
  std::string message;
  for (const auto piece : pieces) message += piece;
  bool valid = false;
  for (const auto& signature : signatures) valid = any_signed(keys, message, signature) || valid;
  return valid;
}

}  // namespace

std::string_view standard_webhooks_id_header(const RequestHead& head) {
  return brand_of(head).id;
}

Verdict standard_webhooks(const Signed& request, const Keys& keys) {
  const auto& brand = brand_of(request.head);
  const auto id = request.head.only(brand.id);
  const auto time = request.head.only(brand.timestamp);
  const auto list = request.head.only(brand.signature);
  // A dot in the id would let its end pass for the time.
  if (!id || id->empty() || id->contains('.') || !time || !list) return {};
  const auto signed_at = parse_timestamp(*time);
  const auto codes = codes_of(*list, "v1,");
  const auto signatures = codes_of(*list, "v1a,");
  if (!signed_at || codes.size() > codes_max || signatures.size() > codes_max) return {};
  const std::array<std::string_view, 5> message{*id, ".", *time, ".", request.body};
  const bool by_code = any_matches(HmacAlgorithm::sha256, keys.codes, message, codes);
  const bool by_key = any_signature(keys.public_keys, message, signatures);
  return judge(by_code || by_key, *signed_at, request.now, replay_window);
}

}  // namespace holdfast::ingress::verify
