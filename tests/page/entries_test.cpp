// The list of entries: filters in the URL, pages, ten thousand of them, and what senders put in.

#include <catch2/catch_test_macros.hpp>
#include <format>

#include "fixture.hpp"
#include "holdfast/clock.hpp"

using namespace holdfast;
using namespace std::chrono_literals;
using nlohmann::json;
using support::eventually;

namespace {

constexpr std::string_view rows = "#entries tbody tr";

std::chrono::milliseconds since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(SystemClock().steady_now() - start);
}

support::WriteOutcome small_write(int number) {
  support::WriteOutcome write;
  write.request.target = "/ingest/keyed";
  write.request.headers = {{"Content-Type", "application/json"},
                           {"X-Key", std::format("key-{}", number)}};
  write.request.body = std::format(R"({{"number":{}}})", number);
  return write;
}

/// Errors of scripts and violations of the policy; a path that is not there is neither.
std::vector<std::string> complaints(const page::Rig& rig) {
  auto all = rig.browser.complaints();
  std::erase_if(all, [](const std::string& line) { return line.contains(" network: "); });
  return all;
}

std::size_t nodes(const page::Rig& rig) {
  return rig.browser.run("return document.querySelectorAll('*').length");
}

}  // namespace

TEST_CASE("page: filters live in the URL, and survive a reload", "[page][entries]") {
  page::Rig rig;
  rig.refuse_poison();
  for (int n = 0; n < 3; ++n) (void)rig.post(std::format(R"({{"poison":{}}})", n));
  (void)rig.post(R"({"good":1})", "good-key");
  REQUIRE(rig.daemon->drains(20s));
  rig.open();
  REQUIRE(rig.comes_to(rows, 5));

  rig.browser.click("#filters input[value=dead] + span");
  CHECK(rig.comes_to(rows, 3));
  CHECK(rig.browser.url().ends_with("#state=dead"));
  rig.browser.type("#filters [name=sqlstate]",
                   std::string("23514") + std::string(support::key::enter));
  CHECK(eventually([&] { return rig.browser.url().ends_with("#state=dead&sqlstate=23514"); },
                   page::soon));
  CHECK(rig.comes_to(rows, 3));

  rig.browser.reload();
  CHECK(rig.comes_to(rows, 3));
  CHECK(rig.browser.run("return document.querySelector('[name=sqlstate]').value") == "23514");
  CHECK(rig.browser.run("return document.querySelector('[name=state]:checked').value") == "dead");

  // What is chosen follows the URL, back to no filter at all, too.
  const auto chosen = [&](std::string_view state) {
    return eventually(
        [&] {
          return rig.browser.run("return document.querySelector('[name=state]:checked').value") ==
                 state;
        },
        page::soon);
  };
  rig.browser.click("#clear");
  CHECK(chosen(""));
  rig.browser.run("history.back()");
  CHECK(chosen("dead"));
  rig.browser.run("history.forward()");
  CHECK(chosen(""));
  CHECK(rig.comes_to(rows, 5));

  rig.open("#source=keyed&key=good-key&order=oldest");
  CHECK(rig.comes_to(rows, 1));
  CHECK(rig.browser.text("#entries td.key") == "good-key");
  // Back goes to the filters before, and Clear to none.
  rig.browser.click("#clear");
  CHECK(rig.comes_to(rows, 5));
  rig.browser.run("history.back()");
  CHECK(rig.comes_to(rows, 1));

  rig.open("#sqlstate=nonsense");
  CHECK(eventually([&] { return rig.browser.shows("#entries-problem"); }, page::soon));
  CHECK(rig.browser.count("[name=sqlstate][aria-invalid]") == 1);
  CHECK(rig.browser.count(rows) == 0);
  rig.open("#state=dead&cursor=stale");
  CHECK(rig.says("#entries-problem", "no longer there"));
  rig.browser.click("#entries-problem button");
  CHECK(rig.comes_to(rows, 3));
}

