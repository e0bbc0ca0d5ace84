// What can be done from the page, each after a question that names the count; by keyboard, too.

#include <catch2/catch_test_macros.hpp>
#include <format>

#include "fixture.hpp"

using namespace holdfast;
using namespace std::chrono_literals;
using support::eventually;
namespace key = support::key;

namespace {

constexpr std::string_view rows = "#entries tbody tr";
constexpr std::string_view go = "#ask button.main:enabled";

/// Three dead entries and a delivered one; the table is then mended.
void make_dead(page::Rig& rig) {
  rig.refuse_poison();
  for (int n = 0; n < 3; ++n) (void)rig.post(std::format(R"({{"poison":{}}})", n));
  REQUIRE(rig.daemon->drains(20s));
  REQUIRE(rig.daemon->health().at("outbox").at("dead") == 3);
  (void)rig.query("ALTER TABLE holdfast.inbox DROP CONSTRAINT no_poison");
}

std::string stored(const page::Rig& rig) {
  return rig.query(
      "SELECT count(*) FROM holdfast.inbox WHERE position('poison'::bytea IN body) > 0");
}

}  // namespace

TEST_CASE("page: a dead entry is retried by a click, after a question that names the count",
          "[page][changes]") {
  page::Rig rig;
  make_dead(rig);
  rig.open("#state=dead");
  REQUIRE(rig.comes_to(rows, 3));
  rig.browser.click("#entries tbody a");
  REQUIRE(rig.says("#entry .verdict", "23514"));
  CHECK(rig.says("#entry", "no_poison"));
  CHECK(rig.browser.count("#entry table.small tbody tr") >= 2);
  rig.browser.take_picture("real-entry");

  rig.browser.click("#entry-actions [data-action=retry]");
  REQUIRE(rig.says("#ask-title", "Retry 1 entry?"));
  CHECK(rig.browser.text("#ask .filter").contains("dead"));
  rig.browser.take_picture("real-dialog");
  // Cancel changes nothing.
  rig.browser.click("#ask .actions button");
  CHECK(rig.daemon->health().at("outbox").at("dead") == 3);
  rig.browser.click("#entry-actions [data-action=retry]");
  REQUIRE(rig.comes_to(go, 1));
  rig.browser.click(go);
  CHECK(rig.says("#toasts", "Retried 1 entry."));
  CHECK(eventually([&] { return stored(rig) == "1"; }, page::soon));
  rig.browser.click("#close-entry");
  CHECK(rig.comes_to(rows, 2));
}

TEST_CASE("page: all that match are retried, and the question names their count and the filter",
          "[page][changes]") {
  page::Rig rig;
  make_dead(rig);
  rig.open();
  REQUIRE(rig.comes_to(rows, 4));
  // Without a filter nothing can be done to all.
  CHECK(rig.browser.count("#bulk button:enabled") == 0);
  rig.open("#state=dead&sqlstate=23514");
  REQUIRE(rig.comes_to(rows, 3));
  rig.browser.click("#bulk [data-action=retry]");
  REQUIRE(rig.says("#ask-title", "Retry 3 entries?"));
  CHECK(rig.browser.text("#ask .filter").contains("23514"));
  CHECK(rig.browser.text(go) == "Retry 3 entries");
  CHECK(rig.daemon->health().at("outbox").at("dead") == 3);
  rig.browser.click(go);
  CHECK(rig.says("#toasts", "Retried 3 entries."));
  CHECK(rig.comes_to(rows, 0));
  CHECK(rig.says("#empty", "No entry matches"));
  CHECK(eventually([&] { return stored(rig) == "3"; }, page::soon));
}

TEST_CASE("page: the question counts what would change, and not all that matches",
          "[page][changes]") {
  page::Rig rig;
  make_dead(rig);
  rig.open("#source=plain");
  REQUIRE(rig.comes_to(rows, 4));
  rig.browser.click("#bulk [data-action=discard]");
  // The fourth is delivered.
  REQUIRE(rig.says("#ask-title", "Discard 3 entries?"));
  rig.browser.click(go);
  CHECK(rig.says("#toasts", "Discarded 3 entries."));
  rig.open("#state=delivered");
  REQUIRE(rig.comes_to(rows, 1));
  rig.browser.click("#bulk [data-action=discard]");
  CHECK(rig.says("#ask-title", "None of these entries can be changed so"));
  CHECK(rig.browser.count(go) == 0);
}

TEST_CASE("page: discard, replay and erase do what they say", "[page][changes]") {
  page::Rig rig;
  make_dead(rig);
  rig.open("#state=dead&order=oldest");
  REQUIRE(rig.comes_to(rows, 3));
  const auto change = [&](const std::string& action) {
    rig.browser.click("#entry-actions [data-action=" + action + "]");
    REQUIRE(rig.comes_to(go, 1));
    rig.browser.click(go);
    REQUIRE(eventually([&] { return !rig.browser.shows("#ask"); }, page::soon));
  };
  rig.browser.click("#entries tbody a");
  REQUIRE(rig.says("#entry .mark", "dead"));
  change("replay");
  // The drawer goes on with the new entry, which is delivered.
  CHECK(rig.says("#entry", "Replay of"));
  CHECK(eventually([&] { return stored(rig) == "1"; }, page::soon));
  rig.browser.click("#close-entry");

  rig.browser.click("#entries tbody tr:nth-child(2) a");
  REQUIRE(rig.says("#entry .mark", "dead"));
  change("discard");
  CHECK(rig.says("#entry .mark", "discarded"));
  change("erase");
  CHECK(rig.says("#entry", "no longer kept"));
  CHECK(rig.browser.count("#headers") == 0);
}

