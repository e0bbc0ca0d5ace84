#include <catch2/catch_test_macros.hpp>

#include "fixture.hpp"

using namespace holdfast;
using namespace holdfast::config;
using namespace holdfast::config::test;

TEST_CASE("config: name and provider must be there", "[config][source]") {
  CHECK(errors_of("[[source]]\nprovider = \"none\"\n") ==
        "holdfast.toml:1: source[#1].name: is missing; write 1 to 64 letters, digits, _ or -");
  CHECK(errors_of("[[source]]\nname = \"a\"\n") ==
        "holdfast.toml:1: source[a].provider: is missing; known here: whatsapp, twilio, stripe, "
        "github, "
        "slack, shopify, standard-webhooks, sendgrid, telegram, hmac, bearer, none");
  CHECK(
      errors_of(source("a", "standard_webhooks")).contains("did you mean \"standard-webhooks\"?"));
}

TEST_CASE("config: names and effective paths are unique", "[config][source]") {
  CHECK(
      errors_of(source("a", "none") + source("a", "none", "path = \"/x\"")) ==
      "holdfast.toml:6: source[a].name: \"a\" is the name of the source at line 1 already; choose "
      "another");
  CHECK(errors_of(source("a", "none", "path = \"/x\"") + source("b", "none", "path = \"/x\"")) ==
        "holdfast.toml:8: source[b].path: /x is the path of the source at line 1 already; choose "
        "another");
  CHECK(errors_of(source("a", "none", "path = \"/ingest/b\"") + source("b", "none"))
            .contains("source[b].path: /ingest/b is the path of the source at line 1"));
  CHECK(errors_of(source("a", "none", "path = \"/x\"") + source("b", "none", "path = \"/x/\"")) ==
        "ok");
  CHECK(errors_of(source("a", "none", "path = \"/ingest/b\"") +
                  source("b", "none", "path = \"/x\"")) == "ok");
}

TEST_CASE("config: the health path is reserved", "[config][source]") {
  CHECK(errors_of(source("a", "none", "path = \"/api/health\""))
            .contains("source[a].path: /api/health is reserved"));
}

TEST_CASE("config: verified providers need a secret", "[config][source]") {
  for (const auto provider : provider_names) {
    if (provider == "none") continue;
    CAPTURE(provider);
    CHECK(errors_of(source("a", provider)).contains("needs a secret"));
    CHECK(errors_of(source("a", provider, "secrets = []")).contains("needs a secret"));
    CHECK(errors_of(source("a", provider, "secrets = [\"\"]")).contains("secret 1 is empty"));
    CHECK(errors_of(source("a", provider, "secrets = [\"***\"]"))
              .contains("source[a].secrets: secret 1 is what \"validate --show\" prints"));
  }
  for (const auto* provider :
       {"whatsapp", "twilio", "stripe", "github", "slack", "shopify", "hmac", "bearer"}) {
    CAPTURE(provider);
    CHECK(errors_of(source("a", provider)).contains("needs a secret"));
    CHECK(errors_of(source("a", provider, "secrets = []")).contains("needs a secret"));
    CHECK(errors_of(source("a", provider, "secrets = [\"\"]"))
              .contains("source[a].secrets: secret 1 is "
                        "empty"));
    CHECK(errors_of(source("a", provider, "secrets = [\"x\", \"${EMPTY}\"]"), {{"EMPTY", ""}})
              .contains("secret 2 is empty"));
    CHECK(errors_of(source("a", provider, "secrets = [\"x\\n\"]")).contains("line break"));
    CHECK(errors_of(source("a", provider, "secrets = [\"x\", \"y\"]")) == "ok");
    CHECK(errors_of(source("a", provider, "secrets = \"x\"")) == "ok");
    CHECK(errors_of(source("a", provider, "secrets = [1]"))
              .contains("source[a].secrets[0]: is an "
                        "integer"));
  }
  CHECK(errors_of(source("a", "bearer", "secrets = [\"a b\"]")).contains("no sender can put into"));
  CHECK(errors_of(source("a", "twilio", "secrets = [\"a b\"]")) == "ok");
}

TEST_CASE("config: an unverified source stays on loopback or says so", "[config][source]") {
  const std::string open = "[ingress]\nlisten = \"0.0.0.0:8080\"\n";
  CHECK(errors_of(source("a", "none")) == "ok");
  CHECK(errors_of(open + source("a", "none"))
            .starts_with("holdfast.toml:5: source[a].provider: \"none\" verifies nothing and "
                         "ingress.listen (0.0.0.0:8080) is not loopback"));
  CHECK(errors_of(open + source("a", "none", "allow_unverified = true")) == "ok");
  CHECK(errors_of(open + source("a", "none", "allow_unverified = false")) != "ok");
  CHECK(errors_of(open + source("a", "bearer", "secrets = [\"x\"]")) == "ok");
}

TEST_CASE("config: a key of another provider is refused", "[config][source]") {
  CHECK(errors_of(source("a", "none", "secrets = [\"x\"]")).contains("verifies nothing"));
  CHECK(errors_of(source("a", "twilio", "secrets = \"x\"\nverify_token = \"v\""))
            .contains("belongs to provider \"whatsapp\" alone"));
  CHECK(errors_of(source("a", "twilio", "secrets = \"x\"\ntoken_header = \"X-T\""))
            .contains("belongs to provider \"bearer\" alone"));
  CHECK(errors_of(source("a", "bearer", "secrets = \"x\"\nallow_unverified = true"))
            .contains("belongs to provider \"none\" alone"));
  CHECK(errors_of(source("a", "bearer", "secrets = \"x\"\ntoken_header = \"X-T\"")) == "ok");
  CHECK(errors_of(source("a", "whatsapp", "secrets = \"x\"\nverify_token = \"\""))
            .contains("is empty"));
  CHECK(errors_of(source("a", "whatsapp", "secrets = \"x\"")) == "ok");
}

