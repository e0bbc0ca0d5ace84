#include "config/hmac.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "fixture.hpp"

using namespace holdfast;
using namespace holdfast::config;
using namespace holdfast::config::test;
using namespace std::chrono_literals;

namespace {

std::string with(std::string_view lines) {
  return errors_of(source("a", "hmac", std::format("secrets = \"k\"\n{}", lines)));
}

}  // namespace

TEST_CASE("config: provider hmac has defaults for all but its secret", "[config][hmac]") {
  const auto config = parse_text(source("a", "hmac", "secrets = \"k\""));
  REQUIRE(config);
  const auto& hmac = config->sources[0].hmac;
  CHECK(hmac.header == "X-Signature");
  CHECK(hmac.algorithm == HmacAlgorithm::sha256);
  CHECK(hmac.encoding == HmacEncoding::hex);
  CHECK(hmac.prefix.empty());
  CHECK(hmac.body_template == "{body}");
  CHECK(hmac.timestamp_header.empty());
  CHECK(hmac.id_header.empty());
  CHECK(hmac.tolerance == 5min);
  CHECK(hmac.secret_encoding == SecretEncoding::raw);
}

TEST_CASE("config: every key of hmac is read", "[config][hmac]") {
  const auto config = parse_text(source("a", "hmac", R"(secrets = "a2V5"
header = "X-Sig"
algorithm = "sha512"
encoding = "base64url"
prefix = "v0="
template = "v0:{id}:{timestamp}:{body}"
timestamp_header = "X-Time"
id_header = "X-Id"
tolerance = "90s"
secret_encoding = "base64")"));
  REQUIRE(config);
  const auto& hmac = config->sources[0].hmac;
  CHECK(hmac.header == "X-Sig");
  CHECK(hmac.algorithm == HmacAlgorithm::sha512);
  CHECK(hmac.encoding == HmacEncoding::base64url);
  CHECK(hmac.prefix == "v0=");
  CHECK(hmac.body_template == "v0:{id}:{timestamp}:{body}");
  CHECK(hmac.timestamp_header == "X-Time");
  CHECK(hmac.id_header == "X-Id");
  CHECK(hmac.tolerance == 90s);
  CHECK(hmac.secret_encoding == SecretEncoding::base64);
  CHECK(config->warnings.empty());
}

TEST_CASE("config: the words of hmac are a closed set", "[config][hmac]") {
  CHECK(with("algorithm = \"sha1\"") == "ok");
  CHECK(with("algorithm = \"sha265\"")
            .contains("source[a].algorithm: \"sha265\" is not known; did you mean \"sha256\"?"));
  CHECK(with("algorithm = \"md5\"").contains("known here: sha1, sha256, sha512"));
  CHECK(with("encoding = \"base64\"") == "ok");
  CHECK(with("encoding = \"HEX\"").contains("known here: hex, base64, base64url"));
  CHECK(with("secret_encoding = \"hexx\"").contains("did you mean \"hex\"?"));
  CHECK(with("algorithm = 256").contains("algorithm: is an integer; write a string in quotes"));
}

TEST_CASE("config: a template signs the body and nothing unknown", "[config][hmac]") {
  const auto of = [](std::string_view text) {
    return with(
        std::format("timestamp_header = \"X-T\"\nid_header = \"X-I\"\ntemplate = \"{}\"", text));
  };
  CHECK(of("{timestamp}.{body}") == "ok");
  CHECK(of("{id}.{timestamp}{body}}") == "ok");
  CHECK(of("{timestamp}").contains("has no {body}, so that any body would pass"));
  CHECK(of("").contains("has no {body}"));
  CHECK(of("{time}.{body}").contains("a { that begins none of {timestamp}, {id} and {body}"));
  CHECK(of("{body").contains("a { that begins none of"));
  CHECK(of("{Body}").contains("a { that begins none of"));
  CHECK(of("{body}{body}").contains("has {body} twice"));
  CHECK(of(std::string(1018, 'x') + "{body}") == "ok");
  CHECK(of(std::string(1019, 'x') + "{body}").contains("is longer than 1024 bytes"));
}

TEST_CASE("config: an id in a template is parted from its neighbours", "[config][hmac]") {
  const std::string headers = "timestamp_header = \"T\"\nid_header = \"I\"\n";
  CHECK(with(headers + "template = \"{id}.{timestamp}{body}\"") == "ok");
  for (const std::string bad : {"{id}{body}", "{timestamp}{id}.{body}", "{body}{id}"})
    CHECK(with(headers + "template = \"" + bad + "\"").contains("nothing between {id}"));
}

TEST_CASE("config: what a template names must have its header", "[config][hmac]") {
  CHECK(with("template = \"{timestamp}.{body}\"")
            .contains("source[a].template: has {timestamp}, and timestamp_header does not say"));
  CHECK(with("template = \"{id}.{body}\"").contains("source[a].template: has {id}, and id_header"));
  CHECK(with("id_header = \"X-Id\"") == "ok");
  CHECK(with("id_header = \"\"\ntimestamp_header = \"\"") == "ok");
  CHECK(
      with("id_header = \"a b\"").contains("source[a].id_header: \"a b\" is no name of a header"));
  CHECK(with("header = \"\"").contains("source[a].header: \"\" is no name of a header"));
  CHECK(with("id_header = \"x-signature\"").contains("is the header of the signature already"));
  CHECK(with("timestamp_header = \"X-Signature\"").contains("source[a].timestamp_header: "));
}

TEST_CASE("config: a time that is not signed is warned of", "[config][hmac][warning]") {
  const auto text = source("a", "hmac", "secrets = \"k\"\ntimestamp_header = \"X-T\"");
  CHECK(warnings_of(text).starts_with(
      "warning: holdfast.toml:5: source[a].timestamp_header: is not signed"));
}

TEST_CASE("config: tolerance and prefix have limits", "[config][hmac]") {
  CHECK(with("tolerance = \"1s\"") == "ok");
  CHECK(with("tolerance = \"24h\"") == "ok");
  CHECK(with("tolerance = \"999ms\"").contains("is out of range; write 1s to 24h"));
  CHECK(with("tolerance = \"25h\"").contains("is out of range; write 1s to 24h"));
  CHECK(with("prefix = \"HMAC SHA-256 \"") == "ok");
  CHECK(with("prefix = \" v1=\"").contains("is no prefix"));
  CHECK(with("prefix = \"v\\t1\"").contains("is no prefix"));
  CHECK(with(std::format("prefix = \"{}\"", std::string(64, 'x'))) == "ok");
  CHECK(with(std::format("prefix = \"{}\"", std::string(65, 'x'))).contains("is no prefix"));
}

TEST_CASE("config: the keys of hmac belong to it alone", "[config][hmac]") {
  const auto line =
      GENERATE("header = \"X\"", "algorithm = \"sha1\"", "encoding = \"hex\"", "prefix = \"\"",
               "template = \"{body}\"", "timestamp_header = \"X\"", "id_header = \"X\"",
               "tolerance = \"5m\"", "secret_encoding = \"raw\"");
  CAPTURE(line);
  const std::string key = std::string(line).substr(0, std::string(line).find(' '));
  CHECK(errors_of(source("a", "github", std::format("secrets = \"k\"\n{}", line))) ==
        std::format("holdfast.toml:5: source[a].{}: belongs to provider \"hmac\" alone; remove it, "
                    "or write provider = \"hmac\"",
                    key));
  CHECK_FALSE(with(line).contains("belongs to"));
}
