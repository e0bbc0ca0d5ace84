// Heads at their limits, and bytes that text columns, JSON and log lines do not like. Scenario 28.

#include <catch2/catch_test_macros.hpp>
#include <format>

#include "rig.hpp"
#include "support/delivery.hpp"
#include "support/http.hpp"
#include "support/postgres_cluster.hpp"
#include "support/wait.hpp"

using namespace holdfast;
using namespace holdfast::hostile;
using namespace std::chrono_literals;
using namespace std::string_literals;
using support::WriteOutcome;

namespace {

constexpr std::size_t depth = 100'000;

std::string repeated(std::string_view piece, std::size_t count) {
  std::string text;
  text.reserve(piece.size() * count);
  for (std::size_t i = 0; i < count; ++i) text += piece;
  return text;
}

std::string all_bytes() {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  return bytes;
}

std::string deep_object(std::string_view start) {
  return std::string(start) + R"("deep":)" + repeated(R"({"a":)", depth) + "1" +
         repeated("}", depth + 1);
}

/// Bodies that are JSON for one reader and none for the next, or for nobody.
std::vector<std::string> bodies() {
  return {
      all_bytes(),
      std::string(10'000, '\0'),
      "\xFF\xFE\0\xD8\0\xDC"s,
      "{\"a\0b\":1}"s,
      R"({"a\u0000b":"\u0000","id":"\u0000"})",
      R"({"id":"\ud800","group":"\udfff"})",
      "{\"id\":\"\xC3\x28\",\"\xFF\":\"\x80\"}",
      R"({"id":1e999999,"group":-0.0})",
      R"({"id":123456789012345678901234567890123456789012345678901234567890})",
      R"({"id":"twice","id":"again","group":{"no":"scalar"}})",
      R"({"":"empty key","id":"","group":""})",
      "\xEF\xBB\xBF{\"id\":\"behind a mark\"}",
      R"({"id":")" + std::string(100'000, 'k') + "\"}",
      repeated("[", depth) + repeated("]", depth),
      repeated("[", depth),
      deep_object("{"),
      deep_object(R"({"id":"deep","group":"deeper",)"),
      R"({"id":)" + repeated("[", depth) + repeated("]", depth) + "}",
      repeated(R"({"id":)", depth),
      "\"" + repeated("\\\\", depth) + "\"",
  };
}

WriteOutcome send(Daemon& daemon, const std::string& target, const std::string& body,
                  support::HttpHeaders headers = {{"Content-Type", "application/json"}}) {
  WriteOutcome write;
  write.request = {.target = target, .headers = std::move(headers), .body = body};
  return e2e::post_one(daemon, write);
}

DaemonConfig config_with_statements(const std::string& url) {
  auto config = e2e::config_for(url);
  config.sources +=
      "[[source]]\nname = \"pointed\"\nprovider = \"none\"\ndedupe = \"/id\"\n"
      "order_by = \"/group\"\n"
      "[[source]]\nname = \"written\"\nprovider = \"none\"\ndedupe = \"/id\"\norder_by = "
      "\"/group\"\n"
      "write = [{ statement = \"INSERT INTO things (id, data) VALUES ($1, $2)\", "
      "parameters = [\"/id\", \"\"] }]\n";
  return config;
}

/// The value of a header as inbox has it.
std::string header_in_inbox(const support::PostgresCluster& cluster, const std::string& id,
                            const std::string& name) {
  const auto rows = cluster.query(
      std::format("SELECT pair->>1 FROM holdfast.inbox, jsonb_array_elements(headers) AS pair "
                  "WHERE id = '{}' AND pair->>0 = '{}'",
                  id, name));
  return rows.empty() ? "(none)" : rows[0][0];
}

}  // namespace

