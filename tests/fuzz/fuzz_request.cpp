// A whole request, from the bytes to the parts of its entry: found keys can be stored, secrets are
// masked, everything else is what the sender wrote.

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/encoding.hpp"
#include "base/secret_headers.hpp"
#include "fuzz/target.hpp"
#include "ingress/chunk_scanner.hpp"
#include "ingress/dedupe.hpp"
#include "ingress/network.hpp"
#include "ingress/payload.hpp"
#include "ingress/source.hpp"

namespace holdfast::fuzz {
namespace {

using namespace holdfast::ingress;

struct Request {
  RequestHead head;
  std::string body;
};

std::optional<Request> read(std::string_view input) {
  HeadParser parser{HeadLimits{}};
  const auto done = parser.advance(input);
  if (!done || !*done) return std::nullopt;
  const auto rest = input.substr(parser.size());
  Request request{parser.take(), {}};
  if (!request.head.chunked) {
    request.body =
        rest.substr(0, std::min<std::uint64_t>(request.head.content_length, rest.size()));
    return request;
  }
  ChunkScanner scanner;
  if (!scanner.accept(rest, &request.body) || !scanner.complete()) return std::nullopt;
  return request;
}

SourceConfig source_of(Provider provider) {
  SourceConfig source;
  source.name = std::string(to_string(provider));
  source.provider = provider;
  source.path = "/";
  source.allow_unverified = true;
  return source;
}

void check_key(const std::optional<std::string>& key) {
  if (!key) return;
  HOLDFAST_CHECK(!key->empty() && key->size() <= 512, "a key has 1 to 512 bytes");
  HOLDFAST_CHECK(base::is_utf8(*key) && !key->contains('\0'), "a key is text for Postgres");
}

void check_keys(const Request& request) {
  for (std::size_t i = 0; i < provider_names.size(); ++i) {
    auto config = source_of(static_cast<Provider>(i));
    for (const auto* dedupe : {"", "/id", "/a/0/b", "header:X-Id", "body"}) {
      config.dedupe = dedupe;
      const auto rule = DedupeRule::make(config);
      HOLDFAST_CHECK(rule.has_value(), "these rules are right");
      Payload payload(request.head, request.body);
      const auto key = rule->key(request.head, payload);
      check_key(key);
      Payload again(request.head, request.body);
      HOLDFAST_CHECK(rule->key(request.head, again) == key, "a repeat has the same key");
      if (config.dedupe != "body") continue;
      const bool get = request.head.method == "GET";
      const std::string_view said = get ? request.head.query() : request.body;
      HOLDFAST_CHECK(key == base::sha256_hex(said), "body, or query of a GET");
    }
  }
}

void check_payload(const Request& request) {
  Payload payload(request.head, request.body);
  HOLDFAST_CHECK(payload.body() == request.body, "the body is untouched");
  if (!payload.is_json() || payload.json_string_at({"id"}))
    HOLDFAST_CHECK(!payload.json_string_at({"id"}) || payload.scalar_at({"id"}),
                   "a string is a scalar");
  // What a repeat may change without becoming another write is this one value.
  const auto compared = compare_sha256(Provider::stripe, payload);
  if (request.head.method == "GET")
    HOLDFAST_CHECK(compared == base::sha256(request.head.query()), "a GET is its query");
  else if (compared)
    HOLDFAST_CHECK(request.body.contains("pending_webhooks") || request.body.contains("\\u"),
                   "only that member is left out");
}

void check_decision(const Request& request) {
  auto config = source_of(Provider::none);
  config.path = std::string(request.head.path());
  const auto table = SourceTable::make({}, {config});
  if (!table) {
    HOLDFAST_CHECK(request.head.path() == health_path, "any other path can be a source's");
    return;
  }
  const auto decision = table->admit(request.head);
  const bool admitted = std::holds_alternative<Admitted>(decision);
  HOLDFAST_CHECK(!admitted || request.head.method == "POST", "none takes a POST and nothing else");
  if (!admitted) {
    const auto status = std::get<Refused>(decision).reply.status;
    HOLDFAST_CHECK(status >= 400 && status < 500, "a refusal is the sender's fault");
  }
}

void check_sender(const Request& request) {
  const auto proxies =
      TrustedProxies::parse(std::array<std::string, 2>{"127.0.0.0/8", "10.0.0.0/8"});
  HOLDFAST_CHECK(proxies.has_value(), "these blocks are right");
  const auto stranger = *IpAddress::parse("203.0.113.9");
  HOLDFAST_CHECK(sender_address(request.head, stranger, *proxies) == "203.0.113.9",
                 "a stranger is believed nothing");
  HOLDFAST_CHECK(
      called_origin(request.head, stranger, *proxies, "") == "http://" + request.head.host,
      "a stranger is believed nothing");
  const auto sender = sender_address(request.head, *IpAddress::parse("127.0.0.1"), *proxies);
  HOLDFAST_CHECK(IpAddress::parse(sender).has_value(), "a sender is an address");
  HOLDFAST_CHECK(
      called_origin(request.head, stranger, *proxies, "https://a.example/") == "https://a.example",
      "public_url wins");
}

void check_request(std::string_view input) {
  const auto request = read(input);
  if (!request) return;
  check_keys(*request);
  check_payload(*request);
  check_decision(*request);
  check_sender(*request);
}

}  // namespace
}  // namespace holdfast::fuzz

HOLDFAST_FUZZ_TARGET("request", holdfast::fuzz::check_request);
