#include "config/load.hpp"

#include <catch2/catch_test_macros.hpp>

#include "fixture.hpp"

using namespace holdfast;
using namespace holdfast::config;
using namespace holdfast::config::test;
using namespace std::chrono_literals;

namespace {

/// The example of docs/configuration.md, word for word.
constexpr std::string_view whole_example = R"toml([ingress]
listen = "127.0.0.1:8080"
public_url = "https://hooks.example.com"    # what senders call
max_body = "4MiB"                           # a source may set its own; github's default is 25MiB
max_connections = 256
max_open_connections = 16384
max_connections_per_address = 1024
max_headers = 100
max_header_bytes = "16KiB"
max_uri = "8KiB"
max_inflight_bytes = "256MiB"
request_deadline = "10s"                    # first byte to last byte of a request
keep_alive_timeout = "30s"
append_timeout = "5s"
trusted_proxies = ["127.0.0.1/32"]
tls_certificate = ""                        # (later) with tls_key

[outbox]
path = "holdfast.db"
max_size = "8GiB"                           # used pages plus WAL; delivered payloads, then receipts, are removed early before 503
disk_reserve = "256MiB"                     # below this much free disk: 503
keep_delivered = "24h"                      # payloads of delivered entries
keep_discarded = "7d"
dedupe_window = "24h"                       # receipts; Postgres's unique key covers what is older
allow_unsafe_filesystem = false             # NFS, CIFS, FUSE, 9p are refused; tmpfs and overlay get a warning

[destination]
url = "${DATABASE_URL:}"
schema = "holdfast"
migrate = true                              # at first contact, under pg_advisory_xact_lock
connections = 1
drain = "eager"                             # or "economy"
economy_window = "30m"
idle_close = "10s"
batch_entries = 1000                        # a batch holds at least one entry, whatever its bytes
batch_bytes = "4MiB"
connect_timeout = "15s"
deliver_timeout = "30s"
backoff_initial = "200ms"
backoff_max = "30s"
shutdown_timeout = "10s"

[admin]
listen = "127.0.0.1:9090"
token = "${HOLDFAST_ADMIN_TOKEN:}"

[log]
level = "info"
format = "text"                             # or "json"

[[source]]
name = "whatsapp"
provider = "whatsapp"
path = "/api/whatsapp/webhook"
secrets = ["${WHATSAPP_APP_SECRET}"]        # any may match: rotation
verify_token = "${WHATSAPP_VERIFY_TOKEN}"
write = "whatsapp"                          # built-in operations, section 5

[[source]]
name = "twilio"
provider = "twilio"
path = "/api/twilio/webhook"
secrets = ["${TWILIO_AUTH_TOKEN}"]
write = "twilio"

[[source]]
name = "activities"
provider = "bearer"
path = "/api/activities"
secrets = ["${ACTIVITIES_TOKEN}"]
dedupe = "/id"                              # JSON pointer, or header:NAME, or body (sha256)
order_by = "/userId"
write = [
  { statement = "INSERT INTO activities (id, user_id, kind, data) VALUES ($1, $2, $3, $4)",
    parameters = ["/id", "/userId", "/type", ""] },
]
)toml";

const std::map<std::string, std::string> example_variables{{"WHATSAPP_APP_SECRET", "w"},
                                                           {"WHATSAPP_VERIFY_TOKEN", "v"},
                                                           {"TWILIO_AUTH_TOKEN", "t"},
                                                           {"ACTIVITIES_TOKEN", "a"},
                                                           {"DATABASE_URL", "postgres://h/d"}};

}  // namespace

