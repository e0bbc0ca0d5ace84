#include <thread>

#include "fixture.hpp"

namespace holdfast {

TEST_CASE("wrapper: 16 threads on a pool of 4 store each row once, whatever happens to the link",
          "[wrapper][postgres][faults][threads]") {
  constexpr int threads = 16;
  constexpr int rows_each = 60;
  Fixture fixture;
  fixture.cluster.query("CREATE TABLE total (n bigint); INSERT INTO total VALUES (0)");
  auto options = options_for(fixture.gate.url(), 4);
  options.place_wait_max = 60s;
  Pool pool(std::move(options));
  RetryOptions patient;
  patient.retries = 100;
  patient.delay_base = 1ms;
  patient.delay_max = 20ms;
  patient.jitter = 1;
  const RetryPolicy policy(patient);
  std::atomic<int> running{threads};
  std::atomic<int> stored{0};
  base::Guarded<std::vector<std::string>> failures;

  const auto writer = [&](int thread) {
    for (int i = 0; i < rows_each; ++i) {
      const int id = thread * rows_each + i;
      try {
        // The counter moves only with a row that is new: exactly once, by its key.
        with_db(
            pool,
            [id](pqxx::work& work) {
              const auto added =
                  work.exec("INSERT INTO rows VALUES ($1) ON CONFLICT DO NOTHING", pqxx::params{id})
                      .affected_rows();
              work.exec("UPDATE total SET n = n + $1", pqxx::params{added}).no_rows();
            },
            Idempotent::yes, policy);
        ++stored;
      } catch (const std::exception& error) {
        failures.with([&](auto& all) { all.emplace_back(error.what()); });
      }
    }
    --running;
  };
  std::vector<std::jthread> writers;
  for (int thread = 0; thread < threads; ++thread) writers.emplace_back(writer, thread);
  const auto sessions_on_server = [&] {
    return std::stoul(fixture.cluster.query(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'holdfast'")[0][0]);
  };
  for (int round = 0; running > 0; ++round) {
    const auto stats = pool.stats();
    CHECK(stats.in_use + stats.idle <= 4);
    if (round % 4 == 0) fixture.gate.cut_all();
    if (round % 4 == 1) fixture.gate.cut_inside_commit(TcpGate::CommitCut::after_forward, 2);
    if (round % 4 == 2)
      fixture.cluster.query(
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = "
          "'holdfast' LIMIT 2");
    if (round % 4 == 3) fixture.gate.cut_inside_commit(TcpGate::CommitCut::before_forward, 2);
    // Rows go in between two faults however slow the machine is, so no call meets one each time.
    const int before = stored;
    CHECK(eventually([&] { return running == 0 || stored >= before + 8; }, 60s));
    // The pool's own count says nothing of what it forgot to close. The server notices an end a
    // little later, so its count may be above for a moment.
    CHECK(eventually([&] { return sessions_on_server() <= 4; }, 60s));
  }
  writers.clear();
  CHECK(failures.copy() == std::vector<std::string>{});
  CHECK(pool.stats().in_use == 0);
  CHECK(eventually([&] { return sessions_on_server() == pool.stats().idle; }, 60s));
  CHECK(eventually([&] { return fixture.gate.open_connections() == pool.stats().idle; }, 60s));
  CHECK(pool.stats().retries_of(DeliveryClass::connection) > 0);
  CHECK(fixture.rows() == std::to_string(threads * rows_each));
  CHECK(fixture.cluster.query("SELECT n FROM total")[0][0] == std::to_string(threads * rows_each));
  fixture.check_heals(pool);
}

}  // namespace holdfast
