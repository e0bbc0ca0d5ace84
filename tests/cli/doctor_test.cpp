#include "cli/doctor.hpp"

#include <sys/stat.h>

#include <catch2/catch_test_macros.hpp>
#include <format>

#include "fake_daemon.hpp"
#include "outbox_rig.hpp"
#include "support/postgres_cluster.hpp"
#include "support/tcp_gate.hpp"

using namespace holdfast;
using namespace holdfast::cli;
using namespace holdfast::cli::test;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

/// The check of this name; the first one if there are several.
json check_of(const json& document, const std::string& name) {
  for (const auto& check : document["checks"])
    if (check["name"] == name) return check;
  return nullptr;
}

support::CommandResult doctor(const support::ScratchFolder& folder,
                              std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {HOLDFAST_BINARY, "doctor"});
  return support::run_command({.arguments = std::move(arguments), .folder = folder.path()});
}

postgres::ServerFacts good_server() {
  postgres::ServerFacts facts;
  facts.version = 170'002;
  facts.version_text = "17.2";
  facts.user = "app";
  facts.schema_exists = facts.inbox_exists = facts.can_create = true;
  facts.has_tls = true;
  facts.tls_version = "TLSv1.3";
  facts.sslmode = "verify-full";
  facts.synchronous_commit = "on";
  return facts;
}

/// Every verdict but ok comes with a cure.
Verdict verdict_of(const Check& check) {
  CAPTURE(check.name, check.found);
  CHECK_FALSE(check.found.empty());
  CHECK(check.cure.empty() == (check.verdict == Verdict::ok));
  return check.verdict;
}

}  // namespace

TEST_CASE("cli: doctor judges the disk", "[cli][doctor]") {
  CHECK(verdict_of(judge_sync({1ms, 249ms, 50})) == Verdict::ok);
  CHECK(verdict_of(judge_sync({1ms, 250ms, 50})) == Verdict::warn);
  CHECK(verdict_of(judge_sync({50ms, 60ms, 50})) == Verdict::warn);
  CHECK(judge_sync({1500us, 3ms, 50}).found ==
        "1.5 ms at p50, 3.0 ms at p99 over 50 appends of 4 KiB");
  OutboxFacts facts;
  facts.folder = "/data";
  CHECK(verdict_of(judge_filesystem(facts, false)) == Verdict::ok);
  facts.trust = FilesystemTrust::goes_away;
  CHECK(verdict_of(judge_filesystem(facts, false)) == Verdict::warn);
  facts.trust = FilesystemTrust::unsafe;
  CHECK(verdict_of(judge_filesystem(facts, false)) == Verdict::fail);
  CHECK(verdict_of(judge_filesystem(facts, true)) == Verdict::warn);
}

