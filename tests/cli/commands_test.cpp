#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

#include "golden.hpp"
#include "support/postgres_cluster.hpp"
#include "support/process.hpp"
#include "support/scratch_folder.hpp"
#include "support/tcp_gate.hpp"

using namespace holdfast;
using support::CommandResult;
using support::ScratchFolder;

namespace {

/// Runs the real binary in `folder`.
CommandResult holdfast_in(const ScratchFolder& folder, std::vector<std::string> arguments,
                          std::vector<std::string> environment = {}) {
  arguments.insert(arguments.begin(), HOLDFAST_BINARY);
  return support::run_command({.arguments = std::move(arguments),
                               .environment = std::move(environment),
                               .folder = folder.path()});
}

CommandResult holdfast_alone(std::vector<std::string> arguments) {
  const ScratchFolder folder;
  return holdfast_in(folder, std::move(arguments));
}

constexpr const char* good_file = "[[source]]\nname = \"a\"\nprovider = \"none\"\n";

}  // namespace

TEST_CASE("cli: wrong usage exits with 2 and points at the help", "[cli][process]") {
  const std::vector<std::vector<std::string>> commands{
      {},
      {"serv"},
      {"--nope"},
      {"serve", "--nope"},
      {"serve", "extra"},
      {"outbox"},
      {"outbox", "lst"},
      {"outbox", "list", "--state", "lost"},
      {"outbox", "list", "--order", "random"},
      {"outbox", "list", "--limit", "0"},
      {"outbox", "list", "--limit", "1001"},
      {"outbox", "list", "--limit", "x"},
      {"outbox", "list", "--since", "soon"},
      {"outbox", "list", "--cursor", "zz"},
      {"outbox", "show"},
      {"outbox", "show", "not-an-id"},
      {"outbox", "show", "0190a0b0-0000-7000-8000-000000000007", "--json", "--body"},
      {"validate", "--show", "--json"},
      {"healthcheck", "--url", "ftp://x"},
      {"validate", "--config"},
      {"config", "extra"},
      {"completion"},
      {"completion", "fish"},
      {"reconcile"},
      {"reconcile", "--since", "soon"},
      {"reconcile", "--since", "1h", "--until", "2h"},
      {"outbox", "import"},
      {"outbox", "export", "--limit", "3"}};
  for (const auto& command : commands) {
    const auto result = holdfast_alone(command);
    CAPTURE(command, result.out, result.err);
    CHECK(result.exit_code == 2);
    CHECK(result.out.empty());
    CHECK(result.err.starts_with("holdfast: "));
    CHECK(result.err.contains("--help\" for what it takes"));
  }
}

TEST_CASE("cli: a destination URL that libpq cannot read is a configuration error, never quoted",
          "[cli][process]") {
  const ScratchFolder folder;
  const auto file = folder.file("url.toml");
  support::write_file(
      file, std::string("[destination]\nurl = \"postgresql://user:hunter2@[::1\"\n") + good_file);
  const std::vector<std::vector<std::string>> commands{
      {"validate"}, {"validate", "--json"}, {"serve"}};
  for (auto command : commands) {
    command.insert(command.end(), {"--config", file});
    const auto result = holdfast_in(folder, command);
    CAPTURE(command, result.out, result.err);
    CHECK(result.exit_code == 2);
    CHECK((result.out + result.err).contains("destination.url"));
    // The file's second line, as text or as JSON.
    const auto all = result.out + result.err;
    CHECK((all.contains("url.toml:2: ") || all.contains("\"line\": 2")));
    CHECK_FALSE((result.out + result.err).contains("hunter2"));
  }
}

