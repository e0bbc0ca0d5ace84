#include "config/difference.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <fstream>
#include <sstream>

#include "config/keys.hpp"
#include "fixture.hpp"

using namespace holdfast;
using namespace holdfast::config;
using namespace holdfast::config::test;

namespace {

using Names = std::vector<std::string>;

/// A change of one key: the section with the line, and what it must be called.
struct Change {
  std::string section;
  std::string key;
  std::string value;
};

Config config_of(const std::string& text) {
  auto config = parse_text(text);
  INFO(errors_of(text));
  REQUIRE(config);
  return *std::move(config);
}

Config with(const Change& change) {
  return config_of(
      std::format("[{}]\n{} = {}\n{}", change.section, change.key, change.value, one_source));
}

/// What only a restart applies.
const std::vector<Change> restart_changes{{"ingress", "listen", "\"127.0.0.1:1\""},
                                          {"ingress", "max_connections", "7"},
                                          {"ingress", "max_open_connections", "7"},
                                          {"ingress", "max_connections_per_address", "7"},
                                          {"ingress", "max_headers", "7"},
                                          {"ingress", "max_header_bytes", "\"2KiB\""},
                                          {"ingress", "max_uri", "\"1KiB\""},
                                          {"ingress", "max_inflight_bytes", "\"64MiB\""},
                                          {"ingress", "request_deadline", "\"7s\""},
                                          {"ingress", "keep_alive_timeout", "\"7s\""},
                                          {"ingress", "append_timeout", "\"7s\""},
                                          {"ingress", "trusted_proxies", "[\"10.0.0.0/8\"]"},
                                          {"outbox", "path", "\"other.db\""},
                                          {"outbox", "max_size", "\"7GiB\""},
                                          {"outbox", "disk_reserve", "\"7MiB\""},
                                          {"outbox", "keep_delivered", "\"7h\""},
                                          {"outbox", "keep_discarded", "\"7h\""},
                                          {"outbox", "dedupe_window", "\"7h\""},
                                          {"outbox", "allow_unsafe_filesystem", "true"},
                                          {"admin", "listen", "\"127.0.0.1:1\""},
                                          {"log", "format", "\"json\""}};

const std::vector<Change> reload_changes{{"ingress", "public_url", "\"https://h\""},
                                         {"ingress", "max_body", "\"1MiB\""},
                                         {"destination", "url", "\"postgres://h\""},
                                         {"destination", "schema", "\"other\""},
                                         {"destination", "migrate", "false"},
                                         {"destination", "connections", "2"},
                                         {"destination", "drain", "\"economy\""},
                                         {"destination", "economy_window", "\"7m\""},
                                         {"destination", "idle_close", "\"7s\""},
                                         {"destination", "batch_entries", "7"},
                                         {"destination", "batch_bytes", "\"7KiB\""},
                                         {"destination", "connect_timeout", "\"7s\""},
                                         {"destination", "deliver_timeout", "\"7s\""},
                                         {"destination", "backoff_initial", "\"17ms\""},
                                         {"destination", "backoff_max", "\"7s\""},
                                         {"destination", "shutdown_timeout", "\"7s\""},
                                         {"admin", "token", "\"sesame\""},
                                         {"log", "level", "\"debug\""}};

/// A source with each of its keys once; the second text differs in that key alone.
struct SourceChange {
  std::string key;
  std::string before;
  std::string after;
};
const std::vector<SourceChange> source_changes{
    {"provider", "provider = \"bearer\"\nsecrets = \"s1\"",
     "provider = \"github\"\nsecrets = \"s1\""},
    {"path", "provider = \"none\"", "provider = \"none\"\npath = \"/p\""},
    {"secrets", "provider = \"bearer\"\nsecrets = [\"s1\"]",
     "provider = \"bearer\"\nsecrets = [\"s1\", \"s2\"]"},
    {"verify_token", "provider = \"whatsapp\"\nsecrets = \"s\"",
     "provider = \"whatsapp\"\nsecrets = \"s\"\nverify_token = \"v\""},
    {"dedupe", "provider = \"none\"", "provider = \"none\"\ndedupe = \"/id\""},
    {"order_by", "provider = \"none\"", "provider = \"none\"\norder_by = \"/id\""},
    {"token_header", "provider = \"bearer\"\nsecrets = \"s1\"",
     "provider = \"bearer\"\nsecrets = \"s1\"\ntoken_header = \"X-T\""},
    {"max_body", "provider = \"none\"", "provider = \"none\"\nmax_body = \"1KiB\""},
    {"public_url", "provider = \"none\"", "provider = \"none\"\npublic_url = \"https://h\""},
    {"allow_unverified", "provider = \"none\"", "provider = \"none\"\nallow_unverified = true"},
    {"write", "provider = \"none\"", "provider = \"none\"\nwrite = [{ statement = \"SELECT 1\" }]"},
    {"write", "provider = \"none\"\nwrite = [{ statement = \"SELECT 1\" }]",
     "provider = \"none\"\nwrite = [{ statement = \"SELECT 1\", when = \"/a=b\" }]"},
    {"write", "provider = \"whatsapp\"\nsecrets = \"s\"\nwrite = \"whatsapp\"",
     "provider = \"whatsapp\"\nsecrets = \"s\"\nwrite = [{ statement = \"SELECT 1\" }]"},
    {"header", "", "header = \"X-S\""},
    {"algorithm", "", "algorithm = \"sha512\""},
    {"encoding", "", "encoding = \"base64\""},
    {"prefix", "", "prefix = \"v1=\""},
    {"template", "", "template = \"x{body}\""},
    {"id_header", "", "id_header = \"X-I\""},
    {"tolerance", "timestamp_header = \"X-T\"\ntemplate = \"{timestamp}{body}\"",
     "timestamp_header = \"X-T\"\ntemplate = \"{timestamp}{body}\"\ntolerance = \"7m\""},
    {"timestamp_header", "timestamp_header = \"X-A\"\ntemplate = \"{timestamp}{body}\"",
     "timestamp_header = \"X-T\"\ntemplate = \"{timestamp}{body}\""},
    {"secret_encoding", "", "secret_encoding = \"hex\""}};

Config with_source(const std::string& lines) {
  const bool whole = lines.contains("provider");
  return config_of("[[source]]\nname = \"s\"\n" +
                   (whole ? lines : "provider = \"hmac\"\nsecrets = \"aabbccdd\"\n" + lines));
}

bool is_file_form(std::string_view key) {
  return key.ends_with("_file");
}

}  // namespace

