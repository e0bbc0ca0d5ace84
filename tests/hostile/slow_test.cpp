// Slow-loris: senders that begin requests and never end them. Scenario 26.

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <cstdio>

#include "rig.hpp"
#include "support/wait.hpp"

using namespace holdfast;
using namespace holdfast::hostile;
using namespace std::chrono_literals;
using support::eventually;

namespace {

constexpr int half = 500;
/// The pool makes its threads when they are first needed, and keeps them.
constexpr int pool_max = 256;

struct Wave {
  Healthy healthy;
  std::map<int, int> heads;
  std::map<int, int> bodies;
};

/// Half of them are slow in the head, half in the body, and send a byte now and then until the
/// server has had enough of them; a healthy sender posts all the while.
Wave send_slowly(std::uint16_t port, int addresses) {
  Crowd heads(port);
  Crowd bodies(port);
  heads.open(half, addresses, "POST /ingest/plain HTTP/1.1\r\nHost: h\r\nX-Slow: ");
  bodies.open(half, addresses, head("Content-Length: 100000\r\n"));
  HealthySender sender(port);
  const auto trickle = [&] {
    heads.send("x");
    bodies.send("x");
    return heads.all_closed_within(10ms) && bodies.all_closed_within(10ms);
  };
  CHECK(eventually(trickle, 20s));
  return {sender.stop(), heads.statuses(), bodies.statuses()};
}

}  // namespace

TEST_CASE("hostile: five hundred slow heads and five hundred slow bodies do not stop a healthy one",
          "[hostile][slow-loris]") {
  const int addresses = GENERATE(1, 200);
  CAPTURE(addresses);
  need_descriptors(4096);
  Target target("request_deadline = \"2s\"\n");
  const auto before = post_healthily(target.port(), 50, true);
  target.note(before.ids);
  check_healthy(before);
  const auto usage_before = usage_of(target.pid());

  int threads = 0;
  for (int wave = 0; wave < 2; ++wave) {
    const auto seen = send_slowly(target.port(), addresses);
    target.note(seen.healthy.ids);
    check_healthy(seen.healthy);
    std::printf("  %d addresses: slowest healthy answer %lld ms, before %lld ms; %zu answers\n",
                addresses, static_cast<long long>(seen.healthy.slowest.count()),
                static_cast<long long>(before.slowest.count()), seen.healthy.ids.size());
    // There was room for all of them, so each had its time, and was told that it had passed.
    CHECK(seen.heads == std::map<int, int>{{408, half}});
    CHECK(seen.bodies == std::map<int, int>{{408, half}});
    CHECK(eventually([&] { return usage_of(target.pid()).descriptors <= usage_before.descriptors; },
                     10s));
    const int now = usage_of(target.pid()).threads;
    CHECK(now <= usage_before.threads + pool_max);
    threads = now;
  }
  CHECK(usage_of(target.pid()).threads == threads);
  target.finish();
}

TEST_CASE("hostile: slow senders that are more than there are places give way to healthy ones",
          "[hostile][slow-loris]") {
  need_descriptors(4096);
  Target target("request_deadline = \"20s\"\nmax_open_connections = 300\nmax_connections = 8\n");
  Crowd slow(target.port());
  slow.open(500, 100, "POST /ingest/plain HTTP/1.1\r\nHost: h\r\nX-Slow: ");
  HealthySender sender(target.port());
  // Each that has been at it for more than a second goes, as long as there are too many.
  CHECK(slow.open_at_most(300, 15s));
  const auto healthy = sender.stop();
  target.note(healthy.ids);
  check_healthy(healthy);
  auto statuses = slow.statuses();
  CHECK(statuses[503] >= 190);
  CHECK(statuses[503] + statuses[0] == 500);
  slow.send("y\r\nContent-Length: 2\r\n\r\nok");
  CHECK(slow.all_answered_within(20s));
  statuses = slow.statuses();
  CHECK(statuses[202] >= 100);
  CHECK(statuses[202] + statuses[503] == 500);
  target.note(slow.ids());
  target.finish();
}

TEST_CASE("hostile: slow bodies that are together too large give way, the oldest first",
          "[hostile][slow-loris]") {
  need_descriptors(4096);
  Target target(
      "max_inflight_bytes = \"32MiB\"\nmax_body = \"1MiB\"\nrequest_deadline = \"30s\"\n");
  forget_peak(target.pid());
  const auto before = usage_of(target.pid());
  Crowd slow(target.port());
  slow.open(100, 1, head("Content-Length: 1000000\r\n"));
  const std::string piece(25'000, 'b');
  for (int i = 0; i < 36; ++i) {
    slow.send(piece);
    (void)slow.open_at_most(0, 10ms);
  }
  CHECK(slow.open_at_most(40, 15s));
  const auto healthy = post_healthily(target.port(), 20, true);
  target.note(healthy.ids);
  check_healthy(healthy);
  const auto after = usage_of(target.pid());
  std::printf("  100 slow bodies of 1 MB: peak %lld KiB over %lld KiB\n",
              static_cast<long long>(after.peak_kib - before.resident_kib),
              static_cast<long long>(before.resident_kib));
  // Half of max_inflight_bytes and 1 MiB, and what does not depend on their number.
  if (memory_counts()) CHECK(after.peak_kib - before.resident_kib < (17 + 32) * 1024);
  slow.close();
  target.finish(Target::Answers::some_lost);
}