TEST_CASE("config: the whole example loads and says what it says", "[config][load]") {
  const auto config = parse_text(whole_example, example_variables);
  REQUIRE(config);
  CHECK(config->origin == "holdfast.toml");
  CHECK(config->ingress.public_url == "https://hooks.example.com");
  CHECK(config->destination.url.reveal() == "postgres://h/d");
  CHECK(config->admin.tokens.empty());
  REQUIRE(config->sources.size() == 3);
  CHECK(config->sources[0].provider == Provider::whatsapp);
  CHECK(config->sources[0].verify_token.reveal() == "v");
  CHECK(config->sources[0].effective_path() == "/api/whatsapp/webhook");
  CHECK(config->sources[1].provider == Provider::twilio);
  CHECK(config->sources[1].secrets.front().reveal() == "t");
  CHECK(config->sources[2].provider == Provider::bearer);
  CHECK(config->sources[2].dedupe == "/id");
  CHECK(config->sources[2].order_by == "/userId");
  CHECK(config->sources[0].operations == Operations::whatsapp);
  CHECK(config->sources[1].operations == Operations::twilio);
  REQUIRE(config->sources[2].statements.size() == 1);
  const auto& write = config->sources[2].statements[0];
  CHECK(write.statement.starts_with("INSERT INTO activities (id, user_id, kind, data) VALUES ($1"));
  CHECK(write.parameters == std::vector<std::string>{"/id", "/userId", "/type", ""});
  CHECK(write.when.empty());
  CHECK(write.line == 74);
  CHECK(config->warnings.empty());
}

TEST_CASE("config: the example is the one of docs/configuration.md", "[config][load][docs]") {
  std::ifstream file(HOLDFAST_SOURCE_DIR "/docs/configuration.md");
  const std::string text(std::istreambuf_iterator<char>(file), {});
  CHECK(text.contains(std::format("```toml\n{}```\n", whole_example)));
}

TEST_CASE("config: the values of the example are the defaults", "[config][load]") {
  const auto written = parse_text(whole_example, example_variables);
  const auto bare = parse_text(one_source);
  REQUIRE(written);
  REQUIRE(bare);
  CHECK(written->ingress.listen == bare->ingress.listen);
  CHECK(written->ingress.max_body_bytes == bare->ingress.max_body_bytes);
  CHECK(written->ingress.max_connections == bare->ingress.max_connections);
  CHECK(written->ingress.max_open_connections == bare->ingress.max_open_connections);
  CHECK(written->ingress.max_connections_per_address == bare->ingress.max_connections_per_address);
  CHECK(written->ingress.max_headers == bare->ingress.max_headers);
  CHECK(written->ingress.max_header_bytes == bare->ingress.max_header_bytes);
  CHECK(written->ingress.max_uri_bytes == bare->ingress.max_uri_bytes);
  CHECK(written->ingress.max_inflight_bytes == bare->ingress.max_inflight_bytes);
  CHECK(written->ingress.request_deadline == bare->ingress.request_deadline);
  CHECK(written->ingress.keep_alive_timeout == bare->ingress.keep_alive_timeout);
  CHECK(written->ingress.append_timeout == bare->ingress.append_timeout);
  CHECK(written->ingress.trusted_proxies == bare->ingress.trusted_proxies);
  CHECK(written->outbox.path == bare->outbox.path);
  CHECK(written->outbox.max_size_bytes == bare->outbox.max_size_bytes);
  CHECK(written->outbox.disk_reserve_bytes == bare->outbox.disk_reserve_bytes);
  CHECK(written->outbox.keep_delivered == bare->outbox.keep_delivered);
  CHECK(written->outbox.keep_discarded == bare->outbox.keep_discarded);
  CHECK(written->outbox.dedupe_window == bare->outbox.dedupe_window);
  CHECK(written->destination.schema == bare->destination.schema);
  CHECK(written->destination.migrate == bare->destination.migrate);
  CHECK(written->destination.connections == bare->destination.connections);
  CHECK(written->destination.drain == bare->destination.drain);
  CHECK(written->destination.economy_window == bare->destination.economy_window);
  CHECK(written->destination.idle_close == bare->destination.idle_close);
  CHECK(written->destination.batch_entries == bare->destination.batch_entries);
  CHECK(written->destination.batch_bytes == bare->destination.batch_bytes);
  CHECK(written->destination.connect_timeout == bare->destination.connect_timeout);
  CHECK(written->destination.deliver_timeout == bare->destination.deliver_timeout);
  CHECK(written->destination.backoff_initial == bare->destination.backoff_initial);
  CHECK(written->destination.backoff_max == bare->destination.backoff_max);
  CHECK(written->destination.shutdown_timeout == bare->destination.shutdown_timeout);
  CHECK(written->admin.listen == bare->admin.listen);
  CHECK(written->log.level == bare->log.level);
}

