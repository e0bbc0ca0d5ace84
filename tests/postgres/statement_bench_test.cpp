#include <pqxx/pqxx>
#include <print>

#include "statement_fixture.hpp"

namespace holdfast::postgres {
namespace {

constexpr int batches = 50;
constexpr int batch_entries = 1000;
// The log of a test cluster has every statement, and would be what is measured.
constexpr auto quiet = "log_statement = none";

using Times = std::vector<std::chrono::nanoseconds>;

/// The fastest batch says most on a machine that others use, too.
void report(std::string_view what, Times times) {
  std::ranges::sort(times);
  const auto rate = [](std::chrono::nanoseconds time) {
    return batch_entries / std::chrono::duration<double>(time).count();
  };
  std::println("{:45} {:9.0f} rows/s, median {:9.0f}", what, rate(times.front()),
               rate(times[times.size() / 2]));
}

/// Delivers all batches over the loopback.
Times deliver_all(StatementFixture& fixture) {
  const auto destination = fixture.open();
  REQUIRE(deliver_one(*destination, make_entry(0)).has_value());
  std::vector<std::vector<Entry>> all(batches);
  for (auto& batch : all)
    for (int i = 0; i < batch_entries; ++i)
      batch.push_back(make_entry(
          i + 1, {}, std::format(R"({{"id":"a{}","user":{},"type":"click","data":[1,2]}})", i, i)));
  Times times;
  for (const auto& batch : all) {
    const auto start = fixture.clock.steady_now();
    REQUIRE(destination->deliver(batch).has_value());
    times.push_back(fixture.clock.steady_now() - start);
  }
  return times;
}

}  // namespace

// Hidden: run with `postgres_tests "[bench]"`. It asserts nothing about speed.
TEST_CASE("statements: rows per second of each way", "[.][bench]") {
  const std::string table = "CREATE TABLE a (id text, u int, kind text, data jsonb)";
  const std::vector<std::string> parameters{"/id", "/user", "/type", ""};
  {
    StatementFixture fixture({quiet});
    report("inbox alone", deliver_all(fixture));
  }
  {
    StatementFixture fixture({quiet});
    fixture.cluster.query(table);
    fixture.declare({{"INSERT INTO a VALUES ($1, $2, $3, $4)", parameters, "", 0}});
    report("inbox and INSERT for the whole batch", deliver_all(fixture));
  }
  {
    StatementFixture fixture({quiet});
    fixture.cluster.query(table);
    // A query among the values has no shape.
    fixture.declare({{"INSERT INTO a VALUES ($1, $2, $3, (SELECT $4::jsonb))", parameters, "", 0}});
    report("inbox and INSERT entry by entry, pipelined", deliver_all(fixture));
  }
  {
    const StatementFixture fixture({quiet});
    fixture.cluster.query(table);
    pqxx::connection connection(fixture.cluster.url());
    std::vector<std::string> id, kind, data;
    std::vector<int> user;
    for (int i = 0; i < batch_entries; ++i) {
      id.push_back(std::format("a{}", i));
      user.push_back(i);
      kind.emplace_back("click");
      data.push_back(std::format(R"({{"id":"a{}","user":{},"type":"click","data":[1,2]}})", i, i));
    }
    Times times;
    for (int n = 0; n < batches; ++n) {
      const auto start = fixture.clock.steady_now();
      pqxx::work work(connection);
      work.exec(
          "INSERT INTO a SELECT * FROM unnest($1::text[], $2::int[], $3::text[], $4::jsonb[])",
          pqxx::params{id, user, kind, data});
      work.commit();
      times.push_back(fixture.clock.steady_now() - start);
    }
    report("the same INSERT by hand, no inbox", std::move(times));
  }
}

}  // namespace holdfast::postgres
