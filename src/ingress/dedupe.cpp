#include "ingress/dedupe.hpp"

#include <format>
#include <utility>

#include "base/encoding.hpp"
#include "ingress/form.hpp"
#include "ingress/json_scalar.hpp"

namespace holdfast::ingress {
namespace {

constexpr std::size_t key_bytes_max = 512;
constexpr std::string_view header_prefix = "header:";

std::optional<std::string> copy(std::optional<std::string_view> text) {
  return text ? std::optional<std::string>(*text) : std::nullopt;
}

/// The token is the same over all tries of one request; without it, one message and one status of a
/// message are one write each.
std::optional<std::string> twilio_key(const RequestHead& head, std::string_view body) {
  const auto token = head.only("I-Twilio-Idempotency-Token");
  if (token && !token->empty()) return copy(token);
  const bool form = is_media_type(head.first("Content-Type"), form_media_type);
  const auto fields = decode_form(head.method == "GET" ? head.query() : form ? body : "");
  const auto sid = find_field(fields, "MessageSid");
  if (!sid || sid->empty()) return std::nullopt;
  const auto status = find_field(fields, "MessageStatus");
  if (!status || status->empty()) return std::string(*sid);
  return std::format("{}:{}", *sid, *status);
}

}  // namespace

std::expected<DedupeRule, Failure> DedupeRule::make(const SourceConfig& source) {
  DedupeRule rule;
  const std::string_view text = source.dedupe;
  if (text == "body") {
    rule.rule_ = Body{};
  } else if (text.starts_with(header_prefix) && text.size() > header_prefix.size()) {
    rule.rule_ = NamedHeader{std::string(text.substr(header_prefix.size()))};
  } else if (text.starts_with('/') && parse_json_pointer(text)) {
    rule.rule_ = Pointer{*parse_json_pointer(text)};
  } else if (!text.empty()) {
    return std::unexpected(Failure{
        FailureKind::refused,
        std::format("reading dedupe of source {}: \"{}\" is no rule; use a JSON pointer such as "
                    "/id, header:NAME or body",
                    source.name, text)});
  } else if (source.provider == Provider::whatsapp) {
    rule.rule_ = Body{};
  } else if (source.provider == Provider::twilio) {
    rule.rule_ = Twilio{};
  }
  return rule;
}

std::optional<std::string> DedupeRule::key(const RequestHead& head, std::string_view body) const {
  if (std::holds_alternative<Body>(rule_)) return base::sha256_hex(body);
  if (std::holds_alternative<Twilio>(rule_)) return storable_key(twilio_key(head, body));
  if (const auto* header = std::get_if<NamedHeader>(&rule_))
    return storable_key(copy(head.only(header->name)));
  if (const auto* pointer = std::get_if<Pointer>(&rule_))
    return storable_key(json_scalar_at(body, pointer->tokens));
  return std::nullopt;
}

std::optional<std::string> storable_key(std::optional<std::string> key) {
  if (!key || key->empty()) return std::nullopt;
  if (key->size() <= key_bytes_max && !key->contains('\0') && base::is_utf8(*key)) return key;
  return "sha256:" + base::sha256_hex(*key);
}

}  // namespace holdfast::ingress
