#include "ingress/intake.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/encoding.hpp"
#include "base/secret_headers.hpp"

namespace holdfast::ingress {
namespace {

constexpr std::string_view mask = "***";

bool is_lower_hex(std::string_view text) {
  return std::ranges::all_of(
      text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_zero(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c == '0'; });
}

}  // namespace

Intake::Intake(TrustedProxies proxies, Dependencies dependencies)
    : proxies_(std::move(proxies)), dependencies_(std::move(dependencies)) {}

std::expected<NewEntry, Reply> Intake::prepare(const Source& source, const RequestHead& head,
                                               const IpAddress& peer, std::string body) {
  const auto origin = called_origin(head, peer, proxies_, source.public_url);
  const auto verdict = verify::request(source.config, source.keys,
                                       {head, origin, body, dependencies_.clock.wall_now()});
  if (verdict.finding != verify::Finding::verified) return std::unexpected(refuse(source, verdict));
  Payload payload(head, body);
  if (source.config.provider == Provider::slack)
    if (auto text = slack_challenge(payload)) return std::unexpected(challenge(std::move(*text)));
  auto entry = make_entry(source, head, peer, payload);
  entry.body = std::move(body);
  return entry;
}

Reply Intake::answer(const Source& source, const std::expected<Appended, Failure>& result) {
  if (result) return accepted(source.config.provider, *result);
  if (warned_.now(dependencies_.clock.steady_now()))
    dependencies_.log(
        {LogLevel::warn,
         "write_refused",
         "A write was answered with 503: " + result.error().message,
         {{"source", source.config.name}, {"kind", std::string(to_string(result.error().kind))}}});
  return not_stored(result.error());
}

Reply Intake::refuse(const Source& source, const verify::Verdict& verdict) {
  if (verdict.finding != verify::Finding::out_of_window)
    return unauthorized(source.config.provider);
  // Nobody but the sender can have made it, so either it is a replay or a clock is wrong; a wrong
  // clock here refuses everything, and the operator has to learn of that.
  if (warned_window_.now(dependencies_.clock.steady_now()))
    dependencies_.log({LogLevel::warn,
                       "signed_timestamp_out_of_window",
                       "A write with a right signature was refused for its time; if all are, "
                       "set this machine's clock.",
                       {{"source", source.config.name},
                        {"offset_seconds", std::to_string(verdict.offset.count())}}});
  return out_of_window();
}

/// All but the body, which the payload still looks at.
NewEntry Intake::make_entry(const Source& source, const RequestHead& head, const IpAddress& peer,
                            Payload& payload) const {
  return {.source = source.config.name,
          .dedupe_key = source.dedupe.key(head, payload),
          .received_at = dependencies_.clock.wall_now(),
          .method = head.method,
          .target = head.target,
          .remote_address = sender_address(head, peer, proxies_),
          .content_type = std::string(head.first("Content-Type")),
          .headers = masked_headers(head.headers, source.config.token_header),
          .body = {},
          .traceparent = valid_traceparent(head),
          .replay_of = std::nullopt,
          .order_key = source.order_by ? payload.scalar_at(*source.order_by) : std::nullopt,
          .compare_sha256 = compare_sha256(source.config.provider, payload)};
}

std::optional<std::string> slack_challenge(Payload& payload) {
  if (payload.json_string_at({"type"}) != "url_verification") return std::nullopt;
  return payload.json_string_at({"challenge"});
}

std::vector<Header> masked_headers(const std::vector<Header>& headers,
                                   std::string_view token_header) {
  auto masked = headers;
  for (auto& [name, value] : masked) {
    if (base::is_secret_header(name) ||
        (!token_header.empty() && base::equal_ignore_case(name, token_header)))
      value = mask;
  }
  return masked;
}

std::optional<std::string> valid_traceparent(const RequestHead& head) {
  const auto text = head.only("traceparent");
  // Version, trace id, parent id and flags; later versions may only add behind another dash.
  constexpr std::size_t known_bytes = 55;
  if (!text || text->size() < known_bytes || text->size() > 2 * known_bytes) return std::nullopt;
  const auto version = text->substr(0, 2);
  const auto trace = text->substr(3, 32);
  const auto parent = text->substr(36, 16);
  const auto flags = text->substr(53, 2);
  const bool shape = (*text)[2] == '-' && (*text)[35] == '-' && (*text)[52] == '-' &&
                     is_lower_hex(version) && is_lower_hex(trace) && is_lower_hex(parent) &&
                     is_lower_hex(flags);
  const bool ending =
      text->size() == known_bytes || (version != "00" && (*text)[known_bytes] == '-');
  if (!shape || !ending || version == "ff" || is_zero(trace) || is_zero(parent))
    return std::nullopt;
  return std::string(*text);
}

}  // namespace holdfast::ingress
