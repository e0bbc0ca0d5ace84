#include <catch2/catch_test_macros.hpp>
#include <cstdio>

#include "fixture.hpp"

using namespace holdfast;
using namespace holdfast::outbox_tests;

// Hidden: run with `outbox_tests "[bench]"`. It asserts nothing about speed; a machine under load
// would.
TEST_CASE("outbox: appends per second in groups of 64", "[.][bench]") {
  Box box;
  box.open();
  constexpr int groups = 1000;
  constexpr int group = 64;
  const SystemClock clock;
  const std::string body = body_of(1024);
  std::vector<AppendTicket> tickets;
  double writing = 0;
  const auto start = clock.steady_now();
  for (int g = 0; g < groups; ++g) {
    tickets.clear();
    for (int i = 0; i < group; ++i)
      tickets.push_back(box->submit(make_entry(body, std::to_string(g * group + i))));
    const auto before = clock.steady_now();
    CHECK(box->run_once());
    writing += std::chrono::duration<double>(clock.steady_now() - before).count();
  }
  const double all = std::chrono::duration<double>(clock.steady_now() - start).count();
  for (auto& ticket : tickets) CHECK(ticket.wait(0ms));
  std::printf("%d appends of 1 KiB with a key in groups of %d: %.0f/s, writer alone %.0f/s\n",
              groups * group, group, groups * group / all, groups * group / writing);
}
