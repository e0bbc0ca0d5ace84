#include <catch2/catch_test_macros.hpp>
#include <format>

#include "fake_daemon.hpp"
#include "outbox_rig.hpp"
#include "support/tcp_gate.hpp"

using namespace holdfast;
using namespace holdfast::cli::test;

namespace {

constexpr const char* id = "0190a0b0-0000-7000-8000-000000000007";

/// Commands against a daemon that says what the test lays down.
struct Rig {
  FakeDaemon daemon;
  support::ScratchFolder folder;
  Rig() {
    support::write_file(folder.file("holdfast.toml"),
                        daemon.configuration("secret-token") +
                            "[[source]]\nname = \"plain\"\nprovider = \"none\"\n");
  }
  [[nodiscard]] support::CommandResult run(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {HOLDFAST_BINARY, "outbox"});
    return support::run_command({.arguments = std::move(arguments), .folder = folder.path()});
  }
  /// On a terminal, with `typed` as what the operator types.
  [[nodiscard]] support::CommandResult run_on_terminal(const std::string& command,
                                                       const std::string& typed) const {
    return support::run_command(
        {.arguments = {"sh", "-c",
                       std::format("printf '{}' | script -qec '{} outbox {}' /dev/null", typed,
                                   HOLDFAST_BINARY, command)},
         .folder = folder.path()});
  }
};

}  // namespace

TEST_CASE("cli: an entry is changed by its id through the daemon", "[cli][process][change]") {
  Rig rig;
  struct Case {
    std::string verb;
    std::string answer;
    std::string out;
  };
  const std::string new_id = "0190a0b0-0000-7000-8000-000000000099";
  const std::vector<Case> cases{
      {"retry", R"({"changed":true})", " is pending again\n"},
      {"retry", R"({"changed":false})", " is pending already; nothing was changed\n"},
      {"discard", R"({"changed":true})", " is discarded\n"},
      {"discard", R"({"changed":false})", " is discarded already; nothing was changed\n"},
      {"replay", R"({"changed":true,"id":")" + new_id + "\"}", " is replayed as " + new_id + "\n"},
      {"erase", R"({"changed":true})", " is erased; its receipt is left\n"},
      {"erase", R"({"changed":false})", " has no payload any more; nothing was changed\n"}};
  for (const auto& [verb, answer, out] : cases) {
    rig.daemon.answer({.body = answer});
    const auto result = rig.run({verb, id});
    CAPTURE(verb, answer, result.err);
    CHECK(result.exit_code == 0);
    CHECK(result.out == id + out);
    const auto request = rig.daemon.requests().back();
    CHECK(request.line == std::format("POST /api/v1/entries/{}/{}", id, verb));
    CHECK(request.content_type == "application/json");
    CHECK(request.authorization == "Bearer secret-token");
  }
}

TEST_CASE("cli: an empty filter is refused, and never taken for none", "[cli][process][change]") {
  Rig rig;
  for (const auto* option : {"--source", "--key", "--sqlstate", "--since", "--until", "--state"}) {
    const auto changed = rig.run({"replay", option, "", "--since", "1h", "--yes"});
    const auto listed = rig.run({"list", option, ""});
    CAPTURE(option, changed.err, listed.err);
    CHECK(changed.exit_code == 2);
    CHECK(listed.exit_code == 2);
    CHECK(listed.err.contains(std::format("{}: ", option)));
  }
  const auto discarded = rig.run({"discard", "--source", "", "--state", "dead", "--yes"});
  CHECK(discarded.exit_code == 2);
  CHECK(discarded.err.contains("--source: its value is empty; write one, or leave it out"));
  CHECK(rig.run({"retry", id, "--token", ""}).exit_code == 2);
  CHECK(rig.run({"list", "--outbox", ""}).exit_code == 2);
  CHECK(rig.run({"list", "--config", ""}).exit_code == 2);
  CHECK(rig.run({"export", "--output", ""}).exit_code == 2);
  CHECK(rig.daemon.requests().empty());
}

TEST_CASE("cli: the token that is asked with can be chosen by its name", "[cli][process][change]") {
  Rig rig;
  support::write_file(
      rig.folder.file("holdfast.toml"),
      rig.daemon.configuration() +
          "[[admin.token]]\nname = \"ann\"\nsecret = \"secret-of-ann\"\n[[admin.token]]\nname = "
          "\"bob\"\nsecret = \"secret-of-bob\"\n[[source]]\nname = \"plain\"\nprovider = "
          "\"none\"\n");
  const auto asked_with = [&](std::vector<std::string> options) {
    options.insert(options.begin(), {"retry", id});
    CHECK(rig.run(options).exit_code == 0);
    return rig.daemon.requests().back().authorization;
  };
  CHECK(asked_with({}) == "Bearer secret-of-ann");
  CHECK(asked_with({"--token", "bob"}) == "Bearer secret-of-bob");
  const auto unknown = rig.run({"retry", id, "--token", "eve"});
  CHECK(unknown.exit_code == 2);
  CHECK(unknown.err.contains("--token: holdfast.toml has no admin.token of the name eve"));
}

