#include <print>

#include "fixture.hpp"

namespace holdfast {
namespace {

constexpr int runs = 5'000;

using Times = std::vector<std::chrono::nanoseconds>;

template <class F>
Times measure(F&& run) {
  const SystemClock clock;
  Times times;
  for (int i = 0; i < runs; ++i) {
    const auto begin = clock.steady_now();
    run();
    times.push_back(clock.steady_now() - begin);
  }
  std::ranges::sort(times);
  return times;
}

double median_us(const Times& times) {
  return std::chrono::duration<double, std::micro>(times[times.size() / 2]).count();
}

}  // namespace

// Hidden: run with `wrapper_tests "[bench]"`. It asserts nothing about speed.
TEST_CASE("wrapper: what with_db costs beside the query when nothing fails", "[.][bench]") {
  const PostgresCluster cluster({"log_statement = none"});
  const auto query = [](auto& work) { return work.template query_value<int>("SELECT 1"); };
  pqxx::connection connection(cluster.url());
  Pool pool(options_for(cluster.url()));
  double best = 1e9;
  for (int round = 0; round < 5; ++round) {
    const auto by_hand = median_us(measure([&] {
      pqxx::work work(connection);
      query(work);
      work.commit();
    }));
    const auto wrapped = median_us(measure([&] { with_db(pool, query); }));
    std::println("median of {} calls: by hand {:.1f} us, with_db {:.1f} us, {:+.1f} us", runs,
                 by_hand, wrapped, wrapped - by_hand);
    best = std::min(best, wrapped - by_hand);
  }
  std::println("least difference: {:.1f} us", best);
}

}  // namespace holdfast
