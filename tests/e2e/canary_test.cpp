// No secret is ever shown: each place that a secret can stand in holds a canary, the real binary is
// driven through good days and bad ones at level debug, and then all that it said is searched.

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <csignal>
#include <format>
#include <nlohmann/json.hpp>

#include "fixture.hpp"
#include "support/fake_postgres.hpp"
#include "support/http.hpp"
#include "support/scratch_folder.hpp"
#include "support/sign.hpp"
#include "support/wait.hpp"

using namespace holdfast;
using namespace holdfast::support;
using namespace std::chrono_literals;

namespace {

/// In each of them, so that one search finds all; a body's is told from a secret's.
const std::string canary = "c4n4ry9f1b";
const std::string payload_canary = "p4yl04d7e2d";

std::string secret(std::string_view place) {
  return std::format("{}-{}-0123456789abcdef", canary, place);
}
/// The same in the form of Standard Webhooks: base64 that holds the canary's letters.
const std::string webhook_secret = "whsec_c4n4ry9f1b0123456789ABCDEFGHIJKLMNOPQRST";

/// One source for each place of a secret: key, file, variable, and each provider.
std::string sources(const ScratchFolder& files) {
  write_file(files.file("secrets"), secret("file-one") + "\n" + secret("file-two") + "\n");
  write_file(files.file("verify"), secret("verify-file") + "\n");
  std::string text;
  const auto source = [&](std::string_view name, std::string_view provider, std::string_view more) {
    text += std::format("[[source]]\nname = \"{}\"\nprovider = \"{}\"\n{}\n", name, provider, more);
  };
  const auto secrets = [](std::string_view value) {
    return std::format("secrets = [\"{}\"]", value);
  };
  source("token", "bearer", secrets(secret("bearer")));
  source("variable", "bearer", secrets("${CANARY_SECRET}"));
  source("file", "bearer", std::format("secrets_file = \"{}\"", files.file("secrets")));
  source("header", "bearer", secrets(secret("header")) + "\ntoken_header = \"X-Own-Token\"");
  source("meta", "whatsapp",
         secrets(secret("meta")) + "\nverify_token = \"" + secret("verify") + "\"");
  source(
      "meta2", "whatsapp",
      secrets(secret("meta2")) + std::format("\nverify_token_file = \"{}\"", files.file("verify")));
  source("calls", "twilio",
         secrets(secret("twilio")) + "\npublic_url = \"https://user:" + secret("public") +
             "@hooks.example.com\"");
  for (const std::string name : {"stripe", "github", "slack", "shopify", "telegram"})
    source(name, name, secrets(secret(name)));
  source("standard", "standard-webhooks", secrets(webhook_secret));
  source("own", "hmac", secrets(secret("hmac")));
  return text;
}

/// A daemon in whose configuration everything secret is a canary.
struct Watched {
  explicit Watched(std::string_view format) : config(make(format)), daemon(config) {}

  DaemonConfig make(std::string_view format) const {
    auto made = e2e::config_for(std::format("postgresql://relay:{}@127.0.0.1:{}/postgres",
                                            secret("password"), postgres.port()));
    made.environment = {"CANARY_SECRET=" + secret("variable"), "CANARY_TOKEN=" + secret("admin")};
    // What comes first belongs to [admin], the table before.
    const std::string token = format == "text" ? "token = \"${CANARY_TOKEN}\""
                                               : "[[admin.token]]\nname = \"ops\"\n"
                                                 "secret = \"${CANARY_TOKEN}\"";
    made.sources = std::format("{}\n[log]\nlevel = \"debug\"\nformat = \"{}\"\n{}", token, format,
                               sources(files));
    return made;
  }
  /// An answer of the admin listener, with the token or another one.
  std::string admin(const std::string& target, const std::string& token = secret("admin"),
                    const std::string& method = "GET") const {
    const auto answer = fetch(
        daemon.admin_port(),
        {.method = method, .target = target, .headers = {{"Authorization", "Bearer " + token}}});
    std::string all = answer.body;
    for (const auto& [name, value] : answer.headers) all += "\n" + name + ": " + value;
    return all;
  }