TEST_CASE("cli: each of several ids is changed, and one that is not fails the command",
          "[cli][process][change]") {
  Rig rig;
  rig.daemon.refuse(404, "there is no such entry");
  rig.daemon.answer({.body = R"({"changed":true})"});
  const std::string upper = "0190A0B0-0000-7000-8000-000000000008";
  const auto result = rig.run({"retry", id, upper});
  CHECK(result.exit_code == 1);
  CHECK(result.err ==
        std::format("holdfast: retrying {}: there is no such entry (status 404)\n", id));
  CHECK(result.out == "0190a0b0-0000-7000-8000-000000000008 is pending again\n");
}

TEST_CASE("cli: what the daemon refuses is told in its own words", "[cli][process][change]") {
  Rig rig;
  const auto error_of = [&](const FakeDaemon::Answer& answer) {
    rig.daemon.answer(answer);
    const auto result = rig.run({"retry", id});
    CHECK(result.exit_code == 1);
    CHECK(result.out.empty());
    return result.err;
  };
  CHECK(error_of({409, R"({"detail":"it is delivered; only a dead one can be retried"})"})
            .contains("it is delivered; only a dead one can be retried (status 409)"));
  CHECK(error_of({401, R"({"detail":"no"})"}).contains("check admin.token"));
  CHECK(error_of({404, "not json"}).contains("check that admin.listen is the admin address"));
  CHECK(error_of({500, ""}).contains("status 500 and cannot be read"));
  CHECK(error_of({200, "[]"}).contains("status 200 and cannot be read"));
  CHECK_FALSE(error_of({409, R"({"detail":"\u001b[2J"})"}).contains('\x1b'));
}

TEST_CASE("cli: a daemon that is not there is said so, and nothing is changed",
          "[cli][process][change]") {
  const OutboxRig rig;
  rig.configure(std::format("[admin]\nlisten = \"127.0.0.1:{}\"\n", support::unused_port()));
  for (const auto& arguments : std::vector<std::vector<std::string>>{
           {"retry", rig.ids()[1]}, {"discard", "--state", "dead", "--yes"}}) {
    const auto result = rig.run(arguments);
    CHECK(result.exit_code == 1);
    CHECK(result.err.contains("nothing accepts connections there"));
  }
  CHECK(rig.run_json({"show", rig.ids()[1]})["state"] == "dead");
}

TEST_CASE("cli: a dry run by filter counts and changes nothing", "[cli][process][change]") {
  Rig rig;
  rig.daemon.answer({.body = R"({"matched":20,"changed":0})"});
  const auto result = rig.run({"discard", "--state", "pending", "--source", "a b&c", "--key",
                               "k=1+", "--sqlstate", "23514", "--since", "2026-11-23T22:00:00Z",
                               "--until", "2026-11-24T00:00:00+02:00", "--dry-run"});
  CAPTURE(result.err);
  CHECK(result.exit_code == 0);
  CHECK(result.out ==
        "20 pending entries of source a b&c with key k=1+ with SQLSTATE 23514 received since "
        "2026-11-23T22:00:00Z received before 2026-11-24T00:00:00+02:00 would be discarded\n");
  REQUIRE(rig.daemon.requests().size() == 1);
  const auto request = rig.daemon.requests()[0];
  CHECK(request.line.starts_with("POST /api/v1/entries/discard?"));
  CHECK(request.parameters ==
        std::multimap<std::string, std::string>{{"state", "pending"},
                                                {"source", "a b&c"},
                                                {"key", "k=1+"},
                                                {"sqlstate", "23514"},
                                                {"since", "2026-11-23T22:00:00.000Z"},
                                                {"until", "2026-11-23T22:00:00.000Z"},
                                                {"dry_run", "true"}});
}

TEST_CASE("cli: without a state the count is that of the entries that would change",
          "[cli][process][change]") {
  Rig rig;
  rig.daemon.answer({.body = R"({"matched":2,"changed":0})"});
  rig.daemon.answer({.body = R"({"matched":3,"changed":0})"});
  const auto result = rig.run({"discard", "--source", "plain", "--dry-run"});
  CHECK(result.exit_code == 0);
  CHECK(result.out == "5 pending or dead entries of source plain would be discarded\n");
  const auto requests = rig.daemon.requests();
  REQUIRE(requests.size() == 2);
  CHECK(requests[0].line == "POST /api/v1/entries/discard?state=pending&source=plain&dry_run=true");
  CHECK(requests[1].line == "POST /api/v1/entries/discard?state=dead&source=plain&dry_run=true");
}

TEST_CASE("cli: with --yes nobody is asked", "[cli][process][change]") {
  Rig rig;
  rig.daemon.answer({.body = R"({"matched":3,"changed":2})"});
  const auto result = rig.run({"retry", "--source", "plain", "--yes"});
  CHECK(result.exit_code == 0);
  CHECK(result.out ==
        "2 dead entries of source plain retried\n"
        "1 more matched, but was not for this in its state\n");
  REQUIRE(rig.daemon.requests().size() == 1);
  CHECK(rig.daemon.requests()[0].line ==
        "POST /api/v1/entries/retry?state=dead&source=plain&dry_run=false");
}

TEST_CASE("cli: on a terminal the count is asked for before anything is changed",
          "[cli][process][change]") {
  Rig rig;
  const auto lay_down = [&] {
    rig.daemon.answer({.body = R"({"matched":20,"changed":0})"});
    rig.daemon.answer({.body = R"({"matched":20,"changed":20})"});
  };
  lay_down();
  const auto yes = rig.run_on_terminal("retry --source x", "y\\n");
  CAPTURE(yes.out, yes.err);
  CHECK(yes.exit_code == 0);
  CHECK(yes.out.contains("Retry 20 dead entries of source x? [y/N] "));
  CHECK(yes.out.contains("20 dead entries of source x retried"));
  REQUIRE(rig.daemon.requests().size() == 2);
  CHECK(rig.daemon.requests()[0].line.ends_with("dry_run=true"));
  CHECK(rig.daemon.requests()[1].line.ends_with("dry_run=false"));
  for (const std::string typed : {"n\\n", "\\n", "yess\\n"}) {
    FakeDaemon fresh;
    support::write_file(
        rig.folder.file("holdfast.toml"),
        fresh.configuration() + "[[source]]\nname = \"plain\"\nprovider = \"none\"\n");
    fresh.answer({.body = R"({"matched":20,"changed":0})"});
    const auto no = rig.run_on_terminal("retry --source x", typed);
    CHECK(no.exit_code == 1);
    CHECK(no.out.contains("nothing was changed"));
    CHECK(fresh.requests().size() == 1);
  }
}

TEST_CASE("cli: on a terminal erasing is asked about", "[cli][process][change]") {
  Rig rig;
  const auto no = rig.run_on_terminal(std::string("erase ") + id, "n\\n");
  CHECK(no.out.contains(std::format("Erase body and headers of {} for good? [y/N] ", id)));
  CHECK(no.exit_code == 1);
  CHECK(rig.daemon.requests().empty());
}

TEST_CASE("cli: a filter that nothing matches asks nothing", "[cli][process][change]") {
  Rig rig;
  rig.daemon.answer({.body = R"({"matched":0,"changed":0})"});
  const auto result = rig.run_on_terminal("retry --source x", "");
  CHECK(result.exit_code == 0);
  CHECK(result.out.contains("0 dead entries of source x would be retried"));
  CHECK(rig.daemon.requests().size() == 1);
}

TEST_CASE("cli: a change that is not meant clearly is refused before anybody is asked",
          "[cli][process][change]") {
  Rig rig;
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases{
      {{"retry"}, "nothing is chosen"},
      {{"erase"}, "nothing is chosen"},
      {{"erase", "--state", "dead"}, "--state"},
      {{"erase", id, "--dry-run"}, "--dry-run"},
      {{"retry", "not-an-id"}, "not-an-id: this is no id"},
      {{"discard", "--state", "delivered", "--yes"},
       "--state: discard is for pending and dead entries, and would change none that is delivered"},
      {{"retry", "--state", "pending", "--dry-run"}, "--state: retry is for dead entries, and"},
      {{"retry", id, "--source", "a"}, "an ID excludes filters"},
      {{"retry", id, "--dry-run"}, "an ID excludes filters"},
      {{"discard", "--state", "dead"}, "add --yes, and look first with --dry-run"},
      {{"retry", "--since", "soon", "--yes"}, "--since: \"soon\" is no time"},
      {{"replay", id, "--outbox", "x.db"}, "--outbox: replay goes through the running daemon"},
      {{"import", "x", "--outbox", "x.db"}, "--outbox: import goes through the running daemon"}};
  for (const auto& [arguments, reason] : cases) {
    const auto result = rig.run(arguments);
    CAPTURE(arguments, result.err);
    CHECK(result.exit_code == 2);
    CHECK(result.out.empty());
    CHECK(result.err.contains(reason));
  }
  CHECK(rig.daemon.requests().empty());
}
