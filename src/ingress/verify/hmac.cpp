#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/encoding.hpp"
#include "ingress/verify/digest.hpp"
#include "ingress/verify/parts.hpp"
#include "ingress/verify/verify.hpp"

namespace holdfast::ingress::verify {
namespace {

/// What stands for the placeholders of the template; what the request lacks is nullopt.
struct Values {
  std::optional<std::string_view> timestamp;
  std::optional<std::string_view> id;
  std::string_view body;
};

/// A header that the configuration may leave out.
std::optional<std::string_view> named(const RequestHead& head, const std::string& name) {
  return name.empty() ? std::nullopt : head.only(name);
}

/// The signed text; nullopt if a value is missing, or if nothing in the template covers the body.
std::optional<std::vector<std::string_view>> fill(std::string_view text, const Values& values) {
  const std::array<std::pair<std::string_view, std::optional<std::string_view>>, 3> known{
      {{"{timestamp}", values.timestamp}, {"{id}", values.id}, {"{body}", values.body}}};
  if (!text.contains("{body}")) return std::nullopt;
  std::vector<std::string_view> pieces;
  std::size_t start = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::pair<std::string_view, std::optional<std::string_view>>* found = nullptr;
    for (const auto& candidate : known)
      if (text.substr(at).starts_with(candidate.first)) found = &candidate;
    if (found == nullptr) {
      ++at;
      continue;
    }
    if (!found->second) return std::nullopt;
    pieces.push_back(text.substr(start, at - start));
    pieces.push_back(*found->second);
    at += found->first.size();
    start = at;
  }
  pieces.push_back(text.substr(start));
  return pieces;
}

/// True if the id can end in one place only. Where it could take in the text that parts it from its
/// neighbour, whoever has seen one request could move the border: the same bytes under another id,
/// with another body.
bool is_parted(std::string_view text, std::string_view id) {
  static constexpr std::string_view place = "{id}";
  for (auto at = text.find(place); at != std::string_view::npos; at = text.find(place, at + 1)) {
    const auto before = text.substr(0, at);
    const auto behind = text.substr(at + place.size());
    const auto left = before.rfind('}');
    const auto right = behind.find('{');
    if (left != std::string_view::npos && id.contains(before.substr(left + 1))) return false;
    if (right != std::string_view::npos && id.contains(behind.substr(0, right))) return false;
  }
  return true;
}

std::optional<std::string> decoded(std::string_view code, HmacEncoding encoding) {
  switch (encoding) {
    case HmacEncoding::hex: return base::from_hex(code);
    case HmacEncoding::base64: return from_base64_text(code);
    case HmacEncoding::base64url: return from_base64_text(code, true);
  }
  return std::nullopt;
}

}  // namespace

Verdict hmac(const Signed& request, const HmacConfig& scheme, std::span<const Secret> keys) {
  const auto header = request.head.only(scheme.header);
  if (!header || !header->starts_with(scheme.prefix)) return {};
  const auto code = decoded(header->substr(scheme.prefix.size()), scheme.encoding);
  const Values values{named(request.head, scheme.timestamp_header),
                      named(request.head, scheme.id_header), request.body};
  const auto message = fill(scheme.body_template, values);
  if (!code || !message || !is_parted(scheme.body_template, values.id.value_or(""))) return {};
  if (scheme.timestamp_header.empty())
    return judge(any_matches(scheme.algorithm, keys, *message, {&*code, 1}));
  const auto signed_at = parse_timestamp(values.timestamp.value_or(""));
  if (!signed_at) return {};
  const bool genuine = any_matches(scheme.algorithm, keys, *message, {&*code, 1});
  return judge(genuine, *signed_at, request.now, scheme.tolerance);
}

}  // namespace holdfast::ingress::verify
