#include "outbox/multi_insert.hpp"

#include <catch2/catch_test_macros.hpp>
#include <numeric>
#include <vector>

using namespace holdfast::outbox;

namespace {

SQLite::Database make() {
  SQLite::Database database(":memory:", SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
  database.exec("CREATE TABLE number (value INTEGER NOT NULL UNIQUE, twice TEXT)");
  return database;
}

struct Table {
  void insert(std::span<const std::int64_t> values) {
    numbers.insert(values, [](SQLite::Statement& statement, int& index, const std::int64_t& value) {
      bind_after(index, statement, value, std::optional<std::string>());
    });
  }
  [[nodiscard]] std::int64_t query(const char* sql) { return query_number(database, sql); }

  SQLite::Database database = make();
  MultiInsert numbers{database, "INSERT OR ROLLBACK INTO number (value, twice)", "(?, ?)"};
};

}  // namespace

TEST_CASE("multi insert: any number of rows is inserted, each once and in order", "[outbox]") {
  for (std::size_t count = 0; count <= 2 * MultiInsert::rows_max + 1; ++count) {
    Table table;
    std::vector<std::int64_t> values(count);
    std::iota(values.begin(), values.end(), 100);
    table.insert(values);
    table.insert(std::vector<std::int64_t>{7});
    const auto rows = static_cast<std::int64_t>(count);
    CHECK(table.query("SELECT count(*) FROM number") == rows + 1);
    CHECK(table.query("SELECT count(*) FROM number WHERE value = rowid + 99") == rows);
  }
}

TEST_CASE("multi insert: a row that is refused takes the whole transaction back", "[outbox]") {
  Table table;
  table.database.exec("BEGIN");
  table.insert(std::vector<std::int64_t>{1, 2, 3});
  CHECK_THROWS_AS(table.insert(std::vector<std::int64_t>{4, 5, 2, 6}), SQLite::Exception);
  CHECK(table.query("SELECT count(*) FROM number") == 0);
  table.insert(std::vector<std::int64_t>{4, 5, 6});
  CHECK(table.query("SELECT count(*) FROM number") == 3);
}