TEST_CASE("cli: doctor judges the room that is left", "[cli][doctor]") {
  OutboxFacts facts;
  OutboxConfig config;
  config.max_size_bytes = 100 * mib;
  config.disk_reserve_bytes = 10 * mib;
  facts.used_bytes = 69 * mib;
  CHECK(verdict_of(judge_size(facts, config)) == Verdict::ok);
  facts.wal_bytes = mib;
  CHECK(verdict_of(judge_size(facts, config)) == Verdict::warn);
  facts.wal_bytes = 26 * mib;
  CHECK(verdict_of(judge_size(facts, config)) == Verdict::fail);
  CHECK(verdict_of(judge_wal(facts)) == Verdict::ok);
  facts.wal_bytes = 65 * mib;
  CHECK(verdict_of(judge_wal(facts)) == Verdict::warn);
  facts.disk_free_bytes = 20 * mib;
  CHECK(verdict_of(judge_disk(facts, config)) == Verdict::ok);
  facts.disk_free_bytes = 20 * mib - 1;
  CHECK(verdict_of(judge_disk(facts, config)) == Verdict::warn);
  facts.disk_free_bytes = 10 * mib - 1;
  CHECK(verdict_of(judge_disk(facts, config)) == Verdict::fail);
  IngressConfig ingress;
  CHECK(verdict_of(judge_open_files(1'000'000, "the daemon", ingress)) == Verdict::ok);
  CHECK(verdict_of(judge_open_files(16'384, "the daemon", ingress)) == Verdict::warn);
}

TEST_CASE("cli: doctor judges files, damage and the clock", "[cli][doctor]") {
  OutboxFacts facts;
  CHECK(verdict_of(judge_modes(facts)) == Verdict::ok);
  facts.files = {{"a.db", 1, 0600}, {"a.db-wal", 1, 0640}};
  CHECK(verdict_of(judge_modes(facts)) == Verdict::warn);
  CHECK(judge_modes(facts).found == "a.db-wal has 0640");
  CHECK(verdict_of(judge_integrity({})) == Verdict::ok);
  CHECK(verdict_of(judge_integrity({std::nullopt, false})) == Verdict::ok);
  CHECK(verdict_of(judge_integrity({"row 1 missing", true})) == Verdict::fail);
  const auto now = time_at("2026-11-23T22:00:00Z");
  CHECK(verdict_of(judge_clock(100ms, std::nullopt, now)) == Verdict::ok);
  CHECK(verdict_of(judge_clock(-101ms, std::nullopt, now)) == Verdict::warn);
  CHECK(verdict_of(judge_clock(0ms, now + 2s, now)) == Verdict::ok);
  CHECK(verdict_of(judge_clock(0ms, now + 3s, now)) == Verdict::warn);
}

TEST_CASE("cli: doctor judges a server", "[cli][doctor]") {
  auto facts = good_server();
  CHECK(verdict_of(judge_server_version(facts)) == Verdict::ok);
  facts.read_only = true;
  CHECK(verdict_of(judge_server_version(facts)) == Verdict::fail);
  facts.version = 139'999;
  CHECK(judge_server_version(facts).cure.contains("14"));
  CHECK(verdict_of(judge_durability(facts)) == Verdict::ok);
  facts.fsync = false;
  CHECK(verdict_of(judge_durability(facts)) == Verdict::warn);
  facts.round_trip = 1s;
  facts.clock_ahead = -3s;
  CHECK(verdict_of(judge_server_clock(facts)) == Verdict::ok);
  facts.clock_ahead = 3001ms;
  CHECK(verdict_of(judge_server_clock(facts)) == Verdict::warn);
  facts.clock_ahead = -62s;
  CHECK(verdict_of(judge_server_clock(facts)) == Verdict::fail);
}

TEST_CASE("cli: doctor judges how Postgres is reached", "[cli][doctor]") {
  auto facts = good_server();
  CHECK(judge_tls(facts).found == "TLSv1.3, certificate verified (sslmode=verify-full)");
  CHECK(verdict_of(judge_tls(facts)) == Verdict::ok);
  facts.sslmode = "require";
  CHECK(verdict_of(judge_tls(facts)) == Verdict::warn);
  facts.has_tls = false;
  CHECK(verdict_of(judge_tls(facts)) == Verdict::warn);
  CHECK(judge_tls(facts).found == "none (sslmode=require)");
  facts.is_local = true;
  CHECK(verdict_of(judge_tls(facts)) == Verdict::ok);
}

TEST_CASE("cli: doctor judges what the role may do", "[cli][doctor]") {
  auto facts = good_server();
  DestinationConfig config;
  CHECK(verdict_of(judge_rights(facts, config)) == Verdict::ok);
  facts.lacks = {"INSERT on inbox", "SELECT on inbox"};
  CHECK(judge_rights(facts, config).found == "the role lacks INSERT on inbox, SELECT on inbox");
  CHECK(verdict_of(judge_rights(facts, config)) == Verdict::fail);
  facts.lacks.clear();
  facts.inbox_exists = false;
  CHECK(verdict_of(judge_rights(facts, config)) == Verdict::ok);
  facts.can_create = false;
  CHECK(judge_rights(facts, config).cure.starts_with("GRANT CREATE ON SCHEMA holdfast to app"));
  CHECK(verdict_of(judge_rights(facts, config)) == Verdict::fail);
  facts.schema_exists = false;
  CHECK(judge_rights(facts, config).cure.contains("GRANT CREATE ON DATABASE"));
  facts.can_create = true;
  config.migrate = false;
  CHECK(verdict_of(judge_rights(facts, config)) == Verdict::fail);
}

TEST_CASE("cli: doctor judges the tables", "[cli][doctor]") {
  auto facts = good_server();
  DestinationConfig config;
  CHECK(verdict_of(judge_tables(facts, config)) == Verdict::ok);
  facts.missing_tables = {"users", "messages"};
  CHECK(verdict_of(judge_tables(facts, config)) == Verdict::warn);
  CHECK(judge_tables(facts, config).found == "users, messages missing");
  config.migrate = false;
  CHECK(verdict_of(judge_tables(facts, config)) == Verdict::fail);
  config.migrate = true;
  facts.can_create = false;
  CHECK(verdict_of(judge_tables(facts, config)) == Verdict::fail);
  facts.unfit = {"inbox has no column body"};
  CHECK(judge_tables(facts, config).found == "inbox has no column body");
  CHECK(verdict_of(judge_tables(facts, config)) == Verdict::fail);
  facts.inbox_exists = false;
  CHECK(verdict_of(judge_tables(facts, config)) == Verdict::ok);
}

TEST_CASE("cli: doctor finds what is wrong with the tables", "[cli][process][doctor][postgres]") {
  support::PostgresCluster postgres;
  const OutboxRig rig;
  rig.configure(std::format("[admin]\nlisten = \"127.0.0.1:{}\"\n[destination]\nurl = \"{}\"\n",
                            support::unused_port(), postgres.url()));
  REQUIRE(support::run_command(
              {.arguments = {HOLDFAST_BINARY, "migrate", "apply"}, .folder = rig.folder().path()})
              .exit_code == 0);
  const auto found = [&] {
    const auto result = doctor(rig.folder(), {"--json"});
    CAPTURE(result.out, result.err);
    const auto check = check_of(json::parse(result.out), "tables");
    CHECK(result.exit_code == (check["verdict"] == "fail" ? 1 : 0));
    return check["verdict"].get<std::string>() + ": " + check["found"].get<std::string>();
  };
  CHECK(found() == "ok: all columns and unique indexes are there");
  // It knows every column that the migrations make.
  const auto columns = postgres.query(
      "SELECT c.relname, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid "
      "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'holdfast' "
      "AND c.relkind = 'r' AND a.attnum > 0 AND c.relname <> 'schema_migrations'");
  REQUIRE(columns.size() == 40);
  for (const auto& column : columns) {
    const auto table = "holdfast." + column[0];
    postgres.query("ALTER TABLE " + table + " RENAME COLUMN " + column[1] + " TO other");
    CAPTURE(column[0], column[1]);
    CHECK(found().starts_with("fail: " + column[0] + " has no column " + column[1]));
    postgres.query("ALTER TABLE " + table + " RENAME COLUMN other TO " + column[1]);
  }
  postgres.query("ALTER TABLE holdfast.inbox DROP CONSTRAINT inbox_source_dedupe_key_key");
  CHECK(found() == "fail: inbox has no unique index on (dedupe_key, source)");
  postgres.query("CREATE UNIQUE INDEX ON holdfast.inbox (source, dedupe_key) WHERE seq > 0");
  CHECK(found() == "fail: inbox has no unique index on (dedupe_key, source)");
  postgres.query("CREATE UNIQUE INDEX ON holdfast.inbox (source, dedupe_key)");
  postgres.query("ALTER TABLE holdfast.users DROP CONSTRAINT users_pkey");
  CHECK(found() == "fail: users has no unique index on (external_id, provider)");
  postgres.query("DROP TABLE holdfast.users, holdfast.messages");
  CHECK(found() == "warn: messages, users missing");
}

TEST_CASE("cli: doctor finds a good daemon, outbox and database good",
          "[cli][process][doctor][postgres]") {
  support::PostgresCluster postgres;
  postgres.query("CREATE TABLE good (id bigint)");
  FakeDaemon daemon;
  daemon.answer({.body = R"({"version":"0.1.0","outbox":{"can_store":true}})"});
  const OutboxRig rig;
  rig.configure(daemon.configuration() +
                std::format("[destination]\nurl = \"{}\"\n[[source]]\nname = \"w\"\nprovider = "
                            "\"none\"\nwrite = [{{ statement = \"INSERT INTO good VALUES ($1)\", "
                            "parameters = [\"/id\"] }}]\n",
                            postgres.url()));
  const auto result = doctor(rig.folder(), {"--json", "--full"});
  CAPTURE(result.out, result.err);
  CHECK(result.exit_code == 0);
  const auto document = json::parse(result.out);
  CHECK(document["ok"] == true);
  for (const auto* name :
       {"configuration", "integrity", "WAL", "outbox size", "permissions", "daemon", "Postgres",
        "TLS", "privileges", "tables", "statements", "clock of Postgres"}) {
    CAPTURE(name);
    CHECK(check_of(document, name)["verdict"] == "ok");
    CHECK(check_of(document, name)["cure"].is_null());
  }
  // The server of the tests saves its disk.
  CHECK(check_of(document, "commits")["found"] == "the server runs with fsync = off");
  for (const auto* name : {"file system", "fsync", "disk", "clock", "open files"})
    CHECK(check_of(document, name).is_object());
  CHECK(check_of(document, "integrity")["found"] == "all tables and indexes are sound");
  CHECK(
      check_of(document, "privileges")["found"].get<std::string>().contains("no schema holdfast"));
  // Nothing was made.
  CHECK(
      postgres.query("SELECT count(*) FROM pg_namespace WHERE nspname = 'holdfast'").at(0).at(0) ==
      "0");
  const auto text = doctor(rig.folder(), {});
  CHECK(text.err.contains("wakes a database that sleeps; --offline leaves it out"));
  CHECK(text.out.contains("ok    TLS               none, and none is needed"));
}

TEST_CASE("cli: doctor tells each failure with its cure", "[cli][process][doctor][postgres]") {
  support::PostgresCluster postgres;
  postgres.query("CREATE ROLE weak LOGIN");
  const OutboxRig rig;
  auto url = postgres.url();
  url.replace(url.find("postgres@"), 9, "weak@");
  rig.configure(
      std::format("[admin]\nlisten = \"127.0.0.1:{}\"\n[destination]\nurl = \"{}\"\n"
                  "[[source]]\nname = \"w\"\nprovider = \"none\"\nwrite = [{{ statement = "
                  "\"INSERT INTO nowhere VALUES (1)\" }}]\n",
                  support::unused_port(), url));
  ::chmod(rig.folder().file("holdfast.db").c_str(), 0644);
  const auto result = doctor(rig.folder(), {"--json"});
  CAPTURE(result.out, result.err);
  CHECK(result.exit_code == 1);
  const auto document = json::parse(result.out);
  CHECK(document["ok"] == false);
  // Nobody has the outbox open, so this may be the look before a start.
  CHECK(check_of(document, "daemon")["verdict"] == "warn");
  CHECK(check_of(document, "permissions")["verdict"] == "warn");
  CHECK(check_of(document, "privileges")["verdict"] == "fail");
  CHECK(check_of(document, "statements")["found"].get<std::string>().contains("42P01"));
  for (const auto& check : document["checks"])
    CHECK(check["cure"].is_null() == (check["verdict"] == "ok"));
  const auto text = doctor(rig.folder(), {});
  CHECK(text.exit_code == 1);
  CHECK(text.out.contains("warn  permissions       "));
  CHECK(text.out.contains("        cure            others can read"));
}

TEST_CASE("cli: doctor tells a daemon that does not answer from none", "[cli][process][doctor]") {
  const OutboxRig rig;
  rig.configure(std::format("[admin]\nlisten = \"127.0.0.1:{}\"\n", support::unused_port()));
  const auto verdict = [&] {
    const auto result = doctor(rig.folder(), {"--json", "--offline"});
    const auto check = check_of(json::parse(result.out), "daemon");
    CHECK(result.exit_code == (check["verdict"] == "fail" ? 1 : 0));
    return check["verdict"].get<std::string>();
  };
  CHECK(verdict() == "warn");
  const SystemClock clock;
  OutboxConfig config;
  config.path = rig.folder().file("holdfast.db");
  const auto outbox = Outbox::open(config, {.clock = clock,
                                            .log = [](const LogEvent&) {},
                                            .on_broken = [](const Failure&) {},
                                            .vfs = {}});
  REQUIRE(outbox.has_value());
  CHECK(verdict() == "fail");
}

TEST_CASE("cli: doctor --offline leaves Postgres alone", "[cli][process][doctor]") {
  const OutboxRig rig;
  FakeDaemon daemon;
  daemon.answer({.body = R"({"version":"9.9.9","outbox":{"can_store":false}})"});
  daemon.answer({.body = R"({"version":"9.9.9"})"});
  const auto gate_port = support::unused_port();
  rig.configure(daemon.configuration() +
                std::format("[destination]\nurl = \"postgresql://a@127.0.0.1:{}/b\"\n", gate_port));
  const auto result = doctor(rig.folder(), {"--json", "--offline"});
  const auto document = json::parse(result.out);
  CHECK(check_of(document, "Postgres")["verdict"] == "skip");
  CHECK(check_of(document, "daemon")["found"].get<std::string>().contains("cannot store"));
  CHECK(result.exit_code == 1);
  const auto old = json::parse(doctor(rig.folder(), {"--json", "--offline"}).out);
  CHECK(check_of(old, "daemon")["verdict"] == "warn");
  CHECK(check_of(old, "daemon")["found"].get<std::string>().contains("this program has 0.1.0"));
}

TEST_CASE("cli: doctor tells that the daemon has another outbox", "[cli][process][doctor]") {
  const OutboxRig rig;
  FakeDaemon daemon;
  daemon.answer({.body = R"({"version":"0.1.0","node":"3d594650-0001-4a6b-8e3f-000000000001"})"});
  rig.configure(daemon.configuration());
  const auto result = doctor(rig.folder(), {"--json", "--offline"});
  CHECK(result.exit_code == 1);
  const auto found = check_of(json::parse(result.out), "daemon");
  CHECK(found["verdict"] == "fail");
  CHECK(found["found"].get<std::string>().contains("but has another outbox than "));
  CHECK(found["cure"].get<std::string>().contains("in its folder"));
}

TEST_CASE("cli: doctor tells of a wrong configuration and of damage", "[cli][process][doctor]") {
  const OutboxRig rig;
  // The first page of a table is overwritten.
  auto bytes = support::read_file(rig.folder().file("holdfast.db"));
  REQUIRE(bytes.size() > 20'480);
  std::fill(bytes.begin() + 8192, bytes.begin() + 20'480, 'x');
  support::write_file(rig.folder().file("holdfast.db"), bytes);
  const auto damaged = json::parse(doctor(rig.folder(), {"--json", "--offline"}).out);
  CHECK(check_of(damaged, "integrity")["verdict"] == "fail");
  support::write_file(rig.folder().file("holdfast.toml"), "[ingres]\n");
  const auto result = doctor(rig.folder(), {});
  // As of every command.
  CHECK(result.exit_code == 2);
  CHECK(doctor(rig.folder(), {"--json"}).exit_code == 2);
  CHECK(
      result.out.contains("fail  configuration     holdfast.toml:1: \"ingres\": unknown section"));
  CHECK(result.out.contains("skip  all else"));
}
