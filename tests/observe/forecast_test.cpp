#include "observe/forecast.hpp"

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <vector>

#include "sample.hpp"

namespace {

using namespace std::chrono_literals;
using Catch::Approx;
using holdfast::DestinationState;
using holdfast::Forecast;
using holdfast::SteadyTime;
using holdfast::observe::Room;
using holdfast::observe::room_of;
using holdfast::test::healthy;

constexpr double gib = 1024.0 * 1024 * 1024;
constexpr double far = 1000 * gib;

/// Rooms below max_size each 10 s, the last one now; the disk is no limit.
std::vector<Room> rooms(int count, auto&& size_bytes) {
  std::vector<Room> list;
  for (int i = 0; i < count; ++i) list.push_back({SteadyTime(i * 10s), size_bytes(i * 10.0), far});
  return list;
}

Forecast forecast(std::vector<Room> list, const holdfast::HealthSnapshot& snapshot = healthy()) {
  const auto now = list.back();
  list.pop_back();
  return holdfast::observe::forecast(snapshot, list, now);
}

TEST_CASE("forecast: a room that goes evenly is full when it says", "[observe][forecast]") {
  const auto result = forecast(rooms(61, [](double t) { return 8 * gib - t * 1'000'000; }));
  CHECK(result.growth_bytes_per_second == Approx(1'000'000));
  REQUIRE(result.full_in_seconds);
  CHECK(*result.full_in_seconds == Approx((8 * gib - 600 * 1'000'000.0) / 1'000'000));
  CHECK(result.limited_by == "max_size");
}

TEST_CASE("forecast: the limit that is met first counts", "[observe][forecast]") {
  auto list = rooms(61, [](double t) { return 8 * gib - t * 1'000'000; });
  for (std::size_t i = 0; i < list.size(); ++i)
    list[i].disk_bytes = gib - static_cast<double>(i) * 10 * 1'200'000;
  const auto result = forecast(list);
  CHECK(result.limited_by == "disk_reserve");
  CHECK(result.growth_bytes_per_second == Approx(1'200'000));
  CHECK(*result.full_in_seconds == Approx((gib - 600 * 1'200'000.0) / 1'200'000));
  for (auto& room : list) room.size_bytes = far;
  CHECK(forecast(list).limited_by == "disk_reserve");
}

TEST_CASE("forecast: nothing is said of a minute not yet over, of no growth and of a far day",
          "[observe][forecast]") {
  const auto growing = [](double t) { return gib - t * 1'000'000; };
  CHECK_FALSE(forecast(rooms(1, growing)).full_in_seconds);
  CHECK_FALSE(forecast(rooms(6, growing)).full_in_seconds);
  CHECK(forecast(rooms(7, growing)).full_in_seconds);
  CHECK_FALSE(forecast(rooms(61, [](double) { return gib; })).full_in_seconds);
  CHECK_FALSE(forecast(rooms(61, [](double t) { return gib + t * 1000; })).full_in_seconds);
  CHECK(forecast(rooms(61, [](double t) { return gib + t * 1000; })).growth_bytes_per_second == 0);
  const double a_month = 30 * 86'400.0;
  const auto full_after = [&](double seconds) {
    return forecast(rooms(61, [&](double t) { return gib - (t - 600) * gib / seconds; }));
  };
  CHECK(full_after(a_month * 0.99).full_in_seconds);
  CHECK_FALSE(full_after(a_month * 1.01).full_in_seconds);
  CHECK(full_after(a_month * 1.01).limited_by.empty());
}

TEST_CASE("forecast: what was before the last ten minutes is over", "[observe][forecast]") {
  const auto list = rooms(200, [](double t) { return t < 1380 ? gib - t * 500'000 : gib; });
  CHECK_FALSE(forecast(list).full_in_seconds);
}

TEST_CASE("forecast: an outage that has just begun shows within minutes", "[observe][forecast]") {
  // Flat for eight minutes, then as much as fills the room in two hours.
  const double growth = 8 * gib / 7200;
  const auto list = rooms(61, [&](double t) { return 8 * gib - (t > 480 ? t - 480 : 0) * growth; });
  const auto result = forecast(list);
  REQUIRE(result.full_in_seconds);
  CHECK(*result.full_in_seconds < 24 * 3600);
  const auto later =
      rooms(61, [&](double t) { return 8 * gib - (t > 180 ? t - 180 : 0) * growth; });
  CHECK(*forecast(later).full_in_seconds < 3 * 3600);
}

TEST_CASE("forecast: a drain is no growth, and a backlog that comes and goes is none",
          "[observe][forecast]") {
  CHECK_FALSE(forecast(rooms(61, [](double t) {
                return t < 300 ? 8 * gib - t * 3'000'000 : 8 * gib - (600 - t) * 3'000'000;
              })).full_in_seconds);
  const auto waves = rooms(61, [](double t) { return gib - 5'000'000 * (1 + std::sin(t / 20)); });
  const auto result = forecast(waves);
  CHECK((!result.full_in_seconds || *result.full_in_seconds > 12 * 3600));
}

TEST_CASE("forecast: what a drain has given back is no growth any more", "[observe][forecast]") {
  // Four minutes of outage, a drain of 10 s, and then nothing: at once, and for as long as the
  // window has the outage in it.
  const auto outage = [](double t) { return t < 240 ? gib - t * 400'000 : gib; };
  CHECK(forecast(rooms(24, outage)).full_in_seconds);
  for (const int count : {26, 30, 40, 61}) {
    const auto result = forecast(rooms(count, outage));
    CHECK_FALSE(result.full_in_seconds);
    CHECK(result.growth_bytes_per_second == 0);
  }
  // Bursts that stay are growth also between two of them.
  CHECK(forecast(rooms(61, [](double t) {
          return gib - std::floor(t / 150) * 20'000'000;
        })).full_in_seconds);
}

TEST_CASE("forecast: what economy gathers is gone before it fills anything",
          "[observe][forecast]") {
  const auto list = rooms(61, [](double t) { return gib - t * 100'000; });
  auto gathering = healthy();
  gathering.relay.state = DestinationState::idle;
  gathering.relay.retry_at = gathering.at + 30min;
  CHECK_FALSE(forecast(list, gathering).full_in_seconds);
  gathering.relay.retry_at = gathering.at + 24h;
  CHECK(forecast(list, gathering).full_in_seconds);
  gathering.relay.retry_at = gathering.at + 1s;
  gathering.relay.state = DestinationState::backing_off;
  CHECK(forecast(list, gathering).full_in_seconds);
}

TEST_CASE("forecast: who cannot store is full now, without any growth", "[observe][forecast]") {
  auto full = healthy();
  full.outbox.can_store = false;
  const auto result = forecast(rooms(1, [](double) { return 1000.0; }), full);
  CHECK(result.full_in_seconds == 0.0);
  CHECK(result.limited_by == "max_size");
  CHECK(forecast({Room{SteadyTime(0s), gib, -5}}, full).limited_by == "disk_reserve");
}

TEST_CASE("forecast: delivered entries take no room, since they go before anybody gets 503",
          "[observe][forecast]") {
  holdfast::OutboxStats outbox;
  outbox.bytes_max = 1000;
  outbox.disk_free_bytes = 5000;
  outbox.disk_reserve_bytes = 300;
  outbox.bytes = 900;
  outbox.file_bytes = 1200;
  outbox.kept_bytes = 200;
  const auto room = room_of(outbox, SteadyTime(7s));
  CHECK(room.at == SteadyTime(7s));
  CHECK(room.size_bytes == 800);
  CHECK(room.disk_bytes == 5000 + 1200 - 300 - 200);
  // The file grows by what was delivered, and the disk shrinks by it: nothing has changed.
  outbox.bytes += 50;
  outbox.file_bytes += 50;
  outbox.disk_free_bytes -= 50;
  CHECK(room_of(outbox, SteadyTime(7s)).size_bytes == room.size_bytes);
  CHECK(room_of(outbox, SteadyTime(7s)).disk_bytes == room.disk_bytes);
}

}  // namespace
