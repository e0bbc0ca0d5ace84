#include <catch2/catch_test_macros.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "fixture.hpp"
#include "holdfast/clock.hpp"
#include "support/http.hpp"

using namespace holdfast;
using namespace holdfast::support;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

/// A daemon with small limits, so that each can be met and passed.
DaemonConfig small_limits() {
  DaemonConfig config = e2e::config_for("");
  config.ingress =
      "max_body = \"64KiB\"\nmax_headers = 20\nmax_header_bytes = \"4KiB\"\nmax_uri = \"1KiB\"\n"
      "request_deadline = \"1s\"\n";
  return config;
}

/// Sends bytes as they are and expects a problem document with this status.
void check_refused(const Daemon& daemon, const std::string& bytes, int status) {
  INFO(bytes.substr(0, 120));
  HttpConnection connection(daemon.port());
  (void)connection.send_bytes(bytes);
  const auto response = connection.receive();
  REQUIRE(response.has_value());
  CHECK(response->status == status);
  CHECK(response->header("Content-Type") == "application/problem+json");
  CHECK(json::parse(response->body).at("status") == status);
}

std::string head(const std::string& more) {
  return "POST /ingest/plain HTTP/1.1\r\nHost: h\r\n" + more + "\r\n";
}

}  // namespace

TEST_CASE("e2e: each limit holds at its edge and refuses past it", "[e2e][bad-input]") {
  Daemon daemon(small_limits());
  daemon.start();
  const auto status = [&](const std::string& target, const HttpHeaders& headers,
                          std::size_t body_size) {
    return post(daemon.port(), target, headers, std::string(body_size, 'b')).status;
  };
  CHECK(status("/ingest/plain", {}, 64 * 1024) == 202);
  CHECK(status("/ingest/plain", {}, 64 * 1024 + 1) == 413);
  CHECK(status("/ingest/plain?" + std::string(1024 - 14, 'q'), {}, 1) == 202);
  CHECK(status("/ingest/plain?" + std::string(1025 - 14, 'q'), {}, 1) == 414);
  // Host and Content-Length come on top.
  CHECK(status("/ingest/plain", HttpHeaders(18, {"X-Many", "1"}), 1) == 202);
  CHECK(status("/ingest/plain", HttpHeaders(19, {"X-Many", "1"}), 1) == 431);
  CHECK(status("/ingest/plain", {{"X-Large", std::string(3'800, 'h')}}, 1) == 202);
  CHECK(status("/ingest/plain", {{"X-Large", std::string(4'200, 'h')}}, 1) == 431);
  CHECK(daemon.pending() == 4);
}

TEST_CASE("e2e: what cannot be stored as sent is refused and leaves no row", "[e2e][bad-input]") {
  Daemon daemon(small_limits());
  daemon.start();
  check_refused(daemon, head("Content-Length: 3\r\nContent-Encoding: gzip\r\n") + "abc", 415);
  check_refused(
      daemon,
      head("Content-Length: 3\r\nContent-Type: multipart/form-data; boundary=x\r\n") + "abc", 415);
  check_refused(daemon, head("Content-Length: 3\r\nContent-Length: 4\r\n") + "abcd", 400);
  check_refused(daemon, head("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n") + "abc", 400);
  check_refused(daemon, head("Transfer-Encoding: chunked\r\n") + "zz\r\nabc\r\n0\r\n\r\n", 400);
  check_refused(daemon, "NOT HTTP AT ALL\r\n\r\n", 400);
  check_refused(daemon, "GET /ingest/nobody HTTP/1.1\r\nHost: h\r\n\r\n", 404);
  check_refused(daemon, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", 404);
  // Half a body, then silence; and a body that was announced too large is not waited for.
  check_refused(daemon, head("Content-Length: 10\r\n") + "half", 408);
  check_refused(daemon, head("Content-Length: 1000000000\r\n") + "start", 413);
  const HttpResponse wrong_method = get(daemon.port(), "/ingest/plain");
  CHECK(wrong_method.status == 405);
  CHECK(wrong_method.header("Allow") == "POST");
  CHECK(daemon.pending() == 0);
}

TEST_CASE("e2e: idle connections keep nobody out", "[e2e][bad-input]") {
  Daemon daemon(e2e::config_for(""));
  daemon.start();
  std::vector<std::unique_ptr<HttpConnection>> idle;
  for (int i = 0; i < 60; ++i) {
    idle.push_back(std::make_unique<HttpConnection>(daemon.port()));
    REQUIRE(idle.back()->exchange(e2e::mixed_write(i).request).has_value());
  }
  const SystemClock clock;
  const auto before = clock.steady_now();
  CHECK(e2e::post_one(daemon, e2e::mixed_write(100)).last_status == 202);
  CHECK(clock.steady_now() - before < 2s);
}