  ScratchFolder files;
  FakePostgres postgres;
  DaemonConfig config;
  Daemon daemon;
};

std::string body(int number) {
  return std::format(R"({{"id":{},"text":"{}"}})", number, payload_canary);
}

/// Requests that are right, wrong and malformed, with secrets wherever a sender may put them.
/// Returns the answers.
std::string drive_senders(const Daemon& daemon) {
  std::string answers;
  const auto send = [&](const std::string& target, HttpHeaders headers, const std::string& text,
                        int expected) {
    const auto answer = post(daemon.port(), target, std::move(headers), text);
    INFO(target);
    CHECK(answer.status == expected);
    answers += answer.body;
  };
  send("/ingest/token", {{"Authorization", "Bearer " + secret("bearer")}}, body(1), 202);
  send("/ingest/variable", {{"Authorization", "Bearer " + secret("variable")}}, body(2), 202);
  send("/ingest/file", {{"Authorization", "Bearer " + secret("file-two")}}, body(3), 202);
  send("/ingest/header", {{"X-Own-Token", secret("header")}}, body(4), 202);
  send("/ingest/telegram", {{std::string(telegram_header), secret("telegram")}},
       R"({"update_id":1})", 200);
  send("/ingest/github", {{"X-Hub-Signature-256", sign_github(secret("github"), body(5))}}, body(5),
       202);
  for (const std::string name : {"token", "variable", "file", "header", "meta", "calls", "stripe",
                                 "github", "slack", "shopify", "telegram", "standard", "own"})
    send("/ingest/" + name,
         {{"Authorization", "Bearer " + secret("wrong")},
          {"X-Own-Token", secret("wrong")},
          {"X-Signature", secret("wrong")},
          {"X-Hub-Signature-256", "sha256=" + secret("wrong")},
          {std::string(telegram_header), secret("wrong")}},
         body(6), 401);
  send("/ingest/" + canary, {}, body(7), 404);
  send("/ingest/token", {{"Content-Encoding", canary}}, body(8), 415);
  const auto challenge = [&](const std::string& token) {
    return get(daemon.port(),
               "/ingest/meta?hub.mode=subscribe&hub.challenge=1&hub.verify_token=" + token);
  };
  CHECK(challenge(secret("verify")).status == 200);
  CHECK(challenge(secret("wrong")).status == 403);
  for (const std::string& bytes :
       {"GET /" + canary + " HTTP/9.9\r\n\r\n", canary + "\r\n\r\n",
        "POST /ingest/token HTTP/1.1\r\nHost: a\r\nAuthorization " + canary + "\r\n\r\n"}) {
    HttpConnection connection(daemon.port());
    CHECK(connection.send_bytes(bytes));
    if (const auto answer = connection.receive()) answers += answer->body;
  }
  return answers;
}

/// Postgres refuses the password, ends sessions, refuses an entry, and is well again.
void drive_postgres(Watched& watched) {
  auto& daemon = watched.daemon;
  REQUIRE(daemon.drains(20s));
  const auto accepted = [&](int number) {
    CHECK(post(daemon.port(), "/ingest/token", {{"Authorization", "Bearer " + secret("bearer")}},
               body(number))
              .status == 202);
  };
  watched.postgres.fail(Place::login,
                        ends_with("28P01", "password authentication failed for user \"relay\""));
  watched.postgres.end_all();
  accepted(20);
  CHECK(daemon.reaches_state("paused", 20s));
  watched.postgres.heal();
  watched.postgres.set_options({.refused_source = "token"});
  accepted(21);
  // The pause of before is probed each 30 s; a new start tries at once.
  CHECK(daemon.terminate() == 0);
  daemon.restart();
  CHECK(eventually([&] { return daemon.health().at("outbox").at("dead") == 2; }, 20s));
}

/// Changes, their audit log, and reloads of a configuration that is right and of one that is not.
/// Returns what was answered; not the entry's own document, which has its body.
std::string drive_operator(const Watched& watched) {
  std::string said;
  const auto listed = fetch(watched.daemon.admin_port(),
                            {.method = "GET",
                             .target = "/api/v1/entries?state=dead",
                             .headers = {{"Authorization", "Bearer " + secret("admin")}}});
  said += listed.body;
  const auto entries = nlohmann::json::parse(listed.body).at("entries");
  REQUIRE(entries.size() == 2);
  const std::string id = entries.at(0).at("id");
  const std::string entry = watched.admin("/api/v1/entries/" + id);
  CHECK(entry.contains("***"));
  CHECK(entry.contains(payload_canary));
  CHECK_FALSE(entry.contains(canary));
  const auto change = [&](const std::string& target) {
    said += watched.admin("/api/v1/" + target, secret("admin"), "POST");
  };
  change("entries/" + id + "/discard");
  change("relay/probe");
  change("sources/token/pause");
  change("sources/token/resume");
  const std::string audit = watched.admin("/api/v1/audit");
  CHECK(audit.contains("\"discard\""));
  said += audit + watched.admin("/api/v1/openapi.json");

  const auto reload = [&](const std::string& text, const std::string& event) {
    write_file(watched.daemon.config_path(), text);
    watched.daemon.send_signal(SIGHUP);
    CAPTURE(event);
    CHECK(eventually([&] { return watched.daemon.log_text().contains(event); }, 10s));
  };
  const std::string good = read_file(watched.daemon.config_path());
  const std::string more = "[[source]]\nname = \"more\"\nprovider = \"bearer\"\n";
  reload(good + more + "secrets = [\"" + secret("added") + "\"]\n", "reloaded");
  reload(good + more + "secrt = \"" + secret("typo") + "\"\n", "reload_refused");
  write_file(watched.daemon.config_path(), good);
  return said;
}

/// What each command says, of a daemon that runs and of one that does not.
std::string run_commands(const Daemon& daemon) {
  std::string said;
  const std::vector<std::vector<std::string>> commands{{"version"},
                                                       {"healthcheck"},
                                                       {"status"},
                                                       {"status", "--json"},
                                                       {"validate"},
                                                       {"validate", "--json"},
                                                       {"validate", "--show"},
                                                       {"validate", "--database"},
                                                       {"outbox", "list"},
                                                       {"outbox", "list", "--json"},
                                                       {"migrate", "plan"}};
  for (const auto& arguments : commands) {
    // One that needs an answer of Postgres gets none that is right from the fake.
    const auto result = daemon.run(arguments);
    said += result.out + result.err;
  }
  return said;
}

/// No line of it holds the text; the offending line is shown with stars in its place.
void check_holds_none(const std::string& said, const std::string& text) {
  const auto at = said.find(text);
  if (at == std::string::npos) return;
  const auto begin = said.rfind('\n', at) + 1;
  FAIL_CHECK("found in: " << said.substr(begin, at - begin) << "***");
}

}  // namespace