TEST_CASE("page: of ten thousand entries one page is shown, and it stays quick",
          "[page][entries]") {
  page::Rig rig({.destination = false});
  const auto sent =
      support::Load(
          {.senders = 16, .writes = 10'000, .make = small_write, .port = rig.daemon->port()})
          .finish();
  REQUIRE(support::accepted_ids(sent).size() == 10'000);

  const auto start = SystemClock().steady_now();
  rig.open();
  REQUIRE(rig.comes_to(rows, 50));
  CHECK(since(start) < 10s);  // Other tests may run beside it.
  CHECK(rig.says("[data-count=pending]", "10,000"));
  const auto nodes_of_a_page = nodes(rig);
  CHECK(nodes_of_a_page < 1'500);
  const auto first = rig.browser.text("#entries td.key");
  for (int turns = 0; turns < 20; ++turns) {
    const auto before = rig.browser.text("#entries td.key");
    REQUIRE(eventually([&] { return rig.browser.shows("#next"); }, page::soon));
    rig.browser.click("#next");
    REQUIRE(eventually([&] { return rig.browser.text("#entries td.key") != before; }, page::soon));
  }
  CHECK(rig.browser.text("#range") == "1,001 to 1,050");
  CHECK(rig.browser.count(rows) == 50);
  CHECK(nodes(rig) <= nodes_of_a_page + 10);
  // A page survives the reload; Previous and First go back.
  rig.browser.reload();
  CHECK(rig.says("#range", "1,001 to 1,050"));
  rig.browser.click("#previous");
  CHECK(rig.says("#range", "951 to 1,000"));
  rig.browser.click("#first");
  CHECK(rig.says("#entries td.key", first));
  rig.browser.take_picture("real-ten-thousand");
}

TEST_CASE("page: what a sender puts into a payload is text, and nothing of it runs",
          "[page][entries][hostile]") {
  page::Rig rig;
  rig.refuse_poison();
  const std::string hostile =
      "<script>window.ran=1</script><img src=x onerror=window.ran=2> \u202Egnp.exe \x1b[31mred";
  json body{{"poison", hostile}, {"n", 1}};
  auto text = body.dump();
  text.replace(text.find("\"n\":1"), 5, "\"n\":12345678901234567890");
  const auto id = rig.post(text, "<svg onload=window.ran=3>\xE2\x80\xAE");
  (void)rig.post("\xff\xfe poison");
  REQUIRE(rig.daemon->drains(20s));

  rig.open("#source=keyed");
  REQUIRE(rig.comes_to(rows, 1));
  CHECK(rig.browser.text("#entries td.key") == "<svg onload=window.ran=3>U+202E");
  rig.browser.click("#entries tbody a");
  REQUIRE(rig.says("#body", "<script>window.ran=1</script>"));
  const auto shown = rig.browser.text("#body");
  CHECK(shown.contains("<img src=x onerror=window.ran=2>"));
  CHECK(shown.contains("U+202E"));
  CHECK(shown.contains("\\u001b[31m"));
  CHECK(shown.contains("12345678901234567890"));
  CHECK_FALSE(shown.contains("\u202E"));
  CHECK(rig.browser.count("#entry script, #entry img, #entry svg, #entries svg") == 0);
  CHECK(rig.browser.run("return window.ran ?? null").is_null());
  rig.browser.take_picture("real-hostile");

  // The raw bytes come down exactly as they were sent.
  rig.browser.run(
      "window.saved = null; const make = URL.createObjectURL;"
      "URL.createObjectURL = (blob) => { blob.text().then((t) => { window.saved = t; });"
      "return make.call(URL, blob); }");
  rig.browser.click("#download");
  CHECK(eventually([&] { return rig.browser.run("return window.saved") == text; }, page::soon));

  rig.open("#state=dead&source=plain");
  REQUIRE(rig.comes_to(rows, 1));
  rig.browser.click("#entries tbody a");
  CHECK(rig.says("#body", "ff fe"));
  CHECK(rig.browser.run("return document.querySelector('#entry [name=body-view]:checked').value") ==
        "Hex");
  CHECK(complaints(rig) == std::vector<std::string>{});
}

TEST_CASE("page: a payload that is a burden to show still opens", "[page][entries][hostile]") {
  page::Rig rig({.destination = false});
  constexpr std::size_t depth = 30'000;
  const auto brackets = rig.post(std::string(depth, '[') + std::string(depth, ']'));
  // Indented it would have two billion letters.
  rig.open("#entry=" + brackets);
  REQUIRE(rig.says("#body", "[\n  [\n    [\n"));
  CHECK(rig.browser.count("#entry [data-action=discard]") == 1);
  CHECK(rig.browser.shows("#body ~ .note"));

  // Each of them would be an element of its own.
  const auto controls = rig.post(std::string(300'000, '\x01'));
  rig.open("#entry=" + controls);
  REQUIRE(rig.says("#body", "U+0001"));
  CHECK(rig.browser.count("#body .unseen-letter") == 2'000);
  CHECK_FALSE(rig.browser.text("#body").contains('\x01'));
  CHECK(complaints(rig) == std::vector<std::string>{});
}
