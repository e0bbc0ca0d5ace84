#include "observe/admin_routes.hpp"

#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

#include "observe/admin_guard.hpp"
#include "sample.hpp"

namespace {

using holdfast::observe::AdminContext;
using holdfast::observe::AdminRequest;
using holdfast::observe::answer;
using holdfast::observe::is_loopback_host;

AdminContext context(std::string token = "") {
  AdminContext context;
  context.health = holdfast::test::healthy;
  context.source_names = {"twilio"};
  context.metric_names = {"twilio"};
  if (!token.empty()) context.tokens.push_back({"admin", holdfast::Secret(std::move(token))});
  context.history = [] { return std::string(R"({"step_seconds":10,"samples":[]})"); };
  return context;
}

AdminRequest get(std::string path, std::vector<std::string> authorizations = {}) {
  AdminRequest request;
  request.method = "GET";
  request.path = std::move(path);
  request.hosts = {"127.0.0.1:9090"};
  request.authorizations = std::move(authorizations);
  return request;
}

TEST_CASE("admin: only real loopback names pass the Host guard", "[observe][admin]") {
  for (const auto* host : {"localhost", "LocalHost:9090", "127.0.0.1", "127.0.0.1:9090",
                           "127.255.1.2:1", "[::1]", "[::1]:9090"}) {
    INFO(host);
    CHECK(is_loopback_host(host));
  }
  for (const auto* host : {"",
                           "example.com",
                           "127.0.0.1.example.com",
                           "127.example.com",
                           "localhost.example.com",
                           "localhost:",
                           "localhost:x",
                           "localhost:99999",
                           "127.0.0.1:80:80",
                           "128.0.0.1",
                           "0.0.0.0",
                           "10.0.0.1",
                           "127.1",
                           "::1",
                           "[::1",
                           "[::1]x",
                           "[::1]:",
                           "[::2]",
                           " localhost",
                           "0x7f.0.0.1",
                           "evil@localhost",
                           "localhost/"}) {
    INFO(host);
    CHECK_FALSE(is_loopback_host(host));
  }
}

TEST_CASE("admin: without a token a foreign Host gets 421 everywhere", "[observe][admin]") {
  for (const auto* path :
       {"/livez", "/readyz", "/healthz", "/api/health", "/metrics", "/api/v1/status", "/nothing"}) {
    auto request = get(path);
    request.hosts = {"rebound.example.com"};
    INFO(path);
    CHECK(answer(request, context()).status == 421);
    CHECK(answer(request, context("secret")).status != 421);
  }
}

TEST_CASE("admin: no Host or two Hosts get 400, but HTTP/1.0 may come without",
          "[observe][admin]") {
  auto request = get("/livez");
  request.hosts = {};
  CHECK(answer(request, context()).status == 400);
  request.http_1_0 = true;
  CHECK(answer(request, context()).status == 200);
  request.hosts = {"localhost", "example.com"};
  CHECK(answer(request, context()).status == 400);
}

TEST_CASE("admin: the token guards metrics and status, not the health of the process",
          "[observe][admin]") {
  const auto guarded = context("correct horse");
  for (const auto* path : {"/livez", "/readyz", "/healthz", "/api/health"})
    CHECK(answer(get(path), guarded).status == 200);
  for (const auto* path : {"/metrics", "/api/v1/status", "/api/v1/history"}) {
    INFO(path);
    CHECK(answer(get(path, {"Bearer correct horse"}), guarded).status == 200);
    CHECK(answer(get(path, {"bearer correct horse"}), guarded).status == 200);
    CHECK(answer(get(path), context()).status == 200);
    for (const std::vector<std::string>& wrong :
         {std::vector<std::string>{},
          {"Bearer"},
          {"Bearer "},
          {"Bearer wrong"},
          {"Bearer correct hors"},
          {"Bearer correct horse2"},
          {"Basic correct horse"},
          {"correct horse"},
          {"Bearer correct horse", "Bearer correct horse"}}) {
      const auto refusal = answer(get(path, wrong), guarded);
      CHECK(refusal.status == 401);
      CHECK(refusal.headers == std::vector<std::pair<std::string, std::string>>{
                                   {"WWW-Authenticate", "Bearer realm=\"holdfast\""}});
      CHECK(refusal.content_type == "application/problem+json");
      CHECK_FALSE(refusal.body.contains("correct"));
    }
  }
}

TEST_CASE("admin: an unknown path is 404 and another method 405 with Allow", "[observe][admin]") {
  for (const auto* path : {"/nothing", "/livez/", "/livezz", "/metrics/x", "/api/v1/entriesx",
                           "/api/v1/entries/", "/api/v1/entries/a/b", "/api/v1/sources/pause"}) {
    INFO(path);
    CHECK(answer(get(path), context()).status == 404);
  }
  auto post = get("/api/v1/relay/pause");
  CHECK(answer(post, context()).headers ==
        std::vector<std::pair<std::string, std::string>>{{"Allow", "POST"}});
  for (const auto* method : {"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"}) {
    auto request = get("/readyz");
    request.method = method;
    const auto refusal = answer(request, context());
    CHECK(refusal.status == 405);
    CHECK(refusal.headers ==
          std::vector<std::pair<std::string, std::string>>{{"Allow", "GET, HEAD"}});
  }
}

TEST_CASE("admin: the changes of many are no ids, and take POST alone", "[observe][admin]") {
  for (const auto* path : {"/api/v1/entries/retry", "/api/v1/entries/discard",
                           "/api/v1/entries/replay", "/api/v1/entries/import"}) {
    for (const auto* method : {"GET", "HEAD", "PUT", "DELETE"}) {
      CAPTURE(path, method);
      auto request = get(path);
      request.method = method;
      const auto refusal = admit(request, context()).refusal;
      REQUIRE(refusal);
      CHECK(refusal->status == 405);
      CHECK(refusal->headers ==
            std::vector<std::pair<std::string, std::string>>{{"Allow", "POST"}});
    }
  }
}

TEST_CASE("admin: a parameter that a change does not take is refused, and nothing is changed",
          "[observe][admin]") {
  const std::string one = "/api/v1/entries/01a223b8-0000-7000-8000-000000000000";
  for (const auto& path :
       {one + "/retry", one + "/discard", one + "/replay", one + "/erase",
        std::string("/api/v1/entries/import"), std::string("/api/v1/relay/pause"),
        std::string("/api/v1/relay/resume"), std::string("/api/v1/relay/probe"),
        std::string("/api/v1/sources/twilio/pause"),
        std::string("/api/v1/sources/twilio/resume")}) {
    CAPTURE(path);
    auto request = get(path);
    request.method = "POST";
    request.content_types = {"application/json"};
    request.query = {{"dry_run", "true"}};
    const auto refusal = admit(request, context()).refusal;
    REQUIRE(refusal);
    CHECK(refusal->status == 400);
    CHECK(nlohmann::json::parse(refusal->body)["field"] == "dry_run");
  }
}

TEST_CASE("admin: a problem names its status and its title", "[observe][admin]") {
  const auto document = nlohmann::json::parse(answer(get("/nothing"), context()).body);
  CHECK(document == nlohmann::json{{"type", "about:blank"},
                                   {"title", "Not Found"},
                                   {"status", 404},
                                   {"detail", "There is nothing at this path."}});
}

TEST_CASE("admin: no answer without a token shows a secret", "[observe][admin]") {
  const auto guarded = context("correct horse");
  for (const auto* path : {"/livez", "/readyz", "/healthz", "/api/health", "/metrics", "/x"})
    CHECK_FALSE(answer(get(path), guarded).body.contains("correct horse"));
}

}  // namespace
