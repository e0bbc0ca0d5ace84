// Ten thousand connections at once. Scenarios 26, 31 and 32.

#include <catch2/catch_test_macros.hpp>
#include <cstdio>
#include <format>

#include "rig.hpp"
#include "support/wait.hpp"

using namespace holdfast;
using namespace holdfast::hostile;
using namespace std::chrono_literals;
using support::eventually;

namespace {

constexpr int many = 10'000;
constexpr int step = 500;
constexpr int addresses = 20;
/// docs/configuration.md: what a connection takes beside the bytes of its request.
constexpr std::int64_t connection_kib = 4;
/// What does not depend on the number of connections: stacks of the pool, and caches.
constexpr std::int64_t fixed_kib = 32 * 1024;

std::int64_t growth_kib(const Target& target, const Usage& before) {
  return usage_of(target.pid()).peak_kib - before.resident_kib;
}

void print(const char* what, std::int64_t kib) {
  std::printf("  %d connections, %s: %lld KiB more, %.1f KiB each\n", many, what,
              static_cast<long long>(kib), static_cast<double>(kib) / many);
}

/// What stays is the pool's threads, each with its stack, and what the allocator cannot give back.
void check_memory_returns(const Target& target, const Usage& before) {
  const auto growth = [&] { return usage_of(target.pid()).resident_kib - before.resident_kib; };
  if (memory_counts()) CHECK(eventually([&] { return growth() < fixed_kib; }, 5s));
  print("when they are gone", growth());
}

}  // namespace

TEST_CASE("hostile: ten thousand idle connections cost little, and intake works beside them",
          "[hostile][many]") {
  need_descriptors(many + 2000);
  Target target;
  target.note(post_healthily(target.port(), 50, true).ids);
  const auto before = usage_of(target.pid());
  forget_peak(target.pid());
  std::vector<std::int64_t> growth;
  // What the first ten thousand took is there again for the second: nothing leaks.
  for (int wave = 0; wave < 2; ++wave) {
    Crowd crowd(target.port());
    // In steps: 1,024 whole requests may wait for a thread at once.
    for (int opened = 0; opened < many; opened += step) {
      crowd.open(step, addresses, "GET /api/health HTTP/1.1\r\nHost: h\r\n\r\n");
      REQUIRE(crowd.all_answered_within(30s));
    }
    CHECK(crowd.statuses() == std::map<int, int>{{200, many}});
    CHECK(usage_of(target.pid()).descriptors >= many);
    const auto healthy = post_healthily(target.port(), 50, true);
    target.note(healthy.ids);
    check_healthy(healthy);
    CHECK(crowd.open_count() == many);
    growth.push_back(growth_kib(target, before));
    print("idle", growth.back());
    crowd.close();
    CHECK(
        eventually([&] { return usage_of(target.pid()).descriptors <= before.descriptors; }, 20s));
    check_memory_returns(target, before);
  }
  if (memory_counts()) {
    CHECK(growth[0] < fixed_kib + many * connection_kib);
    CHECK(growth[1] < growth[0] + fixed_kib / 4);
  }
  CHECK_FALSE(target.daemon().log_text().contains("accept_failed"));
  target.finish();
}

TEST_CASE("hostile: ten thousand slow requests stay below the memory that is theirs",
          "[hostile][many]") {
  need_descriptors(many + 2000);
  Target target("request_deadline = \"60s\"\nmax_inflight_bytes = \"64MiB\"\n");
  target.note(post_healthily(target.port(), 50, true).ids);
  const auto before = usage_of(target.pid());
  forget_peak(target.pid());
  {
    Crowd crowd(target.port());
    // Announced is a body of 4 MiB each; what comes is a head of about 6 KB in many small lines.
    std::string lines = "POST /ingest/plain HTTP/1.1\r\nHost: h\r\nContent-Length: 4000000\r\n";
    for (int i = 0; i < 90; ++i) lines += std::format("H{}:{}\r\n", i, std::string(60, 'v'));
    crowd.open(many, addresses, lines);
    HealthySender sender(target.port());
    crowd.send("\r\n");
    // Half of max_inflight_bytes holds some thousands of such heads: the oldest give way.
    CHECK(crowd.open_at_most(many * 3 / 4, 20s));
    (void)crowd.open_at_most(0, 2s);
    const auto healthy = sender.stop();
    target.note(healthy.ids);
    check_healthy(healthy);
    auto statuses = crowd.statuses();
    CHECK(statuses[503] > 0);
    CHECK(statuses[503] + statuses[0] == many);
    const auto growth = growth_kib(target, before);
    print("slow in body", growth);
    if (memory_counts()) CHECK(growth < fixed_kib + 33 * 1024 + many * connection_kib);
  }
  CHECK(eventually([&] { return usage_of(target.pid()).descriptors <= before.descriptors; }, 20s));
  check_memory_returns(target, before);
  target.finish();
}

TEST_CASE("hostile: twenty thousand connections that come and go at once leave nothing behind",
          "[hostile][many]") {
  need_descriptors(4096);
  Target target;
  target.note(post_healthily(target.port(), 50, true).ids);
  const auto before = usage_of(target.pid());
  HealthySender sender(target.port());
  for (int i = 0; i < 20'000; ++i) {
    RawClient client(target.port(), "127.0.0.1", std::format("127.9.{}.{}", i / 200, i % 200 + 1));
    REQUIRE(client.connected());
    // A third says nothing, a third half a request; every other one goes by a reset.
    if (i % 3 == 0) client.send("POST /ingest/plain HTTP/1.1\r\nHo");
    if (i % 2 == 0) client.reset();
  }
  const auto healthy = sender.stop();
  target.note(healthy.ids);
  check_healthy(healthy);
  CHECK(eventually([&] { return usage_of(target.pid()).descriptors <= before.descriptors; }, 20s));
  if (memory_counts()) CHECK(usage_of(target.pid()).resident_kib - before.resident_kib < fixed_kib);
  target.finish();
}