TEST_CASE("page: a source and the delivery are paused and resumed", "[page][changes]") {
  page::Rig rig;
  (void)rig.post(R"({"n":0})");
  REQUIRE(rig.daemon->drains(20s));
  rig.open();
  REQUIRE(rig.says("#running-title", "source"));
  rig.browser.click("#running summary");
  rig.browser.click("#running-list [aria-label='Pause plain']");
  REQUIRE(rig.comes_to(go, 1));
  rig.browser.click(go);
  REQUIRE(rig.says("#paused-list", "paused by an operator"));
  CHECK(rig.says("#sentence", "1 source is paused."));
  (void)rig.post(R"({"n":1})");
  rig.browser.click("#paused-list button");
  CHECK(eventually([&] { return !rig.browser.shows("#paused"); }, page::soon));
  CHECK(rig.daemon->drains(20s));

  rig.browser.click("#relay-toggle");
  REQUIRE(rig.comes_to(go, 1));
  rig.browser.click(go);
  REQUIRE(rig.says("#sentence", "paused by an operator"));
  rig.browser.click("#relay-toggle");
  CHECK(rig.says("#sentence", "delivered"));
  rig.browser.click("#probe");
  CHECK(rig.says("#toasts", "Postgres answers"));
}

TEST_CASE("page: what is under way is told of, also to somebody who has left the question",
          "[page][changes]") {
  page::Rig rig({.destination = false});
  (void)rig.post(R"({"n":1})");
  rig.open("#state=pending");
  REQUIRE(rig.comes_to(rows, 1));
  // Changes wait until the test lets them go, and then fail.
  rig.browser.run(
      "const fetch_now = window.fetch; window.go_on = [];"
      "window.fetch = (url, given) => given.method === 'GET' || "
      "String(url).includes('dry_run=true')"
      "  ? fetch_now(url, given)"
      "  : new Promise((_, fail) => window.go_on.push(() => fail(new TypeError('away'))))");
  rig.browser.click("#bulk [data-action=discard]");
  REQUIRE(rig.comes_to(go, 1));
  rig.browser.click(go);
  REQUIRE(
      eventually([&] { return rig.browser.run("return window.go_on.length") == 1; }, page::soon));
  rig.browser.press(key::escape);
  rig.browser.click("#bulk [data-action=replay]");
  REQUIRE(rig.says("#ask-title", "Replay 1 entry?"));
  rig.browser.run("window.go_on[0]()");
  CHECK(rig.says("#toasts", "The daemon does not answer."));
  CHECK(rig.browser.text("#ask-title") == "Replay 1 entry?");
  CHECK(rig.browser.shows("#ask"));
}

TEST_CASE("page: everything can be done by keyboard", "[page][keyboard]") {
  page::Rig rig;
  make_dead(rig);
  rig.open("#state=dead");
  REQUIRE(rig.comes_to(rows, 3));
  const auto focused = [&](const char* what) {
    return rig.browser.run("return document.activeElement.matches(arguments[0])", {what}) == true;
  };
  // Tab reaches the first row within the controls before it.
  for (int presses = 0; presses < 40 && !focused("#entries tbody a"); ++presses)
    rig.browser.press(key::tab);
  REQUIRE(focused("#entries tbody tr:nth-child(1) a"));
  CHECK(rig.browser.run("return getComputedStyle(document.activeElement).outlineStyle") == "solid");
  rig.browser.press(key::down);
  REQUIRE(focused("#entries tbody tr:nth-child(2) a"));
  rig.browser.press(key::enter);
  REQUIRE(rig.comes_to("#entry-actions [data-action=retry]", 1));
  for (int presses = 0; presses < 10 && !focused("[data-action=retry]"); ++presses)
    rig.browser.press(key::tab);
  REQUIRE(focused("#entry-actions [data-action=retry]"));
  rig.browser.press(key::enter);
  REQUIRE(rig.says("#ask-title", "Retry 1 entry?"));
  // Escape leaves the question, not the entry.
  rig.browser.press(key::escape);
  CHECK_FALSE(rig.browser.shows("#ask"));
  CHECK(rig.browser.shows("#entry"));
  rig.browser.press(key::enter);
  REQUIRE(rig.comes_to(go, 1));
  CHECK(focused("#ask .actions button"));
  rig.browser.press(key::tab);
  REQUIRE(focused("#ask button.main"));
  rig.browser.press(key::enter);
  CHECK(rig.says("#toasts", "Retried 1 entry."));
  rig.browser.press(key::escape);
  CHECK(eventually([&] { return !rig.browser.shows("#entry"); }, page::soon));
  CHECK(rig.comes_to(rows, 2));
}
