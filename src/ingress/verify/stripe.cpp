#include <array>
#include <ranges>
#include <string>
#include <vector>

#include "base/encoding.hpp"
#include "ingress/verify/digest.hpp"
#include "ingress/verify/parts.hpp"
#include "ingress/verify/verify.hpp"

namespace holdfast::ingress::verify {
namespace {

struct Elements {
  std::vector<std::string_view> times;
  std::vector<std::string> codes;  ///< Of version 1; the others are for tests of Stripe's own.
};

Elements elements_of(std::string_view header) {
  Elements elements;
  for (const auto range : std::views::split(header, ',')) {
    const std::string_view element(range);
    if (element.starts_with("t=")) elements.times.push_back(element.substr(2));
    if (auto code = from_prefixed_hex(element, "v1=")) elements.codes.push_back(std::move(*code));
  }
  return elements;
}

}  // namespace

Verdict stripe(const Signed& request, std::span<const Secret> secrets) {
  const auto header = request.head.only("Stripe-Signature");
  if (!header) return {};
  const auto [times, codes] = elements_of(*header);
  if (times.size() != 1 || codes.size() > codes_max) return {};
  const auto signed_at = parse_timestamp(times.front());
  if (!signed_at) return {};
  const std::array<std::string_view, 3> message{times.front(), ".", request.body};
  const bool genuine = any_matches(HmacAlgorithm::sha256, secrets, message, codes);
  return judge(genuine, *signed_at, request.now, replay_window);
}

}  // namespace holdfast::ingress::verify
