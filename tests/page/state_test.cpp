// The state in one sentence, the figures, and what the page does when nobody answers.

#include <catch2/catch_test_macros.hpp>
#include <format>

#include "fixture.hpp"

using namespace holdfast;
using namespace std::chrono_literals;
using support::eventually;

TEST_CASE("page: an outage is one sentence with the next try, and the drain is seen",
          "[page][outage]") {
  page::Rig rig({.destination_lines = "connect_timeout = \"5s\"\nbackoff_max = \"5s\"\n"});
  (void)rig.post(R"({"n":0})");
  REQUIRE(rig.daemon->drains(20s));
  rig.open();
  CHECK(rig.says("#sentence", "everything is delivered"));
  CHECK(rig.browser.text("#backlog") == "0");

  rig.lose_postgres();
  for (int n = 1; n <= 7; ++n) (void)rig.post(std::format(R"({{"n":{}}})", n));
  REQUIRE(rig.says("#sentence", "Postgres has been away for "));
  CHECK(eventually([&] { return rig.sentence().contains("Next try in "); }, page::soon));
  CHECK(rig.sentence().contains("Writes are accepted and kept."));
  CHECK(rig.browser.text("#state strong").contains(": "));
  CHECK(rig.says("#backlog", "7"));
  CHECK(rig.browser.run("return document.getElementById('state').dataset.tone") == "warn");
  rig.browser.take_picture("real-outage");

  rig.mend_postgres();
  CHECK(rig.says("#sentence", "everything is delivered"));
  CHECK(eventually([&] { return rig.browser.text("#backlog") == "0"; }, page::soon));
}

TEST_CASE("page: without a destination it says so, and that writes are kept", "[page]") {
  page::Rig rig({.destination = false});
  rig.open();
  CHECK(rig.says("#sentence", "No destination is configured"));
  CHECK(rig.sentence().contains("Writes are accepted and kept."));
  CHECK(rig.browser.run("return document.getElementById('probe').disabled") == true);
}

TEST_CASE("page: a daemon that is gone is told with the time, and its return is seen", "[page]") {
  page::Rig rig({.destination = false});
  rig.open();
  REQUIRE(rig.says("#sentence", "No destination"));
  rig.daemon->kill_hard();
  REQUIRE(rig.says("#sentence", "The daemon has not answered since "));
  CHECK(rig.browser.text("#link-text") == "no answer");
  rig.browser.take_picture("real-silent");
  rig.daemon->restart();
  CHECK(rig.says("#sentence", "No destination", 20s));
}

TEST_CASE("page: nothing comes from elsewhere, and its policy permits nothing else", "[page]") {
  page::Rig rig({.destination = false});
  const auto answer = support::get(rig.daemon->admin_port(), "/");
  CHECK(answer.header("Content-Type") == "text/html; charset=utf-8");
  CHECK(answer.header("Referrer-Policy") == "no-referrer");
  CHECK(answer.header("X-Content-Type-Options") == "nosniff");
  const auto policy = answer.header("Content-Security-Policy");
  CHECK(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"));
  CHECK_FALSE(policy.contains("unsafe"));
  CHECK_FALSE(policy.contains("http"));

  rig.open();
  REQUIRE(rig.says("#sentence", "No destination"));
  const auto foreign = rig.browser.run(
      "return performance.getEntriesByType('resource').map((e) => e.name)"
      ".filter((name) => !name.startsWith(location.origin) && !name.startsWith('data:'))");
  CHECK(foreign.empty());
  CHECK(rig.browser.run("return document.querySelectorAll('[style]:not(canvas), style, "
                        "script:not([src])').length") == 0);
  CHECK(rig.browser.run("return typeof Chart") == "function");
  // Not even a script of the page itself could turn a text into HTML or code.
  CHECK_THROWS(rig.browser.run("document.body.innerHTML = '<b>text</b>'"));
  CHECK_THROWS(rig.browser.run("document.body.setAttribute('onclick', 'window.ran = true')"));
}

TEST_CASE("page: on a phone nothing is cut off, and dark follows the machine", "[page]") {
  page::Rig rig({.destination = false});
  for (int n = 0; n < 3; ++n) (void)rig.post(R"({"n":1})", std::string(300, 'k') + char('0' + n));
  rig.browser.set_size(360, 740, true);
  rig.open();
  REQUIRE(rig.says("#sentence", "No destination"));
  const auto overflow = [&] {
    return rig.browser.run("return document.documentElement.scrollWidth - innerWidth").get<int>();
  };
  const auto back = [&] {
    return rig.browser.run("return getComputedStyle(document.body).backgroundColor")
        .get<std::string>();
  };
  CHECK(overflow() <= 0);
  const auto light = back();
  rig.browser.prefer_dark(true);
  CHECK(eventually([&] { return back() != light; }, page::soon));
  // The button wins over the machine, and is remembered.
  rig.browser.click("#theme");
  CHECK(rig.browser.text("#theme") == "Theme: light");
  CHECK(back() == light);
  rig.browser.reload();
  CHECK(rig.browser.text("#theme") == "Theme: light");
  CHECK(back() == light);
  // A finger hits everything that can be pressed.
  CHECK(rig.browser.run(
            "return [...document.querySelectorAll('main button, main input, main select')]"
            ".filter((e) => e.getBoundingClientRect().height > 2 && "
            "e.getBoundingClientRect().height < 40).length") == 0);
}
