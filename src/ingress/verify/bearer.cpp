#include "base/encoding.hpp"
#include "ingress/verify/verify.hpp"

namespace holdfast::ingress::verify {
namespace {

/// The token of "Bearer TOKEN"; the scheme counts in any case (RFC 9110 section 11.1).
std::optional<std::string_view> bearer_token(std::string_view credentials) {
  static constexpr std::string_view scheme = "Bearer";
  if (credentials.size() <= scheme.size() || credentials[scheme.size()] != ' ' ||
      !base::equal_ignore_case(credentials.substr(0, scheme.size()), scheme))
    return std::nullopt;
  credentials.remove_prefix(scheme.size());
  const auto start = credentials.find_first_not_of(' ');
  if (start == std::string_view::npos) return std::nullopt;
  return credentials.substr(start);
}

}  // namespace

bool bearer(const RequestHead& head, std::string_view token_header,
            std::span<const Secret> secrets) {
  const bool standard = token_header.empty();
  const auto header = head.only(standard ? "Authorization" : token_header);
  if (!header) return false;
  const auto token = standard ? bearer_token(*header) : header;
  if (!token) return false;
  bool valid = false;
  for (const auto& secret : secrets) {
    const bool same = base::equal_constant_time(*token, secret.reveal());
    valid = (same && !secret.empty()) || valid;
  }
  return valid;
}

}  // namespace holdfast::ingress::verify
