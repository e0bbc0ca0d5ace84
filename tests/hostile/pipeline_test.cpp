// Many requests on one connection, with and without reading what they are answered. Scenario 28.

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <cstdio>
#include <format>
#include <thread>

#include "rig.hpp"
#include "support/wait.hpp"

using namespace holdfast;
using namespace holdfast::hostile;
using namespace std::chrono_literals;

namespace {

constexpr int requests_max = 100'000;
constexpr int cycle_requests = 500;

/// Questions for health, which cost no sync of the disk, and behind them a write.
std::string pipelined_cycle() {
  std::string cycle;
  for (int i = 1; i < cycle_requests; ++i) cycle += "GET /api/health HTTP/1.1\r\nHost: h\r\n\r\n";
  return cycle + post("a write among them");
}

}  // namespace

TEST_CASE("hostile: a thousand pipelined writes are answered in order, each with its own id",
          "[hostile][pipeline]") {
  Target target;
  std::string requests;
  constexpr int writes = 1000;
  for (int i = 0; i < writes; ++i) requests += post(std::format("write {}", i));
  RawClient client(target.port());
  std::jthread sending([&] { client.send(requests); });
  std::vector<std::string> ids;
  for (int i = 0; i < writes; ++i) {
    const auto answer = target.note(client.receive());
    REQUIRE(answer.status == 202);
    ids.push_back(id_of(answer));
    // The body names the id of the header: no answer is that of another request.
    CHECK(answer.body.contains(ids.back()));
  }
  sending.join();
  // Stored in the order in which they were sent, as answered.
  target.finish();
  auto stored = stored_ids(target.daemon());
  REQUIRE(stored.size() == writes + 1);
  stored.pop_back();
  CHECK((stored == ids));
}

TEST_CASE("hostile: a hundred thousand pipelined requests whose answers nobody reads are held off",
          "[hostile][pipeline]") {
  need_descriptors(4096);
  Target target;
  target.note(post_healthily(target.port(), 20, true).ids);
  forget_peak(target.pid());
  const auto before = usage_of(target.pid());
  const auto cycle = pipelined_cycle();
  constexpr int senders = 50;
  HealthySender sender(target.port());
  Crowd crowd(target.port());
  crowd.open(senders, 10);
  // The server takes no more of them once its answers are not taken, and cuts them off then.
  std::size_t sent = 0;
  const auto all_cut_off = [&] {
    sent = crowd.pour(cycle, cycle.size() * requests_max / cycle_requests);
    return crowd.open_count() == 0;
  };
  CHECK(support::eventually(all_cut_off, 40s));
  const auto growth = usage_of(target.pid()).peak_kib - before.resident_kib;
  const auto healthy = sender.stop();
  target.note(healthy.ids);
  check_healthy(healthy);
  std::printf("  %d senders that read nothing: %zu of %zu MB sent, peak %lld KiB\n", senders,
              sent >> 20U, senders * cycle.size() * requests_max / cycle_requests >> 20U,
              static_cast<long long>(growth));
  if (memory_counts()) CHECK(growth < 32 * 1024);
  // What they were answered nobody has read, but it is stored.
  target.finish(Target::Answers::some_lost);
}

TEST_CASE("hostile: a hundred thousand pipelined requests are all answered to one who reads",
          "[hostile][pipeline]") {
  Target target;
  target.note(post_healthily(target.port(), 20, true).ids);
  forget_peak(target.pid());
  const auto before = usage_of(target.pid());
  const auto cycle = pipelined_cycle();
  RawClient client(target.port());
  std::jthread sending([&] {
    for (int i = 0; i < requests_max / cycle_requests && client.send(cycle); ++i) continue;
  });
  int good = 0;
  std::vector<std::string> ids;
  for (int i = 0; i < requests_max; ++i) {
    const auto answer = target.note(client.receive());
    const bool write = i % cycle_requests == cycle_requests - 1;
    if (answer.status != (write ? 202 : 200)) break;
    if (write) ids.push_back(id_of(answer));
    ++good;
  }
  CHECK(good == requests_max);
  CHECK(std::ranges::is_sorted(ids));
  const auto growth = usage_of(target.pid()).peak_kib - before.resident_kib;
  std::printf("  %d pipelined requests: peak %lld KiB\n", good, static_cast<long long>(growth));
  if (memory_counts()) CHECK(growth < 16 * 1024);
  sending.join();
  target.finish();
}
