// Other sources while the server runs: what is in progress ends by the old ones, and no connection
// is closed by it.

#include <catch2/catch_test_macros.hpp>
#include <format>
#include <thread>

#include "ingress/source.hpp"
#include "requests.hpp"
#include "support/wait.hpp"
#include "test_server.hpp"

using namespace holdfast;
using namespace holdfast::ingress;
using namespace holdfast::ingress::test;
using namespace std::chrono_literals;

namespace {

SourceConfig bearer(const std::string& token, const std::string& name = "act") {
  auto source = source_of(name, Provider::bearer);
  source.secrets = {Secret(token)};
  return source;
}

void reload(TestServer& server, std::vector<SourceConfig> sources,
            const IngressConfig& config = Setup::default_ingress()) {
  auto table = SourceTable::make(config, std::move(sources));
  REQUIRE(table);
  server.server().reload(std::move(*table));
}

Setup with(std::vector<SourceConfig> sources) {
  Setup setup;
  setup.sources = std::move(sources);
  return setup;
}

std::string post_with(const std::string& token, const std::string& body = "{}") {
  return post("/ingest/act", body, std::format("Authorization: Bearer {}\r\n", token));
}

}  // namespace

TEST_CASE(
    "ingress: after a reload the new secret is taken and the old one refused, on the same "
    "connection",
    "[ingress][server][reload]") {
  TestServer server(with({bearer("old")}));
  RawClient sender(server.port());
  CHECK(sender.exchange(post_with("old")).status == 202);
  reload(server, {bearer("new")});
  CHECK(sender.exchange(post_with("new")).status == 202);
  CHECK(sender.exchange(post_with("old")).status == 401);
  CHECK(server.entries() == 2);
}

TEST_CASE("ingress: a request whose head came before the reload ends by the old source",
          "[ingress][server][reload]") {
  TestServer server(with({bearer("old")}));
  RawClient busy(server.port());
  CHECK(busy.exchange("POST /ingest/act HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n"
                      "Authorization: Bearer old\r\nExpect: 100-continue\r\n\r\n")
            .status == 100);
  // More than once: nothing but the request itself holds its source by now.
  for (int i = 0; i < 3; ++i) reload(server, {source_of("other", Provider::none)});
  CHECK(server.exchange(post_with("old")).status == 404);
  const auto answer = busy.exchange("hello");
  CHECK(answer.status == 202);
  const auto entry = server.entry_of(answer);
  CHECK(entry.source == "act");
  CHECK(entry.body == "hello");
  // And the next on that connection goes by the new ones.
  CHECK(busy.exchange(post("/ingest/other", "x")).status == 202);
}

TEST_CASE("ingress: a head that was not complete at the reload goes by the new sources",
          "[ingress][server][reload]") {
  TestServer server(with({bearer("old")}));
  RawClient slow(server.port());
  slow.send("POST /ingest/act HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n");
  REQUIRE(support::eventually([&] { return server.server().stats().connections == 1; }, 5s));
  reload(server, {bearer("new")});
  CHECK(slow.exchange("Authorization: Bearer new\r\n\r\n{}").status == 202);
}

TEST_CASE("ingress: counters of requests go on over a reload, those of a source that is gone, too",
          "[ingress][server][reload]") {
  TestServer server(with({bearer("t"), bearer("t", "gone")}));
  CHECK(server.exchange(post_with("t")).status == 202);
  CHECK(server.exchange(post("/ingest/gone", "{}", "Authorization: Bearer t\r\n")).status == 202);
  reload(server, {bearer("t")});
  CHECK(server.exchange(post_with("t")).status == 202);
  CHECK(server.exchange(post("/ingest/gone", "{}", "Authorization: Bearer t\r\n")).status == 404);
  const auto stats = server.server().stats();
  CHECK(stats.requests.at({"act", 202}) == 2);
  CHECK(stats.requests.at({"gone", 202}) == 1);
  CHECK(stats.requests.at({"", 404}) == 1);
}

TEST_CASE("ingress: a slow body that only the new sources take has its room",
          "[ingress][server][reload]") {
  Setup setup = with({bearer("t")});
  setup.ingress.max_inflight_bytes = 4 * mib;
  setup.ingress.max_body_bytes = 1024;
  TestServer server(setup);
  auto larger = setup.ingress;
  larger.max_body_bytes = 4 * mib;
  reload(server, {bearer("t")}, larger);
  RawClient slow(server.port());
  const std::string body(3 * mib + mib / 2, 'x');
  const auto request = post_with("t", body);
  slow.send(std::string_view(request).substr(0, request.size() - 1));
  REQUIRE(support::eventually(
      [&] { return server.server().stats().inflight_bytes >= body.size() - 1; }, 10s));
  CHECK(slow.exchange(request.substr(request.size() - 1)).status == 202);
}

TEST_CASE("ingress: a hundred reloads under load lose no request and close no connection",
          "[ingress][server][reload]") {
  TestServer server(with({bearer("t")}));
  std::atomic<int> accepted = 0;
  std::atomic<int> wrong = 0;
  std::atomic<bool> done = false;
  {
    std::vector<std::jthread> senders;
    for (int s = 0; s < 4; ++s)
      senders.emplace_back([&] {
        RawClient sender(server.port());
        while (!done) ++(sender.exchange(post_with("t")).status == 202 ? accepted : wrong);
      });
    for (int i = 0; i < 100; ++i) {
      const int before = accepted;
      reload(server, {bearer("t"), bearer("t", std::format("extra{}", i % 2))});
      CHECK(support::eventually([&] { return accepted > before; }, 10s));
    }
    done = true;
  }
  CHECK(wrong == 0);
  CHECK(server.entries() == static_cast<std::size_t>(std::min(accepted.load(), 1000)));
}