TEST_CASE("config: the same configuration has no difference, wherever its lines stand",
          "[config][difference]") {
  const auto text = std::string("[destination]\nurl = \"postgres://h\"\n") +
                    source("a", "none", "write = [{ statement = \"SELECT 1\" }]");
  const auto moved = "# A comment.\n\n" + text;
  auto found = difference(config_of(text), config_of(moved));
  CHECK(found.none());
  CHECK_FALSE((found.ingress || found.relay || found.admin));
  const auto a = source("a", "none"), b = source("b", "none");
  CHECK(difference(config_of(a + b), config_of(b + a)).none());
}

TEST_CASE("config: a change of each key that needs a restart is named", "[config][difference]") {
  const auto old = config_of(std::string(one_source));
  for (const auto& change : restart_changes) {
    CAPTURE(change.section, change.key);
    const auto found = difference(old, with(change));
    CHECK(found.needs_restart == Names{change.section + "." + change.key});
    CHECK(found.changed.empty());
    CHECK_FALSE((found.ingress || found.relay || found.admin));
  }
}

TEST_CASE("config: a change of each key that is reloaded is named, with the part that it concerns",
          "[config][difference]") {
  const auto old = config_of(std::string(one_source));
  for (const auto& change : reload_changes) {
    CAPTURE(change.section, change.key);
    const auto found = difference(old, with(change));
    CHECK(found.changed == Names{change.section + "." + change.key});
    CHECK(found.needs_restart.empty());
    CHECK(found.ingress == (change.section == "ingress"));
    CHECK(found.relay == (change.section == "destination" && change.key != "shutdown_timeout"));
    CHECK(found.admin == (change.section == "admin"));
  }
}

