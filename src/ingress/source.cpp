#include "ingress/source.hpp"

#include <algorithm>
#include <format>
#include <optional>
#include <utility>

#include "base/encoding.hpp"
#include "ingress/form.hpp"
#include "ingress/verify/verify.hpp"

namespace holdfast::ingress {
namespace {

bool takes_get(Provider provider) {
  return provider == Provider::whatsapp || provider == Provider::twilio;
}

bool is_multipart(std::string_view content_type) {
  static constexpr std::string_view prefix = "multipart/";
  return base::equal_ignore_case(content_type.substr(0, prefix.size()), prefix);
}

/// What the headers say about the body, before it is read.
std::optional<Fault> body_fault(const Source& source, const RequestHead& head) {
  for (const auto& [name, value] : head.headers) {
    if (base::equal_ignore_case(name, "Content-Encoding") && !value.empty() &&
        !base::equal_ignore_case(value, "identity"))
      return Fault{415, "encoded bodies are not taken: the signature covers the bytes as sent"};
    if (base::equal_ignore_case(name, "Content-Type") && is_multipart(value))
      return Fault{415, "multipart bodies are not taken"};
  }
  if (head.content_length > source.body_bytes_max)
    return Fault{413, "the body is larger than max_body"};
  return std::nullopt;
}

std::unexpected<Failure> refused(std::string message) {
  return std::unexpected(Failure{FailureKind::refused, std::move(message)});
}

}  // namespace

std::expected<SourceTable, Failure> SourceTable::make(const IngressConfig& config,
                                                      std::vector<SourceConfig> sources) {
  SourceTable table;
  for (auto& source : sources) {
    auto path = source.effective_path();
    if (path == health_path)
      return refused(std::format("reading source {}: its path {} is reserved; choose another",
                                 source.name, path));
    auto dedupe = DedupeRule::make(source);
    if (!dedupe) return std::unexpected(dedupe.error());
    const auto body_bytes_max = source.max_body_bytes.value_or(config.max_body_bytes);
    auto public_url = source.public_url.value_or(config.public_url);
    const auto name = source.name;
    auto made = std::make_unique<const Source>(
        Source{std::move(source), std::move(*dedupe), body_bytes_max, std::move(public_url)});
    if (!table.by_path_.try_emplace(path, std::move(made)).second)
      return refused(std::format(
          "reading source {}: its path {} is that of another source; choose another", name, path));
  }
  return table;
}

std::variant<Admitted, Refused> SourceTable::admit(const RequestHead& head) const {
  const bool get = head.method == "GET";
  if (head.path() == health_path) {
    if (!get) return Refused{method_not_allowed("GET")};
    if (head.has_body()) return Refused{problem({400, "a GET with a body is not taken"})};
    return Admitted{Wish::health, nullptr};
  }
  const auto found = by_path_.find(head.path());
  if (found == by_path_.end()) return Refused{problem({404, "nothing is served at this path"})};
  const Source& source = *found->second;
  const Provider provider = source.config.provider;
  if (head.method != "POST" && !(get && takes_get(provider)))
    return Refused{method_not_allowed(takes_get(provider) ? "GET, POST" : "POST"), &source};
  // What a body of a GET means is undefined (RFC 9110 section 9.3.1), and no provider sends one.
  if (get && head.has_body())
    return Refused{problem({400, "a GET with a body is not taken"}), &source};
  if (get && provider == Provider::whatsapp) return Admitted{Wish::challenge, &source};
  if (const auto fault = body_fault(source, head)) return Refused{problem(*fault), &source};
  if (provider == Provider::bearer &&
      !verify::bearer(head, source.config.token_header, source.config.secrets))
    return Refused{unauthorized(provider), &source};
  return Admitted{Wish::store, &source};
}

Reply answer_challenge(const Source& source, const RequestHead& head) {
  const auto query = decode_form(head.query());
  const auto mode = find_field(query, "hub.mode");
  const auto token = find_field(query, "hub.verify_token");
  const auto challenge = find_field(query, "hub.challenge");
  const auto& expected = source.config.verify_token;
  const bool matches = token && base::equal_constant_time(*token, expected.reveal());
  if (!matches || expected.empty() || mode != "subscribe" || !challenge)
    return problem({403, "this is not the verification that was configured"});
  // The challenge is whatever the caller wrote: a browser must not take it for a page.
  return {200, "text/plain", std::string(*challenge), {{"X-Content-Type-Options", "nosniff"}}};
}

}  // namespace holdfast::ingress
