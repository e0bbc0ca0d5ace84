#include <catch2/catch_test_macros.hpp>
#include <format>

#include "fake_daemon.hpp"
#include "outbox_rig.hpp"
#include "support/postgres_cluster.hpp"

using namespace holdfast;
using namespace holdfast::cli::test;

TEST_CASE("cli: sending again what is missing shows its progress on a terminal alone",
          "[cli][process][reconcile][postgres]") {
  support::PostgresCluster postgres;
  FakeDaemon daemon;
  const OutboxRig rig;
  rig.configure(daemon.configuration() +
                std::format("[destination]\nurl = \"{}\"\n", postgres.url()));
  const auto run = [&](std::vector<std::string> arguments) {
    return support::run_command({.arguments = std::move(arguments), .folder = rig.folder().path()});
  };
  REQUIRE(run({HOLDFAST_BINARY, "migrate", "apply"}).exit_code == 0);
  const std::string copy = "0190a0b0-0000-7000-8000-000000000099";
  const std::string answer = std::format(R"({{"changed":true,"id":"{}"}})", copy);
  const std::string command =
      std::string(HOLDFAST_BINARY) +
      " reconcile --since 2020-01-01T00:00:00Z --until 2100-01-01T00:00:00Z --resend";
  daemon.answer({.body = answer});
  const auto shown = run({"script", "-qec", command, "/dev/null"});
  CAPTURE(shown.out);
  CHECK(shown.exit_code == 1);
  CHECK(shown.out.contains("\rsending again: 1 entries\x1b[K\r\x1b[K"));
  CHECK(shown.out.contains("sent again as " + copy));
  REQUIRE(daemon.requests().size() == 1);
  CHECK(daemon.requests()[0].line == std::format("POST /api/v1/entries/{}/replay", rig.ids()[0]));
  daemon.answer({.body = answer});
  CHECK(run({"sh", "-c", command}).err.empty());
}