TEST_CASE("config: a change of each key of a source is named, and only writes concern the relay",
          "[config][difference]") {
  for (const auto& change : source_changes) {
    CAPTURE(change.key, change.after);
    const auto found = difference(with_source(change.before), with_source(change.after));
    CHECK(found.changed == Names{"source s: " + change.key});
    CHECK(found.needs_restart.empty());
    CHECK(found.relay == (change.key == "write"));
    CHECK(found.ingress == (change.key != "write"));
    CHECK_FALSE(found.admin);
  }
}

TEST_CASE("config: a source that comes or goes concerns all parts", "[config][difference]") {
  const auto one = config_of(source("a", "none"));
  const auto two = config_of(source("a", "none") + source("b", "none"));
  const auto added = difference(one, two);
  CHECK(added.changed == Names{"source b: added"});
  CHECK((added.ingress && added.relay && added.admin));
  const auto removed = difference(two, one);
  CHECK(removed.changed == Names{"source b: removed"});
  CHECK((removed.ingress && removed.relay && removed.admin));
  const auto renamed = difference(one, config_of(source("c", "none")));
  CHECK(renamed.changed == Names{"source c: added", "source a: removed"});
}

TEST_CASE("config: a difference names no value of a secret", "[config][difference]") {
  const auto text = [](std::string_view secret) {
    return std::format(
        "[destination]\nurl = \"postgres://{0}@{0}\"\n[admin]\ntoken = \"{0}\"\n"
        "[[source]]\nname = \"w\"\nprovider = \"whatsapp\"\nsecrets = \"{0}\"\n"
        "verify_token = \"{0}\"\n",
        secret);
  };
  const auto found = difference(config_of(text("canary1")), config_of(text("canary2")));
  CHECK(found.changed ==
        Names{"destination.url", "admin.token", "source w: secrets", "source w: verify_token"});
}

TEST_CASE("config: each key of a file has a change here, and its row in the table of reloads",
          "[config][difference][docs]") {
  std::ifstream file(HOLDFAST_SOURCE_DIR "/docs/configuration.md");
  std::stringstream text;
  text << file.rdbuf();
  const auto begin = text.str().find("\n## Reload\n");
  REQUIRE(begin != std::string::npos);
  const auto reload = text.str().substr(begin, text.str().find("\n## ", begin + 1) - begin);
  const auto documented = [&](std::string_view section, std::string_view key) {
    return reload.contains(std::format("`{}.{}`", section, key));
  };
  for (const auto& table : key_tables()) {
    for (const auto key : table.keys) {
      // TLS is for later, and refused; a statement's keys are those of `write`.
      if (key.starts_with("tls_") || table.nested || is_file_form(key)) continue;
      CAPTURE(table.section, key);
      const auto is_it = [&](const Change& change) {
        return change.section == table.section && change.key == key;
      };
      if (table.section == "source") {
        CHECK((key == "name" || std::ranges::contains(source_changes, key, &SourceChange::key)));
        continue;
      }
      const bool restarts = std::ranges::any_of(restart_changes, is_it);
      CHECK((restarts || std::ranges::any_of(reload_changes, is_it)));
      // The table names what is the exception in its section.
      if (table.section == "ingress") CHECK(documented(table.section, key) != restarts);
    }
  }
  for (const auto* name : {"`admin.token`", "`log.level`", "`admin.listen`", "`log.format`",
                           "`[outbox]`", "`[destination]`", "`[[source]]`"})
    CHECK(reload.contains(name));
}
