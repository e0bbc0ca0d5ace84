#include "ingress/source.hpp"

#include <algorithm>
#include <format>
#include <optional>
#include <utility>

#include "base/encoding.hpp"
#include "base/form.hpp"
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

/// GitHub sends up to 25 MB, and never again what it got no 2xx for.
constexpr std::uint64_t github_body_bytes = 25 * mib;

std::uint64_t body_bytes_max(const IngressConfig& config, const SourceConfig& source) {
  if (source.max_body_bytes) return *source.max_body_bytes;
  if (source.provider != Provider::github) return config.max_body_bytes;
  return std::min(std::max(config.max_body_bytes, github_body_bytes), config.max_inflight_bytes);
}

std::unexpected<Failure> refused(std::string message) {
  return std::unexpected(Failure{FailureKind::refused, std::move(message)});
}

std::expected<Source, Failure> make_source(const IngressConfig& config, SourceConfig source) {
  auto dedupe = DedupeRule::make(source);
  if (!dedupe) return std::unexpected(dedupe.error());
  std::optional<base::JsonPointer> order_by;
  if (!source.order_by.empty()) {
    order_by = base::parse_json_pointer(source.order_by);
    if (!order_by)
      return refused(
          std::format("reading order_by of source {}: \"{}\" is no JSON pointer; use "
                      "one such as /userId",
                      source.name, source.order_by));
  }
  auto keys = verify::Keys::of(source);
  if (keys.codes.size() + keys.public_keys.size() < source.secrets.size())
    return refused(
        std::format("reading secrets of source {}: one of them is no key of provider {}; copy it "
                    "again from the provider's site",
                    source.name, to_string(source.provider)));
  const auto bytes_max = body_bytes_max(config, source);
  auto public_url = source.public_url.value_or(config.public_url);
  return Source{std::move(source), std::move(*dedupe), std::move(order_by),
                std::move(keys),   bytes_max,          std::move(public_url)};
}

}  // namespace

std::expected<SourceTable, Failure> SourceTable::make(const IngressConfig& config,
                                                      std::vector<SourceConfig> sources) {
  SourceTable table;
  for (auto& source : sources) {
    const auto name = source.name;
    auto path = source.effective_path();
    if (path == health_path)
      return refused(
          std::format("reading source {}: its path {} is reserved; choose another", name, path));
    auto made = make_source(config, std::move(source));
    if (!made) return std::unexpected(made.error());
    if (!table.by_path_.try_emplace(path, std::make_shared<const Source>(std::move(*made))).second)
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
  const SharedSource& source = found->second;
  const Provider provider = source->config.provider;
  if (head.method != "POST" && !(get && takes_get(provider)))
    return Refused{method_not_allowed(takes_get(provider) ? "GET, POST" : "POST"), source};
  // What a body of a GET means is undefined (RFC 9110 section 9.3.1), and no provider sends one.
  if (get && head.has_body())
    return Refused{problem({400, "a GET with a body is not taken"}), source};
  if (get && provider == Provider::whatsapp) return Admitted{Wish::challenge, source};
  if (const auto fault = body_fault(*source, head)) return Refused{problem(*fault), source};
  if (!verify::admits_head(source->config, source->keys, head))
    return Refused{unauthorized(provider), source};
  return Admitted{Wish::store, source};
}

std::uint64_t SourceTable::body_bytes_max() const {
  std::uint64_t largest = 0;
  for (const auto& [path, source] : by_path_) largest = std::max(largest, source->body_bytes_max);
  return largest;
}

Reply answer_challenge(const Source& source, const RequestHead& head) {
  const auto query = base::decode_form(head.query());
  const auto mode = base::find_field(query, "hub.mode");
  const auto token = base::find_field(query, "hub.verify_token");
  const auto challenge = base::find_field(query, "hub.challenge");
  const auto& expected = source.config.verify_token;
  const bool matches = token && base::equal_constant_time(*token, expected.reveal());
  if (!matches || expected.empty() || mode != "subscribe" || !challenge)
    return problem({403, "this is not the verification that was configured"});
  return ingress::challenge(std::string(*challenge));
}

}  // namespace holdfast::ingress
