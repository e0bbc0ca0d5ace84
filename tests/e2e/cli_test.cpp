#include <sys/stat.h>
#include <catch2/catch_test_macros.hpp>
#include <csignal>
#include <nlohmann/json.hpp>

#include "base/encoding.hpp"
#include "fixture.hpp"
#include "support/http.hpp"
#include "support/wait.hpp"

using namespace holdfast;
using namespace holdfast::support;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

CommandResult run_with(const std::string& config_path, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), HOLDFAST_BINARY);
  arguments.insert(arguments.end(), {"--config", config_path});
  return run_command({.arguments = std::move(arguments)});
}

}  // namespace

TEST_CASE("e2e: the commands tell what the daemon does, in text and in JSON", "[e2e][cli]") {
  Daemon daemon(e2e::config_for(""));
  CHECK(daemon.run({"healthcheck"}).exit_code == 1);
  const CommandResult before = daemon.run({"status"});
  CHECK(before.exit_code == 1);
  CHECK_FALSE(before.err.empty());

  daemon.start();
  CHECK(daemon.run({"healthcheck"}).exit_code == 0);
  const WriteOutcome write = e2e::post_one(daemon, e2e::write_number(1, true));
  const CommandResult status = daemon.run({"status", "--json"});
  INFO(status.out << status.err);
  CHECK(status.exit_code == 0);
  CHECK(json::parse(status.out).dump().contains("unconfigured"));
  const CommandResult text = daemon.run({"status"});
  CHECK(text.exit_code == 0);
  CHECK(text.out.contains("pending"));

  const CommandResult listed = daemon.run({"outbox", "list"});
  CHECK(listed.exit_code == 0);
  CHECK(listed.out.contains(write.ids.at(0)));
  const CommandResult shown = daemon.run({"outbox", "show", write.ids.at(0), "--json"});
  REQUIRE(shown.exit_code == 0);
  const json entry = json::parse(shown.out);
  CHECK(entry.at("id") == write.ids.at(0));
  CHECK(entry.at("state") == "pending");
  CHECK(entry.at("dedupe_key") == "key-1");
  CHECK(base::from_base64(entry.at("body_base64").get<std::string>()) == write.request.body);
  CHECK(daemon.run({"outbox", "show", "00000000-0000-7000-8000-000000000000"}).exit_code == 1);
  CHECK(daemon.run({"outbox", "show", "no-uuid"}).exit_code == 2);

  // The file can be read without the daemon, too.
  CHECK(daemon.terminate() == 0);
  CHECK(daemon.run({"outbox", "list"}).out.contains(write.ids.at(0)));
}

TEST_CASE("e2e: version and help need no configuration", "[e2e][cli]") {
  const auto run = [](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), HOLDFAST_BINARY);
    return run_command({.arguments = std::move(arguments)});
  };
  const CommandResult version = run({"version"});
  CHECK(version.exit_code == 0);
  CHECK(version.out.contains("0.1.0"));
  CHECK(run({"--help"}).exit_code == 0);
  CHECK(run({"serve", "--help"}).exit_code == 0);
  CHECK(run({"outbox", "list", "--help"}).exit_code == 0);
  CHECK(run({}).exit_code == 2);
  CHECK(run({"no-such-command"}).exit_code == 2);
  CHECK(run({"serve", "--no-such-option"}).exit_code == 2);
}

TEST_CASE("e2e: a configuration error exits with 2 and names file, line and the way out",
          "[e2e][cli]") {
  const ScratchFolder folder;
  const std::string path = folder.file("holdfast.toml");
  const auto refused = [&](const std::string& toml, const std::string& line,
                           const std::string& word) {
    write_file(path, toml);
    for (const std::string command : {"validate", "serve"}) {
      const CommandResult result = run_with(path, {command});
      INFO(command << ": " << result.out << result.err);
      CHECK(result.exit_code == 2);
      CHECK((result.out + result.err).contains(path + ":" + line));
      CHECK((result.out + result.err).contains(word));
    }
  };
  refused("[ingress]\nlistne = \"127.0.0.1:0\"\n", "2", "listen");
  refused("[outbox]\n\nmax_size = \"many\"\n", "3", "max_size");
  refused("[outbox\n", "1", "");
  refused("[[source]]\nname = \"a\"\nprovider = \"bearer\"\nsecrets = [\"${HOLDFAST_NOT_SET}\"]\n",
          "4", "HOLDFAST_NOT_SET");

  write_file(path, "[[source]]\nname = \"a\"\nprovider = \"none\"\n");
  CHECK(run_with(path, {"validate"}).exit_code == 0);
  CHECK(run_with(folder.file("missing.toml"), {"validate"}).exit_code == 2);
}

TEST_CASE("e2e: port 0 listens where the printed lines say", "[e2e][cli]") {
  DaemonConfig config = e2e::config_for("");
  config.system_ports = true;
  Daemon daemon(config);
  daemon.start();
  CHECK(daemon.port() != daemon.admin_port());
  CHECK(e2e::post_one(daemon, e2e::mixed_write(1)).last_status == 202);
  CHECK(daemon.pending() == 1);
}

TEST_CASE("e2e: files are made for their owner alone", "[e2e][cli]") {
  Daemon daemon(e2e::config_for(""));
  daemon.start();
  CHECK(e2e::post_one(daemon, e2e::mixed_write(1)).last_status == 202);
  struct stat file{};
  for (const std::string suffix : {"", "-wal"}) {
    INFO(daemon.outbox_path() + suffix);
    REQUIRE(::stat((daemon.outbox_path() + suffix).c_str(), &file) == 0);
    CHECK((file.st_mode & 0777) == 0600);
  }
}

TEST_CASE("e2e: the built-in defaults serve /ingest/default on 8080 and 9090", "[e2e][cli]") {
  if (accepts_connections(8080) || accepts_connections(9090))
    SKIP("8080 or 9090 is in use on this machine");
  const ScratchFolder folder;
  Process process({.arguments = {HOLDFAST_BINARY, "serve"},
                   .folder = folder.path(),
                   .out_path = folder.file("out"),
                   .err_path = folder.file("err")});
  REQUIRE(eventually([&] { return accepts_connections(8080) && accepts_connections(9090); }, 10s));
  CHECK(post(8080, "/ingest/default", {}, "hello").status == 202);
  const json health = json::parse(get(9090, "/api/health").body);
  CHECK(health.at("destination").at("state") == "unconfigured");
  CHECK(health.at("outbox").at("pending") == 1);
  CHECK_FALSE(read_file(folder.file("holdfast.db")).empty());
  process.send_signal(SIGTERM);
  CHECK(process.wait(10s) == 0);
}
