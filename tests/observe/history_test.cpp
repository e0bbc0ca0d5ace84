#include "observe/history.hpp"

#include <atomic>
#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <new>
#include <nlohmann/json.hpp>
#include <thread>

#include "observe/sampler.hpp"
#include "sample.hpp"
#include "support/fake_clock.hpp"
#include "support/wait.hpp"

namespace {

using namespace std::chrono_literals;
using Catch::Approx;
using holdfast::HealthSnapshot;
using holdfast::LogEvent;
using holdfast::SteadyTime;
using holdfast::observe::History;
using holdfast::observe::history_json;
using holdfast::observe::Sampler;
using holdfast::test::healthy;
using holdfast::test::sample_time;

/// The daemon after `seconds` in which 3 entries came and 2 went each second.
HealthSnapshot after(int seconds) {
  auto snapshot = healthy();
  snapshot.at = sample_time() + std::chrono::seconds(seconds);
  snapshot.outbox.appended = static_cast<std::uint64_t>(1000 + 3 * seconds);
  snapshot.relay.delivered_by_source = {{"twilio", static_cast<std::uint64_t>(10 + seconds)},
                                        {"gone", static_cast<std::uint64_t>(seconds)}};
  return snapshot;
}

SteadyTime at(int seconds) {
  return SteadyTime(std::chrono::seconds(seconds));
}

TEST_CASE("history: keeps the last hour, oldest first, and forgets what is older",
          "[observe][history]") {
  History history;
  CHECK(history.samples().empty());
  for (int i = 0; i < 400; ++i) history.sample(after(10 * i), at(10 * i));
  const auto samples = history.samples();
  REQUIRE(samples.size() == 360);
  CHECK(samples.front().at == sample_time() + 400s);
  CHECK(samples.back().at == sample_time() + 3990s);
  for (std::size_t i = 1; i < samples.size(); ++i)
    CHECK(samples[i].steady_at - samples[i - 1].steady_at == 10s);
  CHECK(samples.back().accepted_per_second == Approx(3));
  CHECK(samples.back().delivered_per_second == Approx(2));
}

TEST_CASE(
    "history: its document has the keys of the contract, and no rate before the second sample",
    "[observe][history]") {
  History history;
  CHECK(nlohmann::json::parse(history_json(history.samples())) ==
        nlohmann::json{{"step_seconds", 10}, {"samples", nlohmann::json::array()}});
  history.sample(after(0), at(0));
  const auto document = nlohmann::json::parse(history_json(history.samples()));
  CHECK(document["samples"] == nlohmann::json::array({{{"at", "2026-11-23T22:29:22.123Z"},
                                                       {"pending", 3},
                                                       {"dead", 2},
                                                       {"lag_seconds", 1.5},
                                                       {"accepted_per_second", 0.0},
                                                       {"delivered_per_second", 0.0},
                                                       {"bytes", 4096}}}));
}

TEST_CASE("history: rates look a minute back, or to the first sample while there is less",
          "[observe][history]") {
  History history;
  auto first = after(0);
  history.describe(first, at(0));
  CHECK(first.rates.window_seconds == 0);
  CHECK(first.rates.accepted_per_second == 0);
  history.sample(first, at(0));
  auto soon = after(4);
  history.describe(soon, at(4));
  CHECK(soon.rates.window_seconds == 4);
  CHECK(soon.rates.accepted_per_second == Approx(3));
  CHECK(soon.rates.delivered_per_second == Approx(2));
  for (int i = 1; i < 60; ++i) history.sample(after(10 * i), at(10 * i));
  // A burst in the last seconds counts by its share of the minute.
  auto burst = after(595);
  burst.outbox.appended += 650;
  history.describe(burst, at(595));
  CHECK(burst.rates.window_seconds == 65);
  CHECK(burst.rates.accepted_per_second == Approx(3 + 10));
  CHECK(burst.rates.delivered_per_second == Approx(2));
}

TEST_CASE("history: a wall clock that jumps and a count that begins anew spoil no rate",
          "[observe][history]") {
  History history;
  history.sample(after(0), at(0));
  auto jumped = after(10);
  jumped.at -= std::chrono::hours(1000);
  jumped.relay.delivered_by_source.clear();
  history.sample(jumped, at(10));
  CHECK(history.samples().back().accepted_per_second == Approx(3));
  CHECK(history.samples().back().delivered_per_second == 0);
}

TEST_CASE("history: a backlog that grows while Postgres is away is forecast",
          "[observe][history]") {
  History history;
  const auto outage = [](int seconds) {
    auto snapshot = after(seconds);
    snapshot.outbox.bytes_max = 1'000'000'000;
    snapshot.outbox.disk_free_bytes = 1ULL << 40U;
    snapshot.outbox.kept_bytes = static_cast<std::uint64_t>(seconds) * 100'000;
    return snapshot;
  };
  for (int i = 0; i < 12; ++i) history.sample(outage(10 * i), at(10 * i));
  auto now = outage(120);
  history.describe(now, at(120));
  REQUIRE(now.forecast.full_in_seconds);
  CHECK(*now.forecast.full_in_seconds == Approx(9880));
  CHECK(now.forecast.growth_bytes_per_second == Approx(100'000));
  CHECK(now.forecast.limited_by == "max_size");
}

TEST_CASE("sampler: takes one sample a run, and says what the forecast says",
          "[observe][history]") {
  holdfast::support::FakeClock clock;
  std::vector<std::string> events;
  auto snapshot = healthy();
  Sampler sampler([&] { return snapshot; }, clock,
                  [&](const LogEvent& event) { events.emplace_back(event.name); });
  sampler.run_once();
  CHECK(sampler.history().samples().size() == 1);
  CHECK(events.empty());
  snapshot.forecast = {1000.0, 5, "max_size"};
  clock.advance(10s);
  sampler.run_once();
  CHECK(sampler.history().samples().size() == 2);
  CHECK(events == std::vector<std::string>{"outbox_filling"});
}

TEST_CASE("sampler: a snapshot that cannot be made is a gap and an event, not an end",
          "[observe][history]") {
  holdfast::support::FakeClock clock;
  std::vector<std::string> events;
  bool fails = true;
  Sampler sampler(
      [&] {
        if (fails) throw std::bad_alloc();
        return healthy();
      },
      clock, [&](const LogEvent& event) { events.emplace_back(event.name); });
  sampler.run_once();
  CHECK(events == std::vector<std::string>{"sample_failed"});
  fails = false;
  sampler.run_once();
  CHECK(sampler.history().samples().size() == 1);
}

TEST_CASE("sampler: samples at once when it starts, then sleeps, and a stop ends it at once",
          "[observe][history]") {
  const holdfast::SystemClock clock;
  std::atomic<int> taken = 0;
  Sampler sampler(
      [&] {
        ++taken;
        return healthy();
      },
      clock, [](const LogEvent&) {});
  const auto begun = clock.steady_now();
  {
    const std::jthread thread([&](const std::stop_token& stop) { sampler.run(stop); });
    REQUIRE(holdfast::support::eventually([&] { return taken > 0; }, 5s));
  }
  CHECK(clock.steady_now() - begun < 5s);
  CHECK(taken == 1);
}

}  // namespace
