#include <future>

#include "fixture.hpp"
#include "support/fake_clock.hpp"

namespace holdfast {
namespace {

std::string refused(PoolOptions options) {
  return error_of(FailureKind::invalid, [&] { const Pool pool(std::move(options)); });
}

/// A call in a thread of its own, and how it ended.
std::future<std::string> call(Pool& pool, const RetryPolicy& policy = exact()) {
  return std::async(std::launch::async, [&pool, policy] {
    try {
      with_db(pool, [](pqxx::work&) {}, Idempotent::no, policy);
      return std::string("done");
    } catch (const std::exception& error) {
      return std::string(error.what());
    }
  });
}

/// The machine's clock, which also moves on by `stride` whenever it is asked.
class StridingClock final : public Clock {
 public:
  [[nodiscard]] WallTime wall_now() const override { return machine_.wall_now(); }
  [[nodiscard]] SteadyTime steady_now() const override {
    return machine_.steady_now() + milliseconds(ahead_ += stride);
  }
  std::atomic<milliseconds::rep> stride{0};

 private:
  SystemClock machine_;
  mutable std::atomic<milliseconds::rep> ahead_{0};
};

}  // namespace

TEST_CASE("wrapper: a pool that cannot work fails at construction, without its URL",
          "[wrapper][pool]") {
  const auto with = [](auto&& change) {
    auto options = options_for("postgresql://u:hunter2@127.0.0.1/db");
    change(options);
    return refused(std::move(options));
  };
  CHECK(with([](auto& o) { o.size = 0; }) ==
        "making a Pool: size is 0; give 1 to 1000 connections");
  CHECK_THAT(with([](auto& o) { o.size = 1'001; }), ContainsSubstring("size is 1001"));
  CHECK_THAT(with([](auto& o) { o.place_wait_max = -1ms; }), ContainsSubstring("-1ms"));
  CHECK_THAT(with([](auto& o) { o.connect_timeout = 0ms; }), ContainsSubstring("connect_timeout"));
  CHECK_THAT(with([](auto& o) { o.idle_close = 0ms; }), ContainsSubstring("idle_close is 0ms"));
  CHECK(with([](auto& o) { o.place_wait_max = 24h + 1ms; }) ==
        "making a Pool: place_wait_max is 86400001ms; give 0ms to 86400000ms (a day)");
  CHECK_THAT(with([](auto& o) { o.connect_timeout = 24h + 1ms; }),
             ContainsSubstring("connect_timeout is 86400001ms; give 1ms to 86400000ms"));
  CHECK_THAT(with([](auto& o) { o.idle_close = 24h + 1ms; }),
             ContainsSubstring("idle_close is 86400001ms; give 1ms to 86400000ms"));
  CHECK_THAT(with([](auto& o) { o.idle_close = milliseconds::max(); }),
             ContainsSubstring("give 1ms to 86400000ms"));
  CHECK_THAT(with([](auto& o) { o.url = Secret(""); }), ContainsSubstring("URL is empty"));
  for (const auto* url : {"mysql://u:hunter2@h/d", "postgresql://u:hunter2@[::1/d",
                          "host=h password=hunter2 colour=red"}) {
    const auto message = with([&](auto& o) { o.url = Secret(url); });
    CHECK_THAT(message, ContainsSubstring("write it as postgresql://"));
    CHECK_THAT(message, !ContainsSubstring("hunter2"));
  }
  const Pool pool(options_for("host=127.0.0.1 password=hunter2", 1'000));
  CHECK(pool.stats().size == 1'000);
}

TEST_CASE("wrapper: a pool works with the longest times that it takes",
          "[wrapper][postgres][pool]") {
  const Fixture fixture;
  auto options = options_for(fixture.cluster.url(), 1);
  options.place_wait_max = options.connect_timeout = options.idle_close = 24h;
  SECTION("by its options") {}
  SECTION("by its URL, where more counts as that") {
    options.url = Secret(fixture.cluster.url() + "?connect_timeout=2147483647");
  }
  Pool pool(std::move(options));
  RetryOptions longest;
  longest.deadline = 24h;
  with_db(pool, [](pqxx::work&) {}, Idempotent::no, RetryPolicy(longest));
  CHECK(connection_health(pool, 24h).ok);
  CHECK(connection_health(pool, 24h + 1ms).ok);
  CHECK(connection_health(pool, milliseconds::max()).ok);
  const auto stats = pool.stats();
  CHECK(stats.connects == 1);
  CHECK(stats.closed_idle == 0);
  CHECK(pool.close_idle() == 0);
}

TEST_CASE("wrapper: a pool gives out its size and not one more", "[wrapper][postgres][pool]") {
  Fixture fixture;
  auto options = fixture.options(fixture.cluster.url());
  options.size = 2;
  options.place_wait_max = 50ms;
  Pool pool(std::move(options));
  Held one(pool);
  Held two(pool);
  CHECK(pool.stats().in_use == 2);
  CHECK(error_of(FailureKind::overloaded, [&] { with_db(pool, [](pqxx::work&) {}); }) ==
        "taking a connection: all 2 places were taken for 50ms; make the work shorter, or raise "
        "PoolOptions::size or place_wait_max");
  CHECK(pool.stats().place_timeouts == 1);
  CHECK(fixture.waits.made().empty());
  two.let_go();
  CHECK(eventually([&] { return pool.stats().idle == 1; }, 10s));
  with_db(pool, [](pqxx::work&) {});
  CHECK(pool.stats().connects == 2);
  CHECK(pool.stats().in_use == 1);
}

TEST_CASE("wrapper: a wait for a place that has no time left takes none",
          "[wrapper][postgres][pool]") {
  const Fixture fixture;
  StridingClock clock;
  auto options = options_for(fixture.cluster.url(), 1);
  options.clock = &clock;
  Pool pool(std::move(options));
  const Held held(pool);
  clock.stride = 100;
  CHECK_THAT(connection_health(pool, 1ms).error,
             ContainsSubstring("all 1 places were taken for 0ms"));
}

TEST_CASE("wrapper: who waits for a place gets the next one", "[wrapper][postgres][pool]") {
  Fixture fixture;
  auto options = fixture.options(fixture.cluster.url());
  options.size = 1;
  options.place_wait_max = 30s;
  Pool pool(std::move(options));
  Held held(pool);
  auto waiting = call(pool);
  REQUIRE(eventually([&] { return pool.stats().waiting == 1; }, 10s));
  held.let_go();
  CHECK(waiting.get() == "done");
  CHECK(pool.stats().connects == 1);
}

TEST_CASE("wrapper: callers get places in the order in which they came",
          "[wrapper][postgres][pool]") {
  const Fixture fixture;
  auto options = options_for(fixture.cluster.url(), 1);
  options.place_wait_max = 30s;
  Pool pool(std::move(options));
  base::Guarded<std::vector<int>> order;
  const auto enter = [&](int caller) {
    with_db(pool, [&](pqxx::work&) { order.with([&](auto& all) { all.push_back(caller); }); });
  };
  std::vector<std::jthread> callers;
  with_db(pool, [&](pqxx::work&) {
    for (int caller = 0; caller < 6; ++caller) {
      // Who gives up leaves the line to the others.
      if (caller == 3) CHECK_FALSE(connection_health(pool, 1ms).ok);
      callers.emplace_back(enter, caller);
      REQUIRE(eventually(
          [&] { return pool.stats().waiting == static_cast<std::size_t>(caller) + 1; }, 10s));
    }
  });
  // This one comes when the place is free, but those before it are only waking up.
  enter(6);
  callers.clear();
  CHECK(order.copy() == std::vector{0, 1, 2, 3, 4, 5, 6});
  CHECK(pool.stats().waiting == 0);
  CHECK(pool.stats().connects == 1);
}

TEST_CASE("wrapper: places that come free together are all taken", "[wrapper][postgres][pool]") {
  const Fixture fixture;
  auto options = options_for(fixture.cluster.url(), 3);
  options.place_wait_max = 30s;
  Pool pool(std::move(options));
  std::vector<std::unique_ptr<Held>> held;
  for (int i = 0; i < 3; ++i) held.push_back(std::make_unique<Held>(pool));
  std::latch all_inside(3);
  std::vector<std::jthread> callers;
  for (int i = 0; i < 3; ++i)
    callers.emplace_back(
        [&] { with_db(pool, [&](pqxx::work&) { all_inside.arrive_and_wait(); }); });
  REQUIRE(eventually([&] { return pool.stats().waiting == 3; }, 10s));
  for (const auto& one : held) one->let_go();
  callers.clear();
  held.clear();
  CHECK(pool.stats().in_use == 0);
  CHECK(pool.stats().connects == 3);
}

TEST_CASE("wrapper: idle connections are closed at their time and not before",
          "[wrapper][postgres][pool]") {
  Fixture fixture;
  support::FakeClock clock;
  auto options = fixture.options(fixture.cluster.url());
  options.clock = &clock;
  options.idle_close = 60s;
  Pool pool(std::move(options));
  {
    Held one(pool);
    Held two(pool);
  }
  with_db(pool, [](pqxx::work&) {});
  CHECK(pool.stats().idle == 2);
  clock.advance(30s);
  // The one that came back last is used again, so the other one grows old.
  with_db(pool, [](pqxx::work&) {});
  clock.advance(29'999ms);
  CHECK(pool.close_idle() == 0);
  clock.advance(1ms);
  CHECK(pool.close_idle() == 1);
  CHECK(pool.stats().idle == 1);
  CHECK(pool.stats().in_use == 0);
  clock.advance(30s);
  CHECK(pool.close_idle() == 1);
  CHECK(pool.stats().closed_idle == 2);
  fixture.check_heals(pool);
}

TEST_CASE("wrapper: the pool closes idle connections by itself", "[wrapper][postgres][pool]") {
  Fixture fixture;
  auto options = fixture.options(fixture.cluster.url());
  options.idle_close = 30ms;
  Pool pool(std::move(options));
  for (std::uint64_t round = 1; round <= 2; ++round) {
    with_db(pool, [](pqxx::work&) {});
    CHECK(eventually([&] { return pool.stats().closed_idle == round; }, 10s));
    CHECK(eventually(
        [&] {
          return fixture.cluster.query(
                     "SELECT count(*) FROM pg_stat_activity WHERE "
                     "application_name = 'holdfast'")[0][0] == "0";
        },
        10s));
  }
}

TEST_CASE("wrapper: a shutdown ends every wait", "[wrapper][postgres][pool]") {
  Fixture fixture;
  auto options = options_for(fixture.gate.url(), 1);
  options.place_wait_max = 1h;
  options.connect_timeout = 1h;
  Pool pool(std::move(options));
  SECTION("for a place") {
    Held held(pool);
    auto waiting = call(pool);
    REQUIRE(eventually([&] { return pool.stats().waiting == 1; }, 10s));
    pool.shutdown();
    CHECK(waiting.get() ==
          "taking a connection: the pool is shut down; end the calls before shutdown()");
    CHECK(pool.stats().in_use == 1);
  }
  SECTION("for a connection") {
    fixture.gate.set_mode(TcpGate::Mode::stall);
    auto connecting = call(pool);
    REQUIRE(eventually([&] { return pool.stats().in_use == 1; }, 10s));
    pool.shutdown();
    CHECK_THAT(connecting.get(), ContainsSubstring("the pool is shut down"));
  }
  SECTION("for a retry") {
    fixture.gate.set_mode(TcpGate::Mode::refuse);
    std::promise<void> retried;
    RetryOptions hours;
    hours.delay_base = hours.delay_max = 1h;
    hours.on_retry = [&](const Retry&) { retried.set_value(); };
    auto waiting = call(pool, RetryPolicy(hours));
    retried.get_future().get();
    pool.shutdown();
    CHECK_THAT(waiting.get(), ContainsSubstring("Connection refused"));
    CHECK(pool.stats().retries_of(DeliveryClass::connection) == 0);
  }
  // With an hour for a place and for connecting, any wait would be seen.
  CHECK_THAT(call(pool).get(), ContainsSubstring("the pool is shut down"));
}

TEST_CASE("wrapper: a pool ends without its calls, and they without it",
          "[wrapper][postgres][pool]") {
  Fixture fixture;
  auto pool = std::make_unique<Pool>(fixture.options(fixture.cluster.url()));
  std::latch inside(1);
  std::latch pool_gone(1);
  std::jthread caller([&, &used = *pool] {
    with_db(used, [&](pqxx::work& work) {
      inside.count_down();
      pool_gone.wait();
      insert(work, 1);
    });
  });
  inside.wait();
  pool.reset();
  pool_gone.count_down();
  caller.join();
  CHECK(fixture.rows() == "1");
}

TEST_CASE("wrapper: health says whether the database answers, in time",
          "[wrapper][postgres][pool]") {
  Fixture fixture;
  // Nothing but the timeout of the question can end a wait: an answer shows that it did.
  auto options = options_for(fixture.gate.url(), 1);
  options.place_wait_max = options.connect_timeout = 24h;
  Pool pool(std::move(options));
  auto health = connection_health(pool);
  CHECK(health.ok);
  CHECK(health.error.empty());
  CHECK(health.latency.count() > 0);
  CHECK(health.stats.connects == 1);
  CHECK(health.stats.idle == 1);
  with_db(pool, [](pqxx::work& work) { insert(work, 1); });
  CHECK(pool.stats().connects == 1);

  fixture.gate.set_mode(TcpGate::Mode::half_open);
  health = connection_health(pool, 200ms);
  CHECK_FALSE(health.ok);
  CHECK(health.error == "asking Postgres: timeout expired: no answer");
  CHECK(health.stats.in_use == 0);
  CHECK(health.stats.last_fault->message == "timeout expired: no answer");
  CHECK(connection_health(pool, 200ms).error == "asking Postgres: timeout expired: no answer");

  fixture.gate.set_mode(TcpGate::Mode::refuse);
  CHECK(connection_health(pool, 5s).error == "asking Postgres: Connection refused");
  fixture.gate.heal();
  CHECK(connection_health(pool).ok);
  Held held(pool);
  CHECK_THAT(connection_health(pool, 20ms).error, ContainsSubstring("all 1 places were taken"));
}

}  // namespace holdfast
