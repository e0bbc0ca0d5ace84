#include "config/masked.hpp"

#include <catch2/catch_test_macros.hpp>
#include <toml++/toml.hpp>

#include "fixture.hpp"

using namespace holdfast;
using namespace holdfast::config;
using namespace holdfast::config::test;

namespace {

constexpr std::string_view with_secrets = R"([ingress]
public_url = "https://canary:canary@hooks.example.com"
trusted_proxies = ["10.0.0.0/8", "::1"]
[outbox]
path = "odd \"name\"\u0001.db"
[destination]
url = "postgres://canary:canary@canary.example/canary"
[admin]
token = "canary"
[[source]]
name = "w"
provider = "whatsapp"
secrets = ["canary1", "canary2"]
verify_token = "canary"
public_url = "https://canary@h"
[[source]]
name = "b"
provider = "bearer"
secrets = ["canary"]
dedupe = "/id"
token_header = "X-T"
max_body = "1KiB"
[[source]]
name = "n"
provider = "none"
allow_unverified = true
)";

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

TEST_CASE("config: the masked rendering is a file that loads again", "[config][masked]") {
  const auto config = parse_text(with_secrets);
  REQUIRE(config);
  const std::string text = to_masked_toml(*config);
  const auto again = parse_text(text);
  REQUIRE(again);
  CHECK(to_masked_toml(*again) == text);
  CHECK(again->outbox.path == config->outbox.path);
  CHECK(again->ingress.trusted_proxies == std::vector<std::string>{"10.0.0.0/8", "::1/128"});
  CHECK(again->sources[1].max_body_bytes == 1024);
  CHECK(again->sources[1].token_header == "X-T");
}

TEST_CASE("config: what is not set is shown as not set", "[config][masked]") {
  const std::string text = to_masked_toml(built_in_defaults(environment_of({})));
  CHECK(text.contains("url = \"\""));
  CHECK(text.contains("token = \"\""));
  CHECK(text.contains("keep_delivered = \"1d\""));
  CHECK(text.contains("path = \"/ingest/default\""));
}