TEST_CASE("config: a source may have its own limits and URL", "[config][source]") {
  const auto config = parse_text(source(
      "a", "none", "max_body = \"25MiB\"\npublic_url = \"https://x/\"\ndedupe = \"header:X-Id\""));
  REQUIRE(config);
  CHECK(config->sources[0].max_body_bytes == 25 * mib);
  CHECK(config->sources[0].public_url == "https://x");
  CHECK(config->sources[0].dedupe == "header:X-Id");
  CHECK(errors_of(source("a", "none", "max_body = \"65MiB\"")).contains("1B to 64MiB"));
  CHECK(errors_of(source("a", "none", "public_url = \"\"")).contains("is no http(s) URL"));
  CHECK(errors_of(source("a", "none", "dedupe = \"id\"")).contains("is no dedupe key"));
}

TEST_CASE("config: order_by is a JSON pointer", "[config][source]") {
  const auto config = parse_text(source("a", "none", "order_by = \"/user/id\""));
  REQUIRE(config);
  CHECK(config->sources[0].order_by == "/user/id");
  const auto with = [](std::string_view text) {
    return errors_of(source("a", "none", std::format("order_by = \"{}\"", text)));
  };
  CHECK(with("") == "ok");
  CHECK(with("/") == "ok");
  CHECK(with("/a~0b~1c/0") == "ok");
  CHECK(
      with("userId").contains("source[a].order_by: \"userId\" is no JSON pointer; did you mean "
                              "\"/userId\"?"));
  CHECK(with("header:X-Id").contains("write one such as \"/userId\""));
  CHECK(with("/a~2").contains("has a ~ that is not ~0 or ~1"));
  CHECK(with("/" + std::string(511, 'x')) == "ok");
  CHECK(with("/" + std::string(512, 'x')).contains("is longer than 512 bytes"));
}

TEST_CASE("config: a thousand sources load and one more does not", "[config][source]") {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += source(std::format("s{}", i), "none");
  CHECK(errors_of(text) == "ok");
  CHECK(errors_of(text + source("more", "none")).contains("source[#1001]: is one too many"));
}

TEST_CASE("config: secrets come from files, one a line", "[config][source][files]") {
  const TemporaryFolder folder;
  const auto file = folder.write("secrets", "first\n\nsecond # not a comment\r\n third");
  const auto config = parse_text(source("a", "twilio", std::format("secrets_file = \"{}\"", file)));
  REQUIRE(config);
  REQUIRE(config->sources[0].secrets.size() == 3);
  CHECK(config->sources[0].secrets[0].reveal() == "first");
  CHECK(config->sources[0].secrets[1].reveal() == "second # not a comment");
  CHECK(config->sources[0].secrets[2].reveal() == " third");
}

TEST_CASE("config: every secret has a file form", "[config][source][files]") {
  const TemporaryFolder folder;
  const auto config = parse_text(
      "[destination]\nurl_file = \"${DIR}/url\"\n[admin]\ntoken_file = \"${DIR}/token\"\n" +
          source("a", "whatsapp",
                 "secrets_file = \"${DIR}/token\"\nverify_token_file = \"${DIR}/token\""),
      {{"DIR", (folder.write("url", "postgres://h/d\n"), folder.write("token", "tok\n"),
                folder.path("").substr(0, folder.path("").size() - 1))}});
  REQUIRE(config);
  CHECK(config->destination.url.reveal() == "postgres://h/d");
  CHECK(config->admin.tokens.at(0).secret.reveal() == "tok");
  CHECK(config->sources[0].secrets[0].reveal() == "tok");
  CHECK(config->sources[0].verify_token.reveal() == "tok");
}

TEST_CASE("config: a secret file that cannot serve is refused", "[config][source][files]") {
  const TemporaryFolder folder;
  const auto with = [&](std::string_view path) {
    return errors_of(source("a", "twilio", std::format("secrets_file = \"{}\"", path)));
  };
  CHECK(with(folder.path("none")).contains("cannot be read: No such file or directory"));
  CHECK(with(folder.write("empty", "\n\n")).contains("is empty; put the secret on its first line"));
  CHECK(with(folder.path("")).contains("it is no regular file"));
  CHECK(with(folder.write("nul", std::string_view("a\0b", 3))).contains("holds a NUL"));
  CHECK(with(folder.write("big", std::string(65537, 'x'))).contains("is larger than"));
  CHECK(with("/dev/zero").contains("it is no regular file"));
  const auto two = folder.write("two", "canary-one\ncanary-two\n");
  const auto errors = errors_in("admin", std::format("token_file = \"{}\"", two));
  CHECK(errors.contains("holds more than one line"));
  CHECK_FALSE(errors.contains("canary"));
}

TEST_CASE("config: a secret and its file form exclude each other", "[config][source][files]") {
  const TemporaryFolder folder;
  const auto file = folder.write("s", "x\n");
  CHECK(errors_of(
            source("a", "twilio", std::format("secrets = [\"x\"]\nsecrets_file = \"{}\"", file)))
            .contains("secrets_file: stands beside \"secrets\"; keep one of the two"));
  CHECK(errors_in("destination", std::format("url = \"x\"\nurl_file = \"{}\"", file))
            .contains("url_file: stands beside \"url\""));
  CHECK(errors_in("destination", std::format("url = \"${{NOPE:}}\"\nurl_file = \"{}\"", file)) ==
        "ok");
}
