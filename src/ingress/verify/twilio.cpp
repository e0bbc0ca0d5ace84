#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "base/encoding.hpp"
#include "base/form.hpp"
#include "ingress/verify/digest.hpp"
#include "ingress/verify/parts.hpp"
#include "ingress/verify/verify.hpp"

namespace holdfast::ingress::verify {
namespace {

/// The called URL without and with a port: Twilio signs either, whichever it called.
/// Source: twilio-python request_validator.py, remove_port and add_port.
std::array<std::string, 2> url_variants(std::string_view origin, std::string_view target) {
  const auto scheme_end = origin.find("://");
  const std::string url = std::string(origin) + std::string(target);
  if (scheme_end == std::string_view::npos) return {url, url};
  const auto authority_start = scheme_end + 3;
  const auto authority_end = std::min(origin.find_first_of("/?", authority_start), origin.size());
  const auto authority = origin.substr(authority_start, authority_end - authority_start);
  const auto user_end = authority.rfind('@');
  const auto host_start = user_end == std::string_view::npos ? 0 : user_end + 1;
  const auto bracket = authority.find(']', host_start);
  const auto colon = authority.find(':', bracket == std::string_view::npos ? host_start : bracket);
  const auto before = origin.substr(0, authority_start);
  const std::string behind = std::string(origin.substr(authority_end)) + std::string(target);
  const auto host = authority.substr(0, colon);
  const std::string without = std::string(before) + std::string(host) + behind;
  if (colon != std::string_view::npos) return {without, url};
  const std::string_view port =
      base::equal_ignore_case(origin.substr(0, scheme_end), "https") ? ":443" : ":80";
  return {without, std::string(before) + std::string(host) + std::string(port) + behind};
}

/// Twilio sends some dozens. A field takes thirty times its two bytes while it is sorted, and
/// anybody can send this before it is known who it is.
constexpr std::ptrdiff_t fields_max = 10'000;

/// Name and value of every distinct pair, sorted by name and then value, nothing in between.
std::string sorted_fields(base::FormFields fields) {
  std::ranges::sort(fields);
  const auto repeated = std::ranges::unique(fields);
  fields.erase(repeated.begin(), repeated.end());
  std::string text;
  for (const auto& [name, value] : fields) {
    text += name;
    text += value;
  }
  return text;
}

/// What is signed behind the URL; nullopt if nothing would cover the body. An empty body that was
/// signed as another one (bodySHA256) does not pass, nor does a form without a name or value.
std::optional<std::string> signed_fields(const Signed& request) {
  if (base::is_media_type(request.head.first("Content-Type"), base::form_media_type)) {
    if (std::ranges::count(request.body, '&') >= fields_max) return std::nullopt;
    auto fields = sorted_fields(base::decode_form(request.body));
    if (!fields.empty()) return fields;
  }
  const auto query = base::decode_form(request.head.query());
  const auto hash = base::find_field(query, "bodySHA256");
  if (!hash) return request.body.empty() ? std::optional<std::string>("") : std::nullopt;
  const auto given = base::from_hex(*hash);
  const auto digest = base::sha256(request.body);
  const std::string_view expected(reinterpret_cast<const char*>(digest.data()), digest.size());
  if (!given || !base::equal_constant_time(*given, expected)) return std::nullopt;
  return "";
}

}  // namespace

bool twilio(const Signed& request, std::span<const Secret> secrets) {
  const auto signature = request.head.only("X-Twilio-Signature");
  if (!signature) return false;
  const auto fields = signed_fields(request);
  if (!fields) return false;
  const auto code = from_base64_text(*signature);
  if (!code) return false;
  bool valid = false;
  for (const auto& url : url_variants(request.origin, request.head.target)) {
    const std::array<std::string_view, 2> message{url, *fields};
    valid = any_matches(HmacAlgorithm::sha1, secrets, message, {&*code, 1}) || valid;
  }
  return valid;
}

}  // namespace holdfast::ingress::verify