TEST_CASE("e2e: no canary in anything that is said, in an outage and out of it, at debug",
          "[e2e][security][canary]") {
  const std::string format = GENERATE("text", "json");
  CAPTURE(format);
  Watched watched(format);
  watched.daemon.start();
  std::string said = drive_senders(watched.daemon);
  for (const std::string target :
       {"/livez", "/readyz", "/healthz", "/api/health", "/metrics", "/api/v1/status",
        "/api/v1/history", "/api/v1/entries", "/api/v1/nothing"})
    for (const auto& token : {secret("admin"), secret("wrong")})
      said += watched.admin(target, token) + watched.admin(target, token, "POST");
  said += watched.admin("/" + canary, secret("wrong"));
  said += get(watched.daemon.port(), "/api/health").body;
  drive_postgres(watched);
  said += drive_operator(watched);
  said += watched.admin("/api/v1/status") + watched.admin("/metrics");
  const std::string listed = run_commands(watched.daemon);
  const auto second = watched.daemon.start_refused();
  CHECK(second.exit_code == 1);
  said += second.out + second.err;
  CHECK(listed.contains("***"));
  said += listed;
  CHECK(watched.daemon.terminate() == 0);
  said += run_commands(watched.daemon) + watched.daemon.out_text();
  const std::string log = watched.daemon.log_text();
  // It did see all of that.
  for (const std::string event : {"request", "destination_paused", "entry_dead", "stopped"}) {
    CAPTURE(event);
    CHECK(log.contains(format == "json" ? "\"event\":\"" + event + "\"" : ' ' + event + ": "));
  }
  check_holds_none(log, canary);
  check_holds_none(log, payload_canary);
  check_holds_none(said, canary);
  check_holds_none(said, payload_canary);
  // What lies on the disk has the bodies, and not the secrets that came with them.
  const auto file = read_file(watched.daemon.outbox_path());
  CHECK(file.contains(payload_canary));
  CHECK_FALSE(file.contains(canary));
}

TEST_CASE("e2e: an entry shown with its headers shows no secret", "[e2e][security][canary]") {
  Watched watched("text");
  watched.daemon.start();
  std::vector<std::string> ids;
  const auto send = [&](const std::string& source, const HttpHeaders& headers) {
    const auto answer = post(watched.daemon.port(), "/ingest/" + source, headers, body(1));
    CHECK(answer.accepted());
    ids.push_back(answer.header("Holdfast-Id"));
  };
  send("token", {{"Authorization", "Bearer " + secret("bearer")}, {"Cookie", canary}});
  send("header", {{"X-Own-Token", secret("header")}, {"Proxy-Authorization", canary}});
  for (const auto& id : ids) {
    for (const std::string more : {"--json", "--body"}) {
      const auto shown = watched.daemon.run({"outbox", "show", id, more});
      CAPTURE(more);
      check_holds_none(shown.out + shown.err, canary);
    }
    CHECK(watched.daemon.run({"outbox", "show", id, "--json"}).out.contains("***"));
  }
}

