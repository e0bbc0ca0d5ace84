#include "ingress/dedupe.hpp"

#include <format>
#include <utility>

#include "base/encoding.hpp"
#include "base/limits.hpp"
#include "ingress/verify/verify.hpp"

namespace holdfast::ingress {
namespace {

using base::limits::dedupe_key_bytes_max;
constexpr std::string_view header_prefix = "header:";

std::optional<std::string> copy(std::optional<std::string_view> text) {
  return text ? std::optional<std::string>(*text) : std::nullopt;
}

/// The token is the same over all tries of one request; without it, one message and one status of a
/// message are one write each.
std::optional<std::string> twilio_key(const RequestHead& head, Payload& payload) {
  const auto token = head.only("I-Twilio-Idempotency-Token");
  if (token && !token->empty()) return copy(token);
  const auto& fields = payload.fields();
  const auto sid = base::find_field(fields, "MessageSid");
  if (!sid || sid->empty()) return std::nullopt;
  const auto status = base::find_field(fields, "MessageStatus");
  if (!status || status->empty()) return std::string(*sid);
  return std::format("{}:{}", *sid, *status);
}

/// An event id is only unique within its team.
std::optional<std::string> slack_key(Payload& payload) {
  const auto event = payload.scalar_at({"event_id"});
  if (!event || event->empty()) return std::nullopt;
  return std::format("{}:{}", payload.scalar_at({"team_id"}).value_or(""), *event);
}

}  // namespace

std::expected<DedupeRule, Failure> DedupeRule::make(const SourceConfig& source) {
  DedupeRule rule;
  const std::string_view text = source.dedupe;
  auto pointer = base::parse_json_pointer(text);
  if (text.empty()) {
    rule.rule_ = rule_of_provider(source);
  } else if (text == "body") {
    rule.rule_ = Body{};
  } else if (text.starts_with(header_prefix) && text.size() > header_prefix.size()) {
    rule.rule_ = NamedHeader{std::string(text.substr(header_prefix.size()))};
  } else if (pointer) {
    rule.rule_ = std::move(*pointer);
  } else {
    return std::unexpected(Failure{
        FailureKind::refused,
        std::format("reading dedupe of source {}: \"{}\" is no rule; use a JSON pointer such as "
                    "/id, header:NAME or body",
                    source.name, text)});
  }
  return rule;
}

DedupeRule::Rule DedupeRule::rule_of_provider(const SourceConfig& source) {
  switch (source.provider) {
    case Provider::whatsapp:
    case Provider::sendgrid: return Body{};
    case Provider::twilio: return Twilio{};
    case Provider::stripe: return base::JsonPointer{"id"};
    case Provider::github: return NamedHeader{"X-GitHub-Delivery"};
    case Provider::slack: return Slack{};
    case Provider::shopify: return NamedHeader{"X-Shopify-Webhook-Id"};
    case Provider::standard_webhooks: return StandardWebhooks{};
    case Provider::telegram: return base::JsonPointer{"update_id"};
    case Provider::hmac:
      if (!source.hmac.id_header.empty()) return NamedHeader{source.hmac.id_header};
      return NoKey{};
    case Provider::bearer:
    case Provider::none: return NoKey{};
  }
  return NoKey{};
}

std::optional<std::string> DedupeRule::key(const RequestHead& head, Payload& payload) const {
  if (std::holds_alternative<Body>(rule_)) return base::sha256_hex(payload.content());
  if (std::holds_alternative<Twilio>(rule_)) return storable_key(twilio_key(head, payload));
  if (std::holds_alternative<Slack>(rule_)) return storable_key(slack_key(payload));
  if (std::holds_alternative<StandardWebhooks>(rule_))
    return storable_key(copy(head.only(verify::standard_webhooks_id_header(head))));
  if (const auto* header = std::get_if<NamedHeader>(&rule_))
    return storable_key(copy(head.only(header->name)));
  if (const auto* pointer = std::get_if<base::JsonPointer>(&rule_))
    return storable_key(payload.scalar_at(*pointer));
  return std::nullopt;
}

std::optional<std::string> storable_key(std::optional<std::string> key) {
  if (!key || key->empty()) return std::nullopt;
  if (key->size() <= dedupe_key_bytes_max && !key->contains('\0') && base::is_utf8(*key))
    return key;
  return "sha256:" + base::sha256_hex(*key);
}

std::optional<std::array<std::uint8_t, 32>> compare_sha256(Provider provider, Payload& payload) {
  if (payload.is_get()) return base::sha256(payload.content());
  if (provider != Provider::stripe || !payload.is_json()) return std::nullopt;
  const auto body = payload.body();
  const auto values = base::json_members(body, "pending_webhooks");
  if (values.empty()) return std::nullopt;
  std::string kept;
  kept.reserve(body.size());
  std::size_t start = 0;
  for (const auto value : values) {
    const auto at = static_cast<std::size_t>(value.data() - body.data());
    kept += body.substr(start, at - start);
    start = at + value.size();
  }
  kept += body.substr(start);
  return base::sha256(kept);
}

}  // namespace holdfast::ingress
