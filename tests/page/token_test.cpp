#include <catch2/catch_test_macros.hpp>
#include <string>

#include "fixture.hpp"

using namespace holdfast;
using support::eventually;
namespace key = support::key;

TEST_CASE("page: the token is asked for once and sent as a header", "[page][token]") {
  page::Rig rig({.token = "horse+battery%41/staple=", .destination = false});
  rig.open("#state=dead");
  REQUIRE(eventually([&] { return rig.browser.shows("#token"); }, page::soon));
  CHECK(rig.browser.text("#sentence").contains("Asking"));
  // There is no way around it.
  rig.browser.press(key::escape);
  CHECK(eventually([&] { return rig.browser.shows("#token"); }, page::soon));
  rig.browser.type("#token-input", "wrong" + std::string(key::enter));
  CHECK(rig.says("#token-problem", "refused"));
  REQUIRE(eventually([&] { return rig.browser.shows("#token-problem"); }, page::soon));
  rig.browser.type("#token-input", "horse+battery%41/staple=" + std::string(key::enter));
  REQUIRE(rig.says("#sentence", "No destination"));
  CHECK_FALSE(rig.browser.shows("#token"));
  CHECK_FALSE(rig.browser.url().contains("horse"));
  CHECK(rig.browser.run("return document.cookie") == "");
  CHECK(rig.browser.run("return JSON.stringify(localStorage)") == "{}");
  // This tab knows it from now on, until it is told to forget.
  rig.browser.reload();
  CHECK(rig.says("#sentence", "No destination"));
  CHECK_FALSE(rig.browser.shows("#token"));
  rig.browser.click("#forget");
  CHECK(eventually([&] { return rig.browser.shows("#token"); }, page::soon));
}
