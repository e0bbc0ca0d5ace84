// The operator's story: from the page that shows an outage to "0 missing".

#include <catch2/catch_test_macros.hpp>
#include <format>
#include <nlohmann/json.hpp>

#include "fixture.hpp"

using namespace holdfast;
using namespace std::chrono_literals;
using support::eventually;

namespace {

constexpr std::string_view rows = "#entries tbody tr";
constexpr std::string_view go = "#ask button.main:enabled";

/// Runs a command of the binary and gives its exit code with what it printed.
support::CommandResult run(const page::Rig& rig, std::vector<std::string> arguments) {
  auto result = rig.daemon->run(std::move(arguments));
  UNSCOPED_INFO(result.out << result.err);
  return result;
}

std::string stored(const page::Rig& rig) {
  return rig.query("SELECT count(*) FROM holdfast.inbox");
}

}  // namespace

TEST_CASE("page: the operator's story, from an outage to 0 missing", "[page][story]") {
  // With a wait of at most 1 s "Next try in" stands there for a quarter of the time only.
  page::Rig rig({.destination_lines = "connect_timeout = \"5s\"\nbackoff_max = \"5s\"\n"});
  rig.open();
  // Three poisoned writes among twenty come in while Postgres is away; all are accepted.
  rig.refuse_poison();
  const auto before = std::stoi(stored(rig));
  rig.lose_postgres();
  for (int n = 0; n < 20; ++n)
    (void)rig.post(std::format(R"({{"order":{},"note":"{}"}})", n, n % 8 == 3 ? "poison" : "fine"));
  REQUIRE(rig.says("#sentence", "Postgres has been away for"));
  CHECK(rig.says("#sentence", "Next try in"));
  CHECK(rig.says("#sentence", "Writes are accepted and kept."));
  CHECK(rig.says("#card-backlog", "20"));
  CHECK(run(rig, {"reconcile", "--since", "1h"}).exit_code == 1);

  // Postgres is back: what is good drains, what it refuses stands alone and is dead.
  rig.mend_postgres();
  REQUIRE(rig.daemon->drains(30s));
  REQUIRE(rig.says("#card-backlog", "3 dead"));
  CHECK(std::stoi(stored(rig)) == before + 17);

  // The poison is found by its SQLSTATE, in the page and by the command.
  rig.open("#sqlstate=23514");
  REQUIRE(rig.comes_to(rows, 3));
  const auto listed = run(rig, {"outbox", "list", "--sqlstate", "23514", "--json"});
  CHECK(nlohmann::json::parse(listed.out)["entries"].size() == 3);
  rig.browser.click("#entries tbody a");
  REQUIRE(rig.says("#entry .verdict", "23514"));
  CHECK(rig.says("#entry .verdict", "no_poison"));
  CHECK(rig.says("#entry", R"("note": "poison")"));
  rig.browser.click("#close-entry");

  // The table is mended, all three are retried at once, and arrive.
  (void)rig.query("ALTER TABLE holdfast.inbox DROP CONSTRAINT no_poison");
  rig.browser.click("#bulk [data-action=retry]");
  REQUIRE(rig.says("#ask-title", "Retry 3 entries?"));
  REQUIRE(rig.comes_to(go, 1));
  rig.browser.click(go);
  CHECK(rig.says("#toasts", "Retried 3 entries."));
  CHECK(eventually([&] { return std::stoi(stored(rig)) == before + 20; }, page::soon));
  REQUIRE(rig.says("#sentence", "everything is delivered"));

  const auto reconciled = run(rig, {"reconcile", "--since", "1h"});
  CHECK(reconciled.exit_code == 0);
  CHECK(reconciled.out.contains("0 missing"));
  const auto audit = rig.api("/api/v1/audit").at("events");
  REQUIRE(audit.size() == 1);
  CHECK(audit[0]["action"] == "retry");
  CHECK(audit[0]["detail"] == "3 entries");
}
