// What docs/security.md promises, on the real binary.

#include <sys/stat.h>

#include <catch2/catch_test_macros.hpp>
#include <filesystem>

#include "fixture.hpp"
#include "support/http.hpp"
#include "support/postgres_cluster.hpp"
#include "support/scratch_folder.hpp"
#include "support/wait.hpp"

using namespace holdfast;
using namespace holdfast::support;
using namespace std::chrono_literals;

namespace {

const std::string canary = "c4n4ry-s3cr3t-9f1b";

/// A source for each place that a secret can stand in.
std::string sources_with_canaries() {
  return "[[source]]\nname = \"tokens\"\nprovider = \"bearer\"\npath = \"/tokens\"\nsecrets = [\"" +
         canary +
         "-bearer\"]\n[[source]]\nname = \"meta\"\nprovider = \"whatsapp\"\npath = "
         "\"/meta\"\nsecrets = [\"" +
         canary + "-app\"]\nverify_token = \"" + canary +
         "-verify\"\n[[source]]\nname = \"bot\"\nprovider = \"telegram\"\npath = \"/bot\"\n"
         "secrets = [\"" +
         canary + "-telegram\"]\n";
}

std::string everything_said(const Daemon& daemon) {
  return get(daemon.port(), "/api/health").body + get(daemon.admin_port(), "/api/health").body +
         get(daemon.admin_port(), "/metrics").body +
         get(daemon.admin_port(), "/api/v1/status").body + daemon.log_text() + daemon.out_text();
}

CommandResult start_with(const std::string& listen, const std::string& more = "") {
  const ScratchFolder folder;
  write_file(folder.file("holdfast.toml"),
             "[ingress]\nlisten = \"127.0.0.1:0\"\n[outbox]\npath = \"" +
                 folder.file("holdfast.db") + "\"\n[admin]\nlisten = \"" + listen + "\"\n" + more);
  return run_command(
      {.arguments = {HOLDFAST_BINARY, "serve", "--config", folder.file("holdfast.toml")}});
}

}  // namespace

TEST_CASE("e2e: no secret is in the log, health, metrics, status, configuration or outbox",
          "[e2e][security]") {
  // Nobody listens there: an error of the destination must not quote its URL either.
  auto config = e2e::config_for("postgresql://user:" + canary + "-pg@127.0.0.1:1/db");
  config.sources = sources_with_canaries();
  Daemon daemon(config);
  daemon.start();
  const auto accepted =
      post(daemon.port(), "/tokens",
           {{"Authorization", "Bearer " + canary + "-bearer"}, {"Cookie", canary + "-cookie"}},
           R"({"id":1})");
  CHECK(accepted.status == 202);
  CHECK(post(daemon.port(), "/bot", {{"X-Telegram-Bot-Api-Secret-Token", canary + "-telegram"}},
             R"({"update_id":1})")
            .status == 200);
  const auto refused =
      post(daemon.port(), "/tokens", {{"Authorization", "Bearer " + canary + "-wrong"}}, "{}");
  CHECK(refused.status == 401);
  CHECK_FALSE(refused.body.contains(canary));
  const auto challenge =
      get(daemon.port(), "/meta?hub.mode=subscribe&hub.challenge=1&hub.verify_token=" + canary);
  CHECK(challenge.status == 403);
  CHECK(daemon.reaches_state("backing_off", 20s));

  CHECK_FALSE(everything_said(daemon).contains(canary));
  for (const char* command : {"healthcheck", "status"})
    CHECK_FALSE((daemon.run({command}).out + daemon.run({command}).err).contains(canary));
  const auto shown = daemon.run({"validate", "--show"});
  CHECK(shown.exit_code == 0);
  CHECK(shown.out.contains("***"));
  CHECK_FALSE((shown.out + shown.err).contains(canary));
  CHECK(daemon.terminate() == 0);
  // The headers of the two writes are in these files, and the tokens must not be.
  CHECK_FALSE(read_file(daemon.outbox_path()).contains(canary));
  CHECK_FALSE(daemon.log_text().contains(canary));
}

TEST_CASE("e2e: every file of a running daemon has mode 0600", "[e2e][security]") {
  Daemon daemon(e2e::config_for(""));
  daemon.start();
  CHECK(e2e::post_one(daemon, e2e::write_number(1, true)).last_status == 202);
  int files = 0;
  const std::filesystem::path path(daemon.outbox_path());
  for (const auto& file : std::filesystem::directory_iterator(path.parent_path())) {
    if (!file.path().filename().string().starts_with(path.filename().string())) continue;
    struct stat status{};
    REQUIRE(::stat(file.path().c_str(), &status) == 0);
    INFO(file.path());
    CHECK((status.st_mode & 0777U) == 0600);
    ++files;
  }
  CHECK(files >= 4);  // The database, its WAL, its index and the lock.
  CHECK(daemon.terminate() == 0);
}

TEST_CASE("e2e: admin beyond loopback without a token is refused at start", "[e2e][security]") {
  for (const char* listen : {"0.0.0.0:0", "[::]:0", "192.0.2.1:9090"}) {
    const auto result = start_with(listen);
    INFO(listen << result.err);
    CHECK(result.exit_code == 2);
    CHECK(result.err.contains("admin.listen"));
    CHECK(result.err.contains("token"));
  }
  CHECK(start_with("0.0.0.0:0", "token = \"\"\n").exit_code == 2);
}

TEST_CASE("e2e: a page of another site cannot ask the admin listener", "[e2e][security]") {
  Daemon daemon(e2e::config_for(""));
  daemon.start();
  // DNS rebinding: the browser resolves evil.example to 127.0.0.1 and keeps the name in Host.
  for (const char* target : {"/metrics", "/api/v1/status", "/api/health", "/livez"}) {
    HttpConnection connection(daemon.admin_port());
    CHECK(connection.send_bytes("GET " + std::string(target) +
                                " HTTP/1.1\r\nHost: evil.example\r\nOrigin: http://evil.example"
                                "\r\n\r\n"));
    const auto answer = connection.receive();
    REQUIRE(answer);
    CHECK(answer->status == 421);
    CHECK(answer->header("Access-Control-Allow-Origin").empty());
  }
  CHECK(get(daemon.admin_port(), "/livez").status == 200);
  CHECK(daemon.terminate() == 0);
}

TEST_CASE("e2e: a schema's name cannot break out of its quotes", "[e2e][security]") {
  PostgresCluster cluster;
  auto config = e2e::config_for(cluster.url());
  config.destination += "schema = 'x\"; DROP SCHEMA public CASCADE; --'\n";
  Daemon daemon(config);
  daemon.start();
  CHECK(e2e::post_one(daemon, e2e::write_number(1, true)).last_status == 202);
  CHECK(daemon.drains(30s));
  CHECK(cluster.query("SELECT count(*) FROM pg_namespace WHERE nspname = 'public'").at(0).at(0) ==
        "1");
  CHECK(cluster.query(R"(SELECT count(*) FROM "x""; DROP SCHEMA public CASCADE; --".inbox)")
            .at(0)
            .at(0) == "1");
  CHECK(daemon.terminate() == 0);
}