TEST_CASE("cli: validate says what is good and what is wrong", "[cli][process]") {
  const ScratchFolder folder;
  const std::string file = folder.file("holdfast.toml");
  support::write_file(file, good_file);
  const auto good = holdfast_in(folder, {"validate"});
  CHECK(good.exit_code == 0);
  CHECK(good.out == "holdfast.toml: ok (1 source)\n");
  support::write_file(file, "[ingress]\nmax_bdy = \"1MiB\"\nlisten = 1\n" + std::string(good_file));
  const auto bad = holdfast_in(folder, {"validate", "--config", file});
  CHECK(bad.exit_code == 2);
  CHECK(bad.out.empty());
  CHECK(bad.err == "holdfast: " + file +
                       ":2: ingress.max_bdy: unknown key; did you mean \"max_body\"?\nholdfast: " +
                       file + ":3: ingress.listen: is an integer; write a string in quotes\n");
  const auto json = holdfast_in(folder, {"--config", file, "validate", "--json"});
  CHECK(json.exit_code == 2);
  const auto document = nlohmann::json::parse(json.out);
  CHECK(document["ok"] == false);
  CHECK(document["errors"].size() == 2);
  CHECK(document["errors"][0]["line"] == 2);
  CHECK(document["errors"][0]["key"] == "ingress.max_bdy");
}

TEST_CASE("cli: validate prints warnings and is content", "[cli][process]") {
  const ScratchFolder folder;
  support::write_file(
      folder.file("holdfast.toml"),
      "[destination]\nconnections = 2\ndrain = \"economy\"\neconomy_window = \"5m\"\n" +
          std::string(good_file));
  const auto result = holdfast_in(folder, {"validate"});
  CHECK(result.exit_code == 0);
  CHECK(result.out == "holdfast.toml: ok (1 source)\n");
  CHECK(result.err.starts_with(
      "holdfast: warning: holdfast.toml:2: destination.connections: 2 connections, but "));
  CHECK(
      result.err.contains("\nholdfast: warning: holdfast.toml:4: destination.economy_window: 5m "
                          "keeps a compute awake"));
  // The text of --show can be piped: the warnings stand beside it.
  const auto shown = holdfast_in(folder, {"validate", "--show"});
  CHECK(shown.err == result.err);
  CHECK(shown.out.contains("\neconomy_window = \"5m\"\n"));
  const auto json = holdfast_in(folder, {"validate", "--json"});
  CHECK(json.exit_code == 0);
  CHECK(json.err.empty());
  const auto document = nlohmann::json::parse(json.out);
  CHECK(document["ok"] == true);
  CHECK(document["errors"].empty());
  REQUIRE(document["warnings"].size() == 2);
  CHECK(document["warnings"][1]["line"] == 4);
  CHECK(document["warnings"][1]["key"] == "destination.economy_window");
  CHECK(document["warnings"][1]["message"].get<std::string>().contains("at least 11m"));
}

TEST_CASE("cli: validate --database needs a database that answers", "[cli][process]") {
  const ScratchFolder folder;
  const auto file = folder.file("holdfast.toml");
  support::write_file(file, good_file);
  const auto none = holdfast_in(folder, {"validate", "--database"});
  CHECK(none.exit_code == 2);
  CHECK(none.out.empty());
  CHECK(
      none.err.contains("destination.url: is empty, so that there is no database to ask; set it"));
  support::write_file(file,
                      std::format("[destination]\nurl = \"postgresql://canary@127.0.0.1:{}/d\"\n{}"
                                  "write = [{{ statement = \"SELECT 1\" }}]\n",
                                  support::unused_port(), good_file));
  const auto away = holdfast_in(folder, {"validate", "--database"});
  CHECK(away.exit_code == 1);
  CHECK(away.out.empty());
  CHECK_FALSE(away.err.empty());
  CHECK_FALSE(away.err.contains("canary"));
  const auto json = holdfast_in(folder, {"validate", "--database", "--json"});
  CHECK(json.exit_code == 1);
  const auto document = nlohmann::json::parse(json.out);
  CHECK(document["ok"] == false);
  CHECK(document["errors"].empty());
  CHECK_FALSE(document["failure"].get<std::string>().empty());
}

