#include <print>

#include "fixture.hpp"

namespace holdfast {
namespace {

constexpr int runs = 5'000;
constexpr int rounds = 5;

/// The middle one.
double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

template <class F>
double microseconds(F&& run) {
  const SystemClock clock;
  const auto begin = clock.steady_now();
  run();
  return std::chrono::duration<double, std::micro>(clock.steady_now() - begin).count();
}

}  // namespace

// Hidden: run with `wrapper_tests "[bench]"`. It asserts nothing about speed.
TEST_CASE("wrapper: what with_db costs beside the query when nothing fails", "[.][bench]") {
  const PostgresCluster cluster({"log_statement = none"});
  const auto query = [](auto& work) { return work.template query_value<int>("SELECT 1"); };
  pqxx::connection connection(cluster.url());
  Pool pool(options_for(cluster.url()));
  std::vector<double> differences;
  for (int round = 0; round < rounds; ++round) {
    std::vector<double> by_hand;
    std::vector<double> wrapped;
    // By turns, so that what else the machine does meets both alike.
    for (int i = 0; i < runs; ++i) {
      by_hand.push_back(microseconds([&] {
        pqxx::work work(connection);
        query(work);
        work.commit();
      }));
      wrapped.push_back(microseconds([&] { with_db(pool, query); }));
    }
    differences.push_back(median(wrapped) - median(by_hand));
    std::println("median of {} calls: by hand {:.1f} us, with_db {:.1f} us, {:+.1f} us", runs,
                 median(by_hand), median(wrapped), differences.back());
  }
  std::println("median difference: {:.1f} us", median(differences));
  // One connection for all calls, and nothing was tried again.
  CHECK(pool.stats().connects == 1);
  CHECK_FALSE(pool.stats().last_fault.has_value());
}

}  // namespace holdfast
