#include "base/wake_signal.hpp"

#include <catch2/catch_test_macros.hpp>
#include <thread>

#include "base/guarded.hpp"
#include "base/histogram.hpp"

using namespace holdfast;

TEST_CASE("wake signal: a raise between looking and waiting is not lost", "[base]") {
  base::WakeSignal signal;
  const auto seen = signal.epoch();
  signal.raise();
  signal.wait(seen, std::nullopt, std::stop_token{});
  CHECK(signal.epoch() == seen + 1);
}

TEST_CASE("wake signal: a raise from another thread, a deadline and a stop each end the wait",
          "[base]") {
  base::WakeSignal signal;
  const SystemClock clock;
  {
    const auto seen = signal.epoch();
    const std::jthread other([&] { signal.raise(); });
    signal.wait(seen, std::nullopt, std::stop_token{});
  }
  signal.wait(signal.epoch(), clock.steady_now() + std::chrono::milliseconds(1), std::stop_token{});
  std::jthread waiter(
      [&](const std::stop_token& stop) { signal.wait(signal.epoch(), std::nullopt, stop); });
  waiter.request_stop();
  waiter.join();
  SUCCEED("all three returned");
}

TEST_CASE("histogram: an observation at a bound counts in that bucket", "[base]") {
  constexpr double bounds[] = {1, 2};
  base::Histogram histogram(bounds);
  for (const double value : {0.5, 1.0, 1.5, 2.0, 3.0}) histogram.observe(value);
  const auto snapshot = histogram.snapshot();
  CHECK(snapshot.counts == std::vector<std::uint64_t>{2, 2, 1});
  CHECK(snapshot.sum == 8.0);
}

TEST_CASE("guarded: the value is changed under its lock only", "[base]") {
  base::Guarded<int> value(0);
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([&] {
        for (int n = 0; n < 1000; ++n) value.with([](int& inside) { ++inside; });
      });
  }
  CHECK(value.copy() == 4000);
}