TEST_CASE("e2e: an error of the configuration never quotes the secret beside it",
          "[e2e][security][canary]") {
  const ScratchFolder files;
  write_file(files.file("two-lines"), secret("one") + "\n" + secret("two") + "\n");
  write_file(files.file("spaces"), secret("one") + " " + secret("two") + "\n");
  const std::string source = "[[source]]\nname = \"a\"\nprovider = \"bearer\"\n";
  const std::vector<std::string> broken{
      // Syntax that ends in a secret.
      "[admin]\ntoken = \"" + secret("open") + "\n",
      "[admin]\ntoken = " + secret("bare") + "\n",
      "[admin]\ntoken = \"" + secret("escape") + "\\q\"\n",
      source + "secrets = [\"" + secret("list") + "\", ]]\n",
      source + "secrets = [\"" + secret("twice") + "\"]\nsecrets = [\"" + secret("twice") + "\"]\n",
      // A key that is not known, a type that is wrong, a value that cannot be one.
      source + "secret = \"" + secret("unknown") + "\"\n",
      "[admin]\ntokn = \"" + secret("unknown") + "\"\n",
      "[admin]\ntoken = [\"" + secret("array") + "\"]\n",
      "[admin]\ntoken = { secret = \"" + secret("table") + "\" }\n",
      "[admin]\ntoken = \"" + secret("space") + " \"\n",
      source + "secrets = \"" + secret("nul") + "\\u0000\"\n",
      source + "secrets = [\"" + secret("number") + "\", 5]\n",
      source + "secrets = [\"" + secret("both") + "\"]\nsecrets_file = \"/nowhere\"\n",
      source + "secrets = [\"" + secret("verify") + "\"]\nverify_token = \"" + secret("verify") +
          "\"\n",
      "[[source]]\nname = \"a\"\nprovider = \"standard-webhooks\"\nsecrets = [\"whsec_" + canary +
          "!!\"]\n",
      "[[source]]\nname = \"a\"\nprovider = \"sendgrid\"\nsecrets = [\"" + canary + "\"]\n",
      "[[source]]\nname = \"a\"\nprovider = \"telegram\"\nsecrets = [\"" + canary + " §\"]\n",
      // Files and variables.
      "[admin]\ntoken_file = \"" + files.file("two-lines") + "\"\n",
      "[admin]\ntoken_file = \"" + files.file("spaces") + "\"\n",
      "[admin]\ntoken = \"" + secret("before") + "${CANARY_MISSING}\"\n",
      "[admin]\ntoken = \"${CANARY_MISSING\"\n[destination]\nurl = \"" + secret("open") + "${\"\n",
      // URLs.
      "[destination]\nurl = \"postgresql://u:" + secret("port") + "@127.0.0.1:port/db\"\n",
      "[destination]\nurl = \"postgresql://u:" + secret("mode") + "@127.0.0.1/db?sslmode=x\"\n",
      "[destination]\nurl = \"postgresql://u:" + secret("key") + "@127.0.0.1/db?nokey=1\"\n",
      "[destination]\nurl = \"postgresql://u:" + secret("percent") + "%zz@127.0.0.1/db\"\n",
      "[destination]\nurl = \"mysql://u:" + secret("scheme") + "@127.0.0.1/db\"\n",
      "[destination]\nurl = \"host=127.0.0.1 password='" + secret("quote") + "\"\n",
      "[destination]\nurl = \"" + secret("nothing") + "\"\n",
      "[destination]\nurl_file = \"" + files.file("two-lines") + "\"\n",
      "[ingress]\npublic_url = \"ftp://u:" + secret("public") + "@h\"\n",
  };
  for (const auto& text : broken) {
    CAPTURE(text);
    write_file(files.file("holdfast.toml"), text);
    for (const std::vector<std::string>& more : {std::vector<std::string>{"validate"},
                                                 {"validate", "--json"},
                                                 {"validate", "--show"},
                                                 {"serve"},
                                                 {"status"},
                                                 {"outbox", "list"},
                                                 {"migrate", "plan"},
                                                 {"healthcheck"}}) {
      std::vector<std::string> arguments{HOLDFAST_BINARY};
      arguments.insert(arguments.end(), more.begin(), more.end());
      arguments.insert(arguments.end(), {"--config", files.file("holdfast.toml")});
      const auto result = run_command({.arguments = std::move(arguments), .folder = files.path()});
      CAPTURE(more.front(), result.err);
      CHECK(result.exit_code != 0);
      check_holds_none(result.out + result.err, canary);
    }
  }
}
