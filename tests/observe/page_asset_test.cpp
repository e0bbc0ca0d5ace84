#include "observe/page_asset.hpp"

#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "observe/admin_routes.hpp"
#include "sample.hpp"

namespace {

using holdfast::observe::AdminContext;
using holdfast::observe::AdminRequest;
using holdfast::observe::answer;
using holdfast::observe::page_asset;

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST_CASE("page: every file of it is embedded byte for byte, and the chart library", "[observe]") {
  const auto folder = std::filesystem::path(HOLDFAST_SOURCE_DIR) / "src/observe/page";
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const auto asset = page_asset("/page/" + entry.path().filename().string());
    CAPTURE(entry.path().string());
    REQUIRE(asset);
    CHECK(asset->body == read(entry.path()));
    ++files;
  }
  CHECK(files > 3);
  CHECK(page_asset("/")->body == page_asset("/page/index.html")->body);
  REQUIRE(page_asset("/page/chart.min.js"));
  CHECK(page_asset("/page/chart.min.js")->body.contains("Released under the MIT License"));
}

TEST_CASE("page: there is nothing at other paths", "[observe]") {
  for (const auto* path : {"", "/page", "/page/", "/page/nothing.js", "/page/../page/main.js",
                           "/main.js", "page/main.js", "/page/main.js/", "/Page/main.js"}) {
    CAPTURE(path);
    CHECK_FALSE(page_asset(path));
  }
}

TEST_CASE("page: its files need no token but a loopback Host without one, and are only read",
          "[observe][admin]") {
  const auto ask = [](const std::string& token, const char* method, const char* path,
                      const char* host) {
    AdminContext context;
    context.health = holdfast::test::healthy;
    if (!token.empty()) context.tokens.push_back({"admin", holdfast::Secret(token)});
    AdminRequest request;
    request.method = method;
    request.path = path;
    request.hosts = {host};
    return answer(request, context).status;
  };
  for (const auto* token : {"", "correct-horse"}) {
    for (const auto* path : {"/", "/page/main.js", "/page/page.css"}) {
      CAPTURE(token, path);
      CHECK(ask(token, "GET", path, "127.0.0.1") == 200);
      CHECK(ask(token, "HEAD", path, "127.0.0.1") == 200);
      CHECK(ask(token, "POST", path, "127.0.0.1") == 405);
      CHECK(ask(token, "GET", path, "rebound.example.com") ==
            (std::string_view(token).empty() ? 421 : 200));
    }
    CHECK(ask(token, "GET", "/page/nothing.js", "127.0.0.1") == 404);
  }
}

}  // namespace