TEST_CASE("cli: validate --database names each statement that Postgres would refuse",
          "[cli][process][postgres]") {
  support::PostgresCluster postgres;
  postgres.query("CREATE TABLE good (id bigint PRIMARY KEY, kind text)");
  const ScratchFolder folder;
  const auto file = folder.file("holdfast.toml");
  const auto write = [&](std::string_view second) {
    support::write_file(file, std::format(R"toml([destination]
url = "{}"
[[source]]
name = "a"
provider = "none"
write = [
  {{ statement = "INSERT INTO good VALUES ($1, $2)", parameters = ["/id", "/kind"] }},
  {{ statement = "{}" }},
]
)toml",
                                          postgres.url(), second));
    return holdfast_in(folder, {"validate", "--database"});
  };
  const auto bad = write("UPDATE missing SET n = n + 1");
  CAPTURE(bad.out, bad.err);
  CHECK(bad.exit_code == 2);
  CHECK(bad.out.empty());
  CHECK(
      bad.err.contains("holdfast.toml:8: source[a].write[1].statement: Postgres refuses "
                       "statement 2 of source a: "));
  CHECK(bad.err.contains("(SQLSTATE 42P01)"));
  CHECK_FALSE(bad.err.contains("write[0]"));
  const auto good = write("UPDATE good SET kind = 'x'");
  CAPTURE(good.err);
  CHECK(good.exit_code == 0);
  CHECK(good.out == "holdfast.toml: ok (1 source)\n");
  CHECK(postgres.query("SELECT count(*) FROM good").at(0).at(0) == "0");
  CHECK(
      postgres.query("SELECT count(*) FROM pg_namespace WHERE nspname = 'holdfast'").at(0).at(0) ==
      "0");
}

TEST_CASE("cli: the file comes from the option, the variable, or the built-in defaults",
          "[cli][process]") {
  const ScratchFolder folder;
  support::write_file(folder.file("named.toml"), good_file);
  const auto named = holdfast_in(folder, {"validate"}, {"HOLDFAST_CONFIG=named.toml"});
  CHECK(named.out == "named.toml: ok (1 source)\n");
  CHECK(holdfast_in(folder, {"validate"}).out == "built-in defaults: ok (1 source)\n");
  const auto missing = holdfast_in(folder, {"validate", "--config", "missing.toml"});
  CHECK(missing.exit_code == 2);
  CHECK(missing.err.contains("missing.toml: cannot be read: No such file or directory"));
}

TEST_CASE("cli: validate --show prints what is in force without secrets", "[cli][process]") {
  const ScratchFolder folder;
  support::write_file(folder.file("holdfast.toml"),
                      "[destination]\nurl = \"${URL}\"\n[[source]]\nname = \"a\"\nprovider = "
                      "\"bearer\"\nsecrets = \"${TOKEN}\"\n");
  const auto result = holdfast_in(folder, {"validate", "--show"},
                                  {"URL=postgres://canary@canary/canary", "TOKEN=canary"});
  CHECK(result.exit_code == 0);
  CHECK(result.out.contains("url = \"***\""));
  CHECK(result.out.contains("max_body = \"4MiB\""));
  CHECK_FALSE(result.out.contains("canary"));
  const auto unset = holdfast_in(folder, {"validate", "--show"}, {"URL=x"});
  CHECK(unset.exit_code == 2);
  CHECK(unset.err.contains("variable TOKEN is not set"));
}

