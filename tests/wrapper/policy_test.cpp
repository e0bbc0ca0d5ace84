#include <limits>

#include "fixture.hpp"
#include "support/fake_clock.hpp"

namespace holdfast {
namespace {

std::string refused(const std::function<void(RetryOptions&)>& change) {
  RetryOptions options;
  change(options);
  return error_of(FailureKind::invalid, [&] { const RetryPolicy policy(options); });
}

/// A pool whose server is not there.
struct Nowhere {
  Waits waits;
  int calls = 0;

  [[nodiscard]] PoolOptions options() {
    auto made = options_for(
        std::format("postgresql://someone:hunter2@127.0.0.1:{}/db", support::unused_port()));
    made.wait = waits.seam();
    return made;
  }
  [[nodiscard]] auto work() {
    return [this](pqxx::work&) { ++calls; };
  }
};

}  // namespace

TEST_CASE("wrapper: a policy is 3 retries from 1 s, a critical one 5 from 2 s", "[wrapper]") {
  CHECK(RetryPolicy().options().retries == 3);
  CHECK(RetryPolicy().options().delay_base == 1s);
  CHECK(RetryPolicy::critical().options().retries == 5);
  CHECK(RetryPolicy::critical().options().delay_base == 2s);
}

TEST_CASE("wrapper: options that cannot work fail at construction with the cure", "[wrapper]") {
  CHECK(refused([](auto& o) { o.retries = 101; }) ==
        "making a RetryPolicy: retries is 101; give 0 to 100");
  CHECK(refused([](auto& o) { o.delay_base = -5ms; }) ==
        "making a RetryPolicy: delay_base is -5ms; give 1 ms or more, or retries = 0 for no retry");
  CHECK_THAT(refused([](auto& o) { o.delay_base = 0ms; }), ContainsSubstring("delay_base is 0ms"));
  CHECK_THAT(refused([](auto& o) { o.delay_max = 999ms; }), ContainsSubstring("give delay_base"));
  for (const double jitter : {-0.1, 1.1, std::numeric_limits<double>::quiet_NaN()})
    CHECK_THAT(refused([&](auto& o) { o.jitter = jitter; }), ContainsSubstring("give 0 (none)"));
  CHECK_THAT(refused([](auto& o) { o.deadline = 0ms; }), ContainsSubstring("give 1 ms or more"));
  CHECK(refused([](auto& o) { o.delay_base = o.delay_max = 24h + 1ms; }) ==
        "making a RetryPolicy: delay_base is 86400001ms; give up to 86400000ms (a day)");
  CHECK_THAT(refused([](auto& o) { o.delay_max = 24h + 1ms; }),
             ContainsSubstring("delay_max is 86400001ms; give up to"));
  CHECK_THAT(refused([](auto& o) { o.delay_max = milliseconds::max(); }),
             ContainsSubstring("give up to 86400000ms"));
  CHECK_THAT(refused([](auto& o) { o.deadline = 24h + 1ms; }),
             ContainsSubstring("deadline is 86400001ms; give up to"));
  RetryOptions longest;
  longest.delay_base = longest.delay_max = 24h;
  longest.deadline = 24h;
  CHECK(RetryPolicy(longest).options().deadline == 24h);
  RetryOptions limits;
  limits.retries = 100;
  limits.delay_base = limits.delay_max = 1ms;
  limits.jitter = 1;
  limits.deadline = 1ms;
  CHECK(RetryPolicy(limits).options().retries == 100);
}

TEST_CASE("wrapper: the delays follow the policy, and the last failure comes out", "[wrapper]") {
  Nowhere nowhere;
  Pool pool(nowhere.options());
  std::string message;
  try {
    with_db(pool, nowhere.work(), Idempotent::no, exact());
  } catch (const pqxx::broken_connection& error) {
    message = error.what();
  }
  CHECK(message ==
        "connecting to Postgres: Connection refused; check that it runs, and the URL of the pool");
  CHECK(nowhere.calls == 0);
  CHECK(nowhere.waits.made() == std::vector<milliseconds>{1s, 2s, 4s});
  CHECK(pool.stats().retries_of(DeliveryClass::connection) == 3);
  CHECK(pool.stats().last_fault->message == "Connection refused");
  CHECK(pool.stats().connects == 0);
  CHECK(pool.stats().in_use == 0);
}

TEST_CASE("wrapper: a critical call waits twice as long and up to the cap", "[wrapper]") {
  Nowhere nowhere;
  Pool pool(nowhere.options());
  CHECK_THROWS_AS(with_db_critical(pool, nowhere.work(), Idempotent::no, exact(5, 2s)),
                  pqxx::broken_connection);
  CHECK(nowhere.waits.made() == std::vector<milliseconds>{2s, 4s, 8s, 16s, 30s});
  CHECK_THROWS_AS(with_db_critical(pool, nowhere.work()), pqxx::broken_connection);
  CHECK(nowhere.waits.made().size() == 10);
  CHECK_THROWS_AS(with_db(pool, nowhere.work(), Idempotent::no, exact(0)), pqxx::broken_connection);
  CHECK(nowhere.waits.made().size() == 10);
}

TEST_CASE("wrapper: the longest delays that a policy takes are waited for", "[wrapper]") {
  Nowhere nowhere;
  Pool pool(nowhere.options());
  RetryOptions options;
  options.retries = 100;
  options.delay_base = options.delay_max = 24h;
  options.jitter = 0;
  CHECK_THROWS_AS(with_db(pool, nowhere.work(), Idempotent::no, RetryPolicy(options)),
                  pqxx::broken_connection);
  CHECK(nowhere.waits.made() == std::vector<milliseconds>(100, 24h));
}

TEST_CASE("wrapper: chance takes at most its part of a delay", "[wrapper]") {
  Nowhere nowhere;
  Pool pool(nowhere.options());
  RetryOptions options;
  options.retries = 60;
  options.delay_base = options.delay_max = 1s;
  options.jitter = 0.25;
  CHECK_THROWS_AS(with_db(pool, nowhere.work(), Idempotent::no, RetryPolicy(options)),
                  pqxx::broken_connection);
  const auto made = nowhere.waits.made();
  REQUIRE(made.size() == 60);
  const auto [least, most] = std::ranges::minmax(made);
  CHECK(least >= 750ms);
  CHECK(most <= 1s);
  CHECK(least != most);
}

TEST_CASE("wrapper: no attempt begins after the deadline", "[wrapper]") {
  Nowhere nowhere;
  support::FakeClock clock;
  auto options = nowhere.options();
  options.clock = &clock;
  options.wait = [&, seam = options.wait](milliseconds delay) {
    seam(delay);
    clock.advance(delay);
  };
  Pool pool(std::move(options));
  const auto waits_within = [&](milliseconds deadline) {
    const auto before = nowhere.waits.made().size();
    RetryOptions limited;
    limited.jitter = 0;
    limited.deadline = deadline;
    CHECK_THROWS_AS(with_db(pool, nowhere.work(), Idempotent::no, RetryPolicy(limited)),
                    pqxx::broken_connection);
    return nowhere.waits.made().size() - before;
  };
  CHECK(waits_within(1s) == 0);
  CHECK(waits_within(1001ms) == 1);
  CHECK(waits_within(7s) == 2);
  CHECK(waits_within(7001ms) == 3);
}

TEST_CASE("wrapper: a wait that took longer than it should is followed by no late attempt",
          "[wrapper]") {
  Nowhere nowhere;
  support::FakeClock clock;
  auto options = nowhere.options();
  options.clock = &clock;
  milliseconds late{};
  options.wait = [&](milliseconds delay) { clock.advance(delay + late); };
  Pool pool(std::move(options));
  RetryOptions limited;
  limited.jitter = 0;
  limited.retries = 1;
  limited.deadline = 1500ms;
  const auto retried_when_late_by = [&](milliseconds time) {
    late = time;
    const auto before = pool.stats().retries_of(DeliveryClass::connection);
    CHECK_THROWS_AS(with_db(pool, nowhere.work(), Idempotent::no, RetryPolicy(limited)),
                    pqxx::broken_connection);
    return pool.stats().retries_of(DeliveryClass::connection) - before;
  };
  CHECK(retried_when_late_by(499ms) == 1);
  CHECK(retried_when_late_by(500ms) == 0);
}

TEST_CASE("wrapper: the observer sees each retry before its wait", "[wrapper]") {
  Nowhere nowhere;
  std::vector<Retry> seen;
  std::vector<std::size_t> waits_before;
  RetryOptions options;
  options.jitter = 0;
  options.retries = 2;
  options.on_retry = [&](const Retry& retry) {
    seen.push_back(retry);
    waits_before.push_back(nowhere.waits.made().size());
  };
  Pool pool(nowhere.options());
  CHECK_THROWS_AS(with_db(pool, nowhere.work(), Idempotent::no, RetryPolicy(options)),
                  pqxx::broken_connection);
  REQUIRE(seen.size() == 2);
  CHECK(waits_before == std::vector<std::size_t>{0, 1});
  CHECK(seen[1].number == 2);
  CHECK(seen[1].delay == 2s);
  CHECK(seen[1].delivery_class == DeliveryClass::connection);
  CHECK(seen[1].message == "Connection refused");
  CHECK_FALSE(seen[1].in_doubt);

  options.on_retry = [](const Retry&) { throw std::runtime_error("enough"); };
  CHECK_THROWS_WITH(with_db(pool, nowhere.work(), Idempotent::no, RetryPolicy(options)), "enough");
  CHECK(pool.stats().in_use == 0);
}

}  // namespace holdfast