TEST_CASE("config: all errors come at once, in the order of the file", "[config][load]") {
  CHECK(errors_of(R"([ingress]
max_bdy = "4MiB"
listen = "8080"

[destination]
url = "${NOPE}"

[[source]]
name = "a b"
provider = "whatsap"
)") == R"(holdfast.toml:2: ingress.max_bdy: unknown key; did you mean "max_body"?
holdfast.toml:3: ingress.listen: "8080" has no port; write "host:port", such as "127.0.0.1:8080" or "[::1]:8080"
holdfast.toml:6: destination.url: variable NOPE is not set and has no default; set it, or write ${NOPE:default}
holdfast.toml:9: source[#1].name: "a b" is no name; write 1 to 64 letters, digits, _ or -
holdfast.toml:10: source[#1].provider: "whatsap" is not known; did you mean "whatsapp"?)");
}

TEST_CASE("config: unknown sections are refused with a suggestion", "[config][load]") {
  const std::string source(one_source);
  CHECK(errors_of("[ingres]\n" + source) ==
        "holdfast.toml:1: \"ingres\": unknown section; did you mean \"ingress\"?");
  CHECK(errors_of("[[sources]]\n" + source).contains("did you mean \"source\"?"));
  CHECK(errors_of("listen = \"x\"\n" + source).contains("stands above the first section"));
  CHECK(errors_of("[server]\n" + source)
            .contains("known here: ingress, outbox, destination, admin, log, source"));
  CHECK(errors_of("\"a\\nb\" = 1\n" + source).contains("\"a\\x0ab\": unknown section"));
}

TEST_CASE("config: a section of the wrong shape says how to write it", "[config][load]") {
  const std::string source(one_source);
  CHECK(errors_of("[[ingress]]\n" + source)
            .contains("ingress: is written [[ingress]]; write [ingress]"));
  CHECK(errors_of("outbox = 1\n" + source).contains("outbox: is an integer; write [outbox]"));
  CHECK(errors_of("[source]\nname = \"a\"\n").contains("write [[source]] above each one"));
  CHECK(errors_of("source = [1]\n").contains("source[#1]: is an integer; write [[source]]"));
  CHECK(errors_of("source = []\n").contains("write [[source]]"));
}

TEST_CASE("config: a file without a source is refused", "[config][load]") {
  CHECK(errors_of("").contains("holdfast.toml: source: there is none"));
}

TEST_CASE("config: what is no TOML is refused with its line and without its values",
          "[config][load]") {
  CHECK(errors_of("[ingress]\nlisten = \n").starts_with("holdfast.toml:2: is no TOML: "));
  for (const auto* text :
       {"[admin]\ntoken = canary-secret\n", "[admin]\ntoken = \"canary-secret\n",
        "[admin]\ntoken = 'canary-secret\n", "[admin]\ntoken: canary-secret\n",
        "[admin]\ntoken = \"canary-secret\" x\n", "[admin]\ntoken = \"canary-\\qx\"\n",
        "[admin]\ntoken = \"canary-secret\"\ntoken = \"canary-secret\"\n",
        "[admin]\ntoken = 0xcanary-secret\n", "[admin]\ntoken = 12canary-secret\n"}) {
    const std::string errors = errors_of(text);
    CAPTURE(errors);
    CHECK(errors.contains("is no TOML"));
    CHECK_FALSE(errors.contains("canary"));
  }
  CHECK(errors_of("a = \"\xff\"").contains("is no TOML"));
  CHECK(errors_of(std::string(300, '[')).contains("is no TOML"));
}

TEST_CASE("config: what a later version brings is refused as such", "[config][load]") {
  const auto later = [](std::string_view section, std::string_view line) {
    return errors_in(section, line).contains("is not available in this version");
  };
  CHECK(later("ingress", "tls_certificate = \"x.pem\""));
  CHECK(later("ingress", "tls_key = \"x.pem\""));
  CHECK(errors_of("[[admin.token]]\nname = \"x\"\n" + std::string(one_source))
            .contains("admin.token[0].secret: is missing"));
}

TEST_CASE("config: inline tables may span lines and end in a comma, as TOML 1.1 has it",
          "[config][load][toml]") {
  const auto config = parse_text(std::string(one_source) + R"(write = [
  {
    statement = "SELECT $1",  # a comment
    parameters = [
      "/id",
    ],
  },
]
)");
  REQUIRE(config);
  CHECK(config->sources[0].statements.at(0).parameters == std::vector<std::string>{"/id"});
  CHECK(config->sources[0].statements.at(0).line == 6);
}

TEST_CASE("config: what else the parser takes beyond TOML 1.0 changes no value of ours",
          "[config][load][toml]") {
  // \e and \xHH are of TOML 1.1; both are the characters that they name.
  const auto config = parse_text("[outbox]\npath = \"a\\x41\\e.db\"\n" + std::string(one_source));
  REQUIRE(config);
  CHECK(config->outbox.path == "aA\x1b.db");
  // Bare keys beyond ASCII, + in keys, hexadecimal fractions and times without seconds are values
  // and keys that no key of ours has or takes.
  CHECK(errors_in("log", "l\u00ebvel = \"info\"").contains("unknown key"));
  CHECK(errors_in("log", "level+ = \"info\"").contains("unknown key"));
  CHECK(errors_in("ingress", "max_headers = 0x1.8p3").contains("max_headers: is a fraction"));
  CHECK(errors_in("outbox", "keep_delivered = 10:00").contains("is a date or time"));
}

TEST_CASE("config: what no line is to blame for comes last", "[config][load]") {
  const auto errors = errors_of("[ingress]\nmax_bdy = \"1MiB\"\n");
  CHECK(errors.starts_with("holdfast.toml:2: ingress.max_bdy: unknown key"));
  CHECK(errors.contains("\nholdfast.toml: source: there is none"));
}

TEST_CASE("config: an admin listener beyond loopback needs a token", "[config][load]") {
  CHECK(errors_in("admin", "listen = \"0.0.0.0:9090\"") ==
        "holdfast.toml:2: admin.listen: 0.0.0.0:9090 is not loopback and there is no token; write "
        "token, token_file or [[admin.token]], or listen on 127.0.0.1");
  CHECK(errors_in("admin", "listen = \"0.0.0.0:9090\"\ntoken = \"${X:}\"").contains("no token"));
  CHECK(errors_in("admin", "listen = \"0.0.0.0:9090\"\ntoken = \"t\"") == "ok");
  CHECK(errors_in("admin", "listen = \"[::1]:9090\"") == "ok");
  CHECK(errors_in("admin", "token = \"a b\"").contains("which no client can send"));
  CHECK(errors_in("admin", "token = \"a\\n\"").contains("check for a stray line break"));
}

TEST_CASE("config: the two listeners must differ", "[config][load]") {
  CHECK(errors_in("admin", "listen = \"127.0.0.1:8080\"").contains("is ingress.listen already"));
  CHECK(errors_of("[admin]\nlisten = \"127.0.0.1:0\"\n[ingress]\nlisten = \"127.0.0.1:0\"\n" +
                  std::string(one_source)) == "ok");
}

TEST_CASE("config: a file that cannot be read says so", "[config][load]") {
  const TemporaryFolder folder;
  const auto missing = load(folder.path("none.toml"), environment_of({}));
  REQUIRE_FALSE(missing);
  REQUIRE(missing.error().list.size() == 1);
  CHECK(to_line(missing.error().origin, missing.error().list.front()) ==
        folder.path("none.toml") +
            ": cannot be read: No such file or directory; check its name and the permissions");
  CHECK_FALSE(load(folder.path(""), environment_of({})));
  CHECK_FALSE(
      load(folder.write("big.toml", std::string(1024 * 1024 + 1, '#')), environment_of({})));
  const auto good = load(folder.write("good.toml", one_source), environment_of({}));
  REQUIRE(good);
  CHECK(good->origin == folder.path("good.toml"));
}

TEST_CASE("config: the operator's choice comes first, then HOLDFAST_CONFIG", "[config][load]") {
  const auto environment = environment_of({{"HOLDFAST_CONFIG", "/x/named.toml"}});
  CHECK(find_config_file("chosen.toml", environment) == "chosen.toml");
  CHECK(find_config_file(std::nullopt, environment) == "/x/named.toml");
}

TEST_CASE("config: holdfast.toml of the working folder comes next", "[config][load]") {
  const TemporaryFolder folder;
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder.path(""));
  const auto none = find_config_file(std::nullopt, environment_of({{"HOLDFAST_CONFIG", ""}}));
  folder.write("holdfast.toml", one_source);
  const auto found = find_config_file(std::nullopt, environment_of({}));
  std::filesystem::current_path(before);
  CHECK(found == "holdfast.toml");
  CHECK(none.value_or("/etc/holdfast/holdfast.toml") == "/etc/holdfast/holdfast.toml");
}

TEST_CASE("config: without a file an unverified source on loopback is there", "[config][load]") {
  const auto config = built_in_defaults(environment_of({{"DATABASE_URL", "postgres://h/d"}}));
  CHECK(config.ingress.listen.is_loopback());
  CHECK(config.admin.listen.is_loopback());
  REQUIRE(config.sources.size() == 1);
  CHECK(config.sources[0].name == "default");
  CHECK(config.sources[0].effective_path() == "/ingest/default");
  CHECK(config.sources[0].provider == Provider::none);
  CHECK(config.destination.url.reveal() == "postgres://h/d");
  CHECK(built_in_defaults(environment_of({})).destination.url.empty());
}

TEST_CASE("config: broken files are refused, never a crash", "[config][load]") {
  // Every prefix of a good file, and every file with one byte changed to a quote or a bracket.
  for (std::size_t i = 0; i < whole_example.size(); ++i) {
    (void)parse_text(whole_example.substr(0, i), example_variables);
    for (const char c : {'"', '[', '$', '\0'}) {
      std::string text(whole_example);
      text[i] = c;
      (void)parse_text(text, example_variables);
    }
  }
  SUCCEED();
}

TEST_CASE("config: named tokens for the admin listener, each with a name and a secret of its own",
          "[config][load]") {
  const std::string ann = "[[admin.token]]\nname = \"ann\"\nsecret = \"one\"\n";
  const auto config =
      parse_text(ann + "[[admin.token]]\nname = \"night.shift\"\nsecret = \"${BOB}\"\n" +
                     std::string(one_source),
                 {{"BOB", "two"}});
  REQUIRE(config);
  REQUIRE(config->admin.tokens.size() == 2);
  CHECK(config->admin.tokens[0].name == "ann");
  CHECK(config->admin.tokens[1].secret.reveal() == "two");
  const auto refused = [&](const std::string& token) {
    return errors_of(ann + "[[admin.token]]\n" + token + std::string(one_source));
  };
  CHECK(refused("name = \"ann\"\nsecret = \"two\"\n").contains("is there twice"));
  CHECK(refused("name = \"bob\"\nsecret = \"one\"\n").contains("is that of another name"));
  CHECK(refused("name = \"a b\"\nsecret = \"two\"\n").contains("is no name"));
  CHECK(refused("name = \"bob\"\nsecret = \"\"\n").contains("is empty"));
  CHECK(refused("secret = \"two\"\n").contains("admin.token[1].name: is missing"));
  CHECK(refused("name = \"bob\"\n").contains("admin.token[1].secret: is missing"));
  CHECK(refused("name = \"bob\"\nsecret = \"t w\"\n").contains("no client can send"));
  CHECK(refused("nam = \"bob\"\nsecret = \"two\"\n").contains("did you mean \"name\""));
  CHECK(errors_of("[admin.token]\nname = \"bob\"\n" + std::string(one_source))
            .contains("[[admin.token]] with two brackets"));
}
