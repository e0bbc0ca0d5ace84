#include <catch2/catch_test_macros.hpp>

#include "fake_daemon.hpp"
#include "support/process.hpp"
#include "support/scratch_folder.hpp"

using namespace holdfast;
using namespace holdfast::cli::test;

TEST_CASE("cli: healthcheck --json prints what the daemon answers", "[cli][process]") {
  const support::ScratchFolder folder;
  FakeDaemon daemon;
  support::write_file(folder.file("holdfast.toml"),
                      daemon.configuration() + "[[source]]\nname = \"a\"\nprovider = \"none\"\n");
  const auto run = [&](const FakeDaemon::Answer& answer) {
    daemon.answer(answer);
    return support::run_command(
        {.arguments = {HOLDFAST_BINARY, "healthcheck", "--json"}, .folder = folder.path()});
  };
  const auto good = run({.body = R"({"status":"ok"})"});
  CHECK(good.exit_code == 0);
  CHECK(good.out == "{\"status\":\"ok\"}\n");
  CHECK(good.err.empty());
  const auto full = run({503, R"({"status":"failing","reason":"cannot_store"})"});
  CHECK(full.exit_code == 1);
  CHECK(full.out == "{\"status\":\"failing\",\"reason\":\"cannot_store\"}\n");
  CHECK(full.err.contains("not ready: "));
  const auto other = run({.body = "<html>"});
  CHECK(other.exit_code == 1);
  CHECK(other.out.empty());
  CHECK(other.err.contains("answered no JSON"));
}