TEST_CASE("cli: config prints what is in force, in text and in JSON", "[cli][process]") {
  const ScratchFolder folder;
  support::write_file(folder.file("holdfast.toml"),
                      "[destination]\nurl = \"${URL}\"\nconnections = 2\n[ingress]\npublic_url = "
                      "\"https://canary@h.example\"\n[[source]]\nname = \"a\"\nprovider = "
                      "\"bearer\"\nsecrets = \"${TOKEN}\"\nwrite = [{ statement = \"SELECT "
                      "'$${x}'\" }]\n");
  const std::vector<std::string> environment{"URL=postgres://canary@canary/canary", "TOKEN=canary"};
  const auto text = holdfast_in(folder, {"config"}, environment);
  CHECK(text.exit_code == 0);
  cli::test::check_golden("config", text.out);
  CHECK(text.out.ends_with(holdfast_in(folder, {"validate", "--show"}, environment).out));
  const auto json = holdfast_in(folder, {"config", "--json"}, environment);
  CHECK(json.exit_code == 0);
  const auto document = nlohmann::json::parse(json.out);
  CHECK(document["file"] == "holdfast.toml");
  CHECK(document["ingress"]["max_body"] == "4MiB");
  CHECK(document["destination"]["url"] == "***");
  CHECK(document["destination"]["connections"] == 2);
  CHECK(document["destination"]["migrate"] == true);
  CHECK(document["source"][0]["secrets"] == nlohmann::json::array({"***"}));
  CHECK(document["source"][0]["write"][0]["statement"] == "SELECT '${x}'");
  CHECK_FALSE((text.out + json.out).contains("canary"));
  const auto wrong = holdfast_in(folder, {"config"}, {"URL=x"});
  CHECK(wrong.exit_code == 2);
  CHECK(wrong.out.empty());
}

TEST_CASE("cli: version says its own and those of its libraries", "[cli][process]") {
  CHECK(holdfast_alone({"version"}).out == "holdfast 0.1.0\n");
  CHECK(holdfast_alone({"--version"}).out == "holdfast 0.1.0\n");
  CHECK(holdfast_alone({"version", "--verbose"}).out.contains("  sqlite         3."));
  const auto document = nlohmann::json::parse(holdfast_alone({"version", "--json"}).out);
  CHECK(document["version"] == "0.1.0");
  CHECK(document["libraries"]["sqlite"].get<std::string>().starts_with("3."));
  CHECK(document["libraries"].contains("libpq"));
}

TEST_CASE("cli: status and healthcheck say what to check when nothing runs", "[cli][process]") {
  const ScratchFolder folder;
  const auto port = support::unused_port();
  support::write_file(folder.file("holdfast.toml"),
                      std::format("[admin]\nlisten = \"127.0.0.1:{}\"\n{}", port, good_file));
  for (const auto* command : {"status", "healthcheck"}) {
    const auto result = holdfast_in(folder, {command});
    CHECK(result.exit_code == 1);
    CHECK(result.out.empty());
    CHECK(result.err.contains(std::format("asking the daemon at http://127.0.0.1:{}: ", port)));
    CHECK(result.err.contains("check that \"holdfast serve\" runs"));
  }
  const auto url = std::format("http://127.0.0.1:{}", port);
  CHECK(holdfast_in(folder, {"healthcheck", "--url", url}).exit_code == 1);
}

TEST_CASE("cli: output that cannot be written is a failure", "[cli][process]") {
  const ScratchFolder folder;
  const auto result = support::run_command(
      {.arguments = {"sh", "-c", std::string(HOLDFAST_BINARY) + " version > /dev/full"},
       .folder = folder.path()});
  CHECK(result.exit_code == 1);
  CHECK(result.err.contains("writing the output"));
}

TEST_CASE("cli: a wrong configuration stops serve with all its errors", "[cli][process]") {
  const ScratchFolder folder;
  support::write_file(folder.file("holdfast.toml"), "[ingres]\n[loog]\n");
  const auto result = holdfast_in(folder, {"serve"});
  CHECK(result.exit_code == 2);
  CHECK(result.err.contains("holdfast.toml:1: \"ingres\": unknown section"));
  CHECK(result.err.contains("holdfast.toml:2: \"loog\": unknown section; did you mean \"log\"?"));
  CHECK(result.err.contains("holdfast.toml: source: there is none"));
}