TEST_CASE("hostile: long targets and floods of headers are refused one past the limit",
          "[hostile][bytes]") {
  Target target;
  const auto with_target = [&](std::size_t bytes) {
    const std::string path = "/ingest/plain?";
    return target.exchange(post("x", "", path + std::string(bytes - path.size(), 'q'))).status;
  };
  CHECK(with_target(8192) == 202);
  CHECK(with_target(8193) == 414);
  CHECK(with_target(1'000'000) == 414);
  // Host and Content-Length are two of them.
  const auto with_headers = [&](int count) {
    return target.exchange(post("x", repeated("X: y\r\n", static_cast<std::size_t>(count - 2))))
        .status;
  };
  CHECK(with_headers(100) == 202);
  CHECK(with_headers(101) == 431);
  CHECK(with_headers(100'000) == 431);
  // "Host: h" and "Content-Length: 1" with their line ends are 28 bytes, "X: " and its end 5.
  const auto with_bytes = [&](std::size_t bytes) {
    return target.exchange(post("x", "X: " + std::string(bytes - 33, 'v') + "\r\n")).status;
  };
  CHECK(with_bytes(16'384) == 202);
  CHECK(with_bytes(16'385) == 431);
  CHECK(with_bytes(10'000'000) == 431);
  CHECK(target.exchange(std::string(5'000'000, 'P')).status == 414);
  CHECK(target.exchange("POST /ingest/plain HTTP/1.1\r\n" + std::string(5'000'000, 'H')).status ==
        431);
  target.finish();
}

TEST_CASE("hostile: bytes that are no text are refused in a target and kept in a value",
          "[hostile][bytes]") {
  Target target;
  for (const auto& part : {"\xC3\xA9"s, "\xFF"s, "\0"s, "\x7F"s, "\x01"s, "\t"s, "\\ "s})
    CHECK(target.exchange(post("x", "", "/ingest/plain?" + part)).status == 400);
  CHECK(target.exchange(post("x", "", "/ingest/plain?%00%FF%C3%28&\"'<>\\`{|}^")).status == 202);
  for (const auto& value : {"\0"s, "\x01"s, "\x7F"s, "a\0b"s})
    CHECK(target.exchange(post("x", "X-Raw: " + value + "\r\n")).status == 400);
  for (const auto& value : {"\x80\xFF\xC3\x28"s, "\xF0\x9F\x92\xA9"s, "\xED\xA0\x80"s})
    CHECK(target.exchange(post("x", "X-Raw: " + value + "\r\n")).status == 202);
  // Keys that are no text, or long, are kept by their digest: the same one is a duplicate.
  for (const auto& key : {"\xFF\xFE"s, std::string(5000, 'k'), "\xED\xA0\x80"s}) {
    const auto write = post("x", "X-Key: " + key + "\r\n", "/ingest/keyed");
    const auto first = target.exchange(write);
    CHECK(first.status == 202);
    RawClient again(target.port());
    CHECK(id_of(again.exchange(write)) == id_of(first));
  }
  target.finish();
}

TEST_CASE("hostile: NUL, broken text and JSON of a hundred thousand levels arrive byte for byte",
          "[hostile][bytes]") {
  support::PostgresCluster cluster;
  (void)cluster.query("CREATE TABLE things (id text, data text)");
  Daemon daemon(config_with_statements(cluster.url()));
  daemon.start();
  const int pid = daemon.pid();
  std::vector<WriteOutcome> outcomes{e2e::deliver_the_first(daemon, cluster)};
  for (const auto& body : bodies()) {
    INFO(body.substr(0, 60));
    outcomes.push_back(send(daemon, "/ingest/plain", body));
    CHECK(outcomes.back().last_status == 202);
    // Another body: the check counts the rows of each.
    outcomes.push_back(send(daemon, "/ingest/pointed", body + " "));
    CHECK(outcomes.back().last_status == 202);
  }
  const std::string latin = "\x80\xFF";
  const std::string utf8 = "\xC3\xA9\xF0\x9F\x92\xA9";
  outcomes.push_back(send(daemon, "/ingest/plain?%00%FF", "raw headers",
                          {{"Content-Type", "te\xFFxt"}, {"X-Latin", latin}, {"X-Text", utf8}}));
  CHECK(outcomes.back().last_status == 202);
  const auto with_headers = outcomes.back().ids.at(0);
  for (const auto& body : {deep_object(R"({"id":"w","group":"g",)"), R"({"id":"plain"})"s}) {
    outcomes.push_back(send(daemon, "/ingest/written", body));
    CHECK(outcomes.back().last_status == 202);
  }
  support::everything_arrives(daemon, cluster, outcomes);
  CHECK(header_in_inbox(cluster, with_headers, "X-Latin") == "\xC2\x80\xC3\xBF");
  CHECK(header_in_inbox(cluster, with_headers, "X-Text") == utf8);
  CHECK(cluster.query("SELECT count(*), max(length(data)) FROM things").at(0) ==
        std::vector<std::string>{"2",
                                 std::to_string(deep_object(R"({"id":"w","group":"g",)").size())});
  CHECK(daemon.pid() == pid);
  CHECK(daemon.terminate() == 0);
}
