// Peers that leave at the wrong moment, read slowly, or speak something else. Scenarios 26 and 27.

#include <catch2/catch_test_macros.hpp>
#include <format>
#include <memory>

#include "rig.hpp"
#include "support/wait.hpp"

using namespace holdfast;
using namespace holdfast::hostile;
using namespace std::chrono_literals;
using support::eventually;

namespace {

std::string from(int number) {
  return std::format("127.9.{}.{}", number / 200, number % 200 + 1);
}

/// Nothing of what went is left: neither descriptors nor bytes that count as in flight.
void check_nothing_is_left(Target& target, const Usage& before) {
  CHECK(eventually([&] { return usage_of(target.pid()).descriptors <= before.descriptors; }, 20s));
}

}  // namespace

TEST_CASE("hostile: who half closes behind a whole request gets its answer", "[hostile][hangup]") {
  Target target;
  for (int i = 0; i < 50; ++i) {
    RawClient client(target.port());
    client.send(post(std::format("half closed {}", i)) + post("and one behind"));
    client.finish();
    CHECK(target.note(client.receive()).status == 202);
    CHECK(target.note(client.receive()).status == 202);
    CHECK(client.closed_within(5s));
    CHECK_FALSE(client.was_reset());
  }
  target.finish();
}

TEST_CASE("hostile: resets in the middle of a body leave no entry", "[hostile][hangup]") {
  Target target;
  const auto before = usage_of(target.pid());
  const auto whole = post(std::string(200'000, 'b'));
  HealthySender sender(target.port());
  for (int i = 0; i < 400; ++i) {
    RawClient client(target.port(), "127.0.0.1", from(i));
    client.send(std::string_view(whole).substr(0, 1 + static_cast<std::size_t>(i) * 500));
    if (i % 4 == 0) client.send("");
    client.reset();
  }
  const auto healthy = sender.stop();
  target.note(healthy.ids);
  check_healthy(healthy);
  check_nothing_is_left(target, before);
  target.finish();
}

TEST_CASE("hostile: resets right before the answer lose nothing that was answered",
          "[hostile][hangup]") {
  Target target;
  const auto before = usage_of(target.pid());
  HealthySender sender(target.port());
  for (int i = 0; i < 400; ++i) {
    RawClient client(target.port(), "127.0.0.1", from(i));
    client.send(post(std::format("gone {}", i)));
    client.reset();
  }
  const auto healthy = sender.stop();
  target.note(healthy.ids);
  check_healthy(healthy);
  check_nothing_is_left(target, before);
  target.finish(Target::Answers::some_lost);
}

TEST_CASE("hostile: what speaks another protocol is told so at once and let go",
          "[hostile][hangup]") {
  using namespace std::string_literals;
  Target target;
  const std::vector<std::pair<std::string, std::string>> hellos{
      {"TLS 1.2", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"s + std::string(500, '\x7f')},
      {"SSL 2", "\x80\x2e\x01\x03\x01"s + std::string(41, '\0')},
      {"HTTP/2 with prior knowledge", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"s},
      {"PROXY protocol", "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n" + post("behind")},
      {"PROXY protocol 2", "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"s + std::string(12, 'a')},
      {"SMTP", "EHLO example.com\r\nMAIL FROM:<a@example.com>\r\n"},
      {"SSH", "SSH-2.0-OpenSSH_9.9\r\n"},
      {"Redis", "*1\r\n$4\r\nPING\r\n"},
      {"PostgreSQL", "\0\0\0\x08\x04\xd2\x16\x2f"s},
      {"zeros", std::string(1000, '\0')},
      {"ones", std::string(1000, '\xff')},
  };
  for (const auto& [what, bytes] : hellos) {
    CAPTURE(what);
    RawClient client(target.port());
    client.send(bytes);
    CHECK(client.receive().status == 400);
    CHECK(client.closed_within(5s));
  }
  // An upgrade is not taken up; the request in it is one of HTTP/1.1, and stored as such.
  RawClient upgrade(target.port());
  upgrade.send(post("x",
                    "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
                    "HTTP2-Settings: AAMAAABkAAQAAP__\r\n"));
  CHECK(target.note(upgrade.receive()).status == 202);
  target.finish();
}

TEST_CASE("hostile: slow readers of their answers do not hold a thread", "[hostile][hangup]") {
  need_descriptors(4096);
  Target target("max_connections = 4\n");
  const auto before = usage_of(target.pid());
  // They ask until the answers fill all buffers between us, and read nothing.
  Crowd crowd(target.port());
  crowd.open(200, 50);
  const std::string ask = "GET /api/health HTTP/1.1\r\nHost: h\r\n\r\n";
  HealthySender sender(target.port());
  for (int i = 0; i < 20; ++i) {
    (void)crowd.pour(ask, ask.size() * 3000);
    support::pause_for(50ms);
  }
  const auto healthy = sender.stop();
  target.note(healthy.ids);
  check_healthy(healthy);
  crowd.close();
  check_nothing_is_left(target, before);
  target.finish();
}
