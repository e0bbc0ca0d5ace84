#include <catch2/catch_test_macros.hpp>
#include <format>

#include "golden.hpp"
#include "outbox_rig.hpp"
#include "support/tcp_gate.hpp"

using namespace holdfast;
using namespace holdfast::cli::test;

namespace {

/// What each command prints, as one would see it: to be read as a whole.
std::string transcript_of(const OutboxRig& rig, const std::vector<std::string>& commands) {
  std::string text;
  for (const auto& command : commands) {
    const auto result = support::run_command(
        {.arguments = {"sh", "-c", std::format("{} {}", HOLDFAST_BINARY, command)},
         .folder = rig.folder().path()});
    text += std::format("$ holdfast {}\n{}{}", command, result.out, result.err);
    if (result.exit_code != 0) text += std::format("(exit {})\n", result.exit_code);
    text += '\n';
  }
  return without_chance(text, rig.folder().path());
}

void configure(const OutboxRig& rig) {
  rig.configure(std::format("[admin]\nlisten = \"127.0.0.1:{}\"\n", support::unused_port()));
}

}  // namespace

TEST_CASE("cli: what the outbox commands print is what was agreed", "[cli][process][transcript]") {
  const OutboxRig rig;
  configure(rig);
  const auto& id = rig.ids()[1];
  check_golden("outbox",
               transcript_of(
                   rig, {"outbox list --order oldest", "outbox list --state dead --json",
                         "outbox list --source never", "outbox list --limit 4", "outbox show " + id,
                         "outbox show " + id + " --json", "outbox show " + rig.ids()[0] + " --body",
                         "outbox export --state dead"}));
}

TEST_CASE("cli: errors and their exit codes are what was agreed", "[cli][process][transcript]") {
  const OutboxRig rig;
  configure(rig);
  const std::string unknown = "0190a0b0-0000-7000-8000-000000000007";
  check_golden("errors", transcript_of(rig, {"",
                                             "srve",
                                             "outbox",
                                             "outbox list --state lost",
                                             "outbox list --since soon",
                                             "outbox list --cursor zz",
                                             "outbox list --outbox none.db",
                                             "outbox show",
                                             "outbox show 7",
                                             "outbox show " + unknown,
                                             "outbox retry",
                                             "outbox retry 7",
                                             "outbox retry " + unknown + " --source a",
                                             "outbox retry --state dead < /dev/null",
                                             "outbox retry --state dead --yes",
                                             "outbox retry " + unknown,
                                             "outbox erase",
                                             "outbox erase --source a",
                                             "outbox discard --state dead --outbox x.db",
                                             "outbox export -o /dev/null",
                                             "outbox export -o none/x",
                                             "outbox import",
                                             "outbox import none",
                                             "reconcile",
                                             "reconcile --since 24h",
                                             "reconcile --since 1h --until 2h",
                                             "status",
                                             "healthcheck",
                                             "migrate plan",
                                             "validate --database",
                                             "config --config none.toml",
                                             "completion fish"}));
}
