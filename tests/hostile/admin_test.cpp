// The admin listener under the same treatment. Scenarios 26 and 28.

#include <catch2/catch_test_macros.hpp>
#include <cstdio>
#include <format>

#include "rig.hpp"
#include "support/http.hpp"
#include "support/wait.hpp"

using namespace holdfast;
using namespace holdfast::hostile;
using namespace std::chrono_literals;
using support::eventually;

namespace {

const std::string ask = "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

struct Health {
  int good = 0;
  int asked = 0;
  std::chrono::milliseconds slowest{0};
};

/// Asks `count` times, each on a connection of its own.
Health ask_health(std::uint16_t port, int count) {
  const SystemClock clock;
  Health health;
  for (; health.asked < count; ++health.asked) {
    const auto started = clock.steady_now();
    RawClient client(port);
    if (client.exchange(ask).status == 200) ++health.good;
    health.slowest = std::max(
        health.slowest, std::chrono::ceil<std::chrono::milliseconds>(clock.steady_now() - started));
  }
  return health;
}

void check_all_good(const Health& health) {
  CHECK(health.good == health.asked);
  CHECK(health.slowest < patience_max);
  std::printf("  slowest answer of health: %lld ms\n",
              static_cast<long long>(health.slowest.count()));
}

}  // namespace

TEST_CASE("hostile: idle and slow connections on admin silence neither health nor intake",
          "[hostile][admin]") {
  need_descriptors(4096);
  Target target;
  const auto before = usage_of(target.pid());
  const auto admin = target.daemon().admin_port();
  HealthySender sender(target.port());
  Crowd idle(admin);
  Crowd slow(admin);
  idle.open(150, 10);
  slow.open(150, 10, "GET /readyz HTTP/1.1\r\nHost: localhost\r\nX-Slow: ");
  for (int i = 0; i < 6; ++i) {
    slow.send("x");
    check_all_good(ask_health(admin, 1));
    // As many as are gone come again: they never run out.
    (void)slow.open_at_most(0, 1ms);
    (void)idle.open_at_most(0, 1ms);
    idle.open(static_cast<int>(150 - idle.open_count()), 10);
    slow.open(static_cast<int>(150 - slow.open_count()), 10, "GET /readyz HTTP/1.1\r\nX-Slow: ");
  }
  const auto healthy = sender.stop();
  target.note(healthy.ids);
  check_healthy(healthy);
  idle.close();
  slow.close();
  CHECK(eventually([&] { return usage_of(target.pid()).descriptors <= before.descriptors; }, 20s));
  target.finish();
}

TEST_CASE("hostile: floods, rubbish and large requests on admin stop nothing", "[hostile][admin]") {
  need_descriptors(4096);
  Target target;
  forget_peak(target.pid());
  const auto before = usage_of(target.pid());
  const auto admin = target.daemon().admin_port();
  HealthySender sender(target.port());
  for (int i = 0; i < 3000; ++i) {
    RawClient client(admin);
    if (i % 3 == 0) client.send("POST /api/v1/status HTTP/1.1\r\nHo");
    if (i % 2 == 0) client.reset();
  }
  for (const auto& bytes :
       {std::string("\x16\x03\x01\x02"), std::string(1'000'000, 'A'),
        "GET /" + std::string(100'000, 'a') + " HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /readyz HTTP/1.1\r\nHost: localhost\r\n" +
            [] {
              std::string lines;
              for (int i = 0; i < 20'000; ++i) lines += "A: b\r\n";
              return lines;
            }() +
            "\r\n",
        std::string("POST /readyz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n"
                    "\r\n")}) {
    CAPTURE(bytes.substr(0, 60));
    RawClient client(admin);
    client.send(bytes);
    client.finish();
    const auto status = client.receive().status;
    CHECK((status == 0 || status >= 400));
  }
  check_all_good(ask_health(admin, 10));
  const auto healthy = sender.stop();
  target.note(healthy.ids);
  check_healthy(healthy);
  CHECK(eventually([&] { return usage_of(target.pid()).descriptors <= before.descriptors; }, 20s));
  if (memory_counts()) CHECK(usage_of(target.pid()).peak_kib - before.resident_kib < 32 * 1024);
  target.finish();
}
