#include "config/masked.hpp"

#include <catch2/catch_test_macros.hpp>
#include <toml++/toml.hpp>

#include "fixture.hpp"

using namespace holdfast;
using namespace holdfast::config;
using namespace holdfast::config::test;

namespace {

/// Every key once with a value that is not its default.
constexpr std::string_view with_secrets = R"toml([ingress]
public_url = "https://canary:canary@hooks.example.com"
max_inflight_bytes = "200MiB"
trusted_proxies = ["10.0.0.0/8", "::1"]
[outbox]
path = "odd \"name\"\u0001$${x}.db"
[destination]
url = "postgres://canary:canary@canary.example/canary"
connections = 3
drain = "economy"
economy_window = "5m"
[admin]
token = "canary"
[[source]]
name = "w"
provider = "whatsapp"
secrets = ["canary1", "canary2"]
verify_token = "canary"
public_url = "https://canary@h"
write = "whatsapp"
[[source]]
name = "b"
provider = "bearer"
secrets = ["canary"]
dedupe = "/id"
order_by = "/user~1id"
token_header = "X-T"
max_body = "1KiB"
write = [
  { statement = """INSERT INTO "t" (a, b)
	VALUES ($1, $2 || '\\ $${x} é')""", parameters = ["/a", "header:X-\u007e"], when = "/kind=\"$${a}\"" },
  { statement = "SELECT $$ x $$" },
]
[[source]]
name = "h"
provider = "hmac"
secrets = ["canarycanary"]
secret_encoding = "base64"
header = "X-Sig"
algorithm = "sha512"
encoding = "base64url"
prefix = "v1="
template = "{id}.{timestamp}.{body}"
timestamp_header = "X-Time"
id_header = "X-Id"
tolerance = "90s"
[[source]]
name = "g"
provider = "github"
secrets = ["canary"]
[[source]]
name = "n"
provider = "none"
allow_unverified = true
)toml";

/// The text with a secret in place of every mask.
std::string unmasked(std::string text) {
  constexpr std::string_view mask = "***";
  for (auto at = text.find(mask); at != std::string::npos; at = text.find(mask, at + 1))
    text.replace(at, mask.size(), "canary00");
  return text;
}

}  // namespace

TEST_CASE("config: the masked rendering never shows a secret", "[config][masked]") {
  const auto config = parse_text(with_secrets);
  REQUIRE(config);
  const std::string text = to_masked_toml(*config);
  CHECK_FALSE(text.contains("canary"));
  CHECK(text.contains("url = \"***\""));
  CHECK(text.contains("token = \"***\""));
  CHECK(text.contains("secrets = [\"***\", \"***\"]"));
  CHECK(text.contains("verify_token = \"***\""));
  CHECK(text.contains("public_url = \"https://***@hooks.example.com\""));
}

TEST_CASE("config: the masked rendering loads again once its secrets are written",
          "[config][masked]") {
  const auto config = parse_text(with_secrets);
  REQUIRE(config);
  const std::string text = to_masked_toml(*config);
  CAPTURE(text);
  const auto again = parse_text(unmasked(text));
  REQUIRE(again);
  CHECK(to_masked_toml(*again) == text);
  CHECK(again->outbox.path == "odd \"name\"\x01${x}.db");
  CHECK(again->ingress.trusted_proxies == std::vector<std::string>{"10.0.0.0/8", "::1/128"});
  CHECK(again->destination.connections == 3);
  CHECK(again->destination.drain == Drain::economy);
  CHECK(again->destination.economy_window == std::chrono::minutes(5));
  REQUIRE(again->sources.size() == config->sources.size());
  CHECK(again->sources[0].operations == Operations::whatsapp);
  CHECK(again->sources[0].secrets.size() == 2);
  CHECK(again->sources[1].max_body_bytes == 1024);
  CHECK(again->sources[1].token_header == "X-T");
  CHECK(again->sources[1].order_by == "/user~1id");
  for (std::size_t i = 0; i < 2; ++i) {
    const auto& first = config->sources[1].statements.at(i);
    const auto& second = again->sources[1].statements.at(i);
    CHECK(first.statement == second.statement);
    CHECK(first.parameters == second.parameters);
    CHECK(first.when == second.when);
  }
  const auto& hmac = again->sources[2].hmac;
  CHECK(hmac.algorithm == HmacAlgorithm::sha512);
  CHECK(hmac.encoding == HmacEncoding::base64url);
  CHECK(hmac.secret_encoding == SecretEncoding::base64);
  CHECK(hmac.body_template == "{id}.{timestamp}.{body}");
  CHECK(hmac.tolerance == std::chrono::seconds(90));
}

TEST_CASE("config: as it is, the masked rendering lacks its secrets and nothing else",
          "[config][masked]") {
  const auto config = parse_text(with_secrets);
  REQUIRE(config);
  const auto again = parse_text(to_masked_toml(*config));
  REQUIRE_FALSE(again);
  // The URL of the destination is libpq's to refuse.
  std::vector<std::string> keys;
  for (const auto& error : again.error().list) {
    keys.push_back(error.key);
    CHECK(error.message.contains("prints in place of a secret"));
  }
  CHECK(keys == std::vector<std::string>{"admin.token", "source[w].secrets", "source[w].secrets",
                                         "source[w].verify_token", "source[b].secrets",
                                         "source[h].secrets", "source[g].secrets"});
}

TEST_CASE("config: a body of GitHub may have 25 MiB, or all that may be in flight",
          "[config][masked]") {
  const auto shown = [](std::string_view ingress) {
    const auto config = parse_text(
        std::format("[ingress]\n{}\n{}", ingress, source("g", "github", "secrets = \"x\"")));
    REQUIRE(config);
    const auto text = to_masked_toml(*config);
    const auto at = text.rfind("max_body = ");
    return text.substr(at, text.find('\n', at) - at);
  };
  CHECK(shown("") == "max_body = \"25MiB\"");
  CHECK(shown("max_body = \"30MiB\"") == "max_body = \"30MiB\"");
  CHECK(shown("max_inflight_bytes = \"20MiB\"") == "max_body = \"20MiB\"");
}

TEST_CASE("config: what is not set is shown as not set", "[config][masked]") {
  const std::string text = to_masked_toml(built_in_defaults(environment_of({})));
  CHECK(text.contains("url = \"\""));
  CHECK(text.contains("token = \"\""));
  CHECK(text.contains("keep_delivered = \"24h\""));
  CHECK(text.contains("path = \"/ingest/default\""));
}
