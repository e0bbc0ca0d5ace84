// Adds an order and reads the number of orders. Lost connections are tried again: restart Postgres
// while it runs, or end its session, and see the retry.
//
//   DATABASE_URL=postgresql://… with_db BOOK 2
#include <cstdlib>
#include <exception>
#include <holdfast/postgres.hpp>
#include <pqxx/pqxx>
#include <print>
#include <string>

namespace {

int run(const char* url, const std::string& item, int quantity) {
  holdfast::PoolOptions options;
  options.url = holdfast::Secret(url);
  holdfast::Pool pool(std::move(options));
  holdfast::RetryOptions talkative;  // 3 retries from 1 s.
  talkative.on_retry = [](const holdfast::Retry& retry) {
    std::println(stderr, "with_db: {}; retry {} in {}", retry.message, retry.number, retry.delay);
  };

  // Twice is like once, so it may run again even if its COMMIT was in doubt.
  holdfast::with_db_critical(
      pool,
      [](pqxx::work& work) {
        work.exec(
            "CREATE TABLE IF NOT EXISTS orders (id bigint GENERATED ALWAYS AS IDENTITY, item "
            "text NOT NULL, quantity int NOT NULL)");
      },
      holdfast::Idempotent::yes);
  // Twice would be two orders, so a COMMIT in doubt is thrown: pqxx::in_doubt_error.
  const auto id = holdfast::with_db(
      pool,
      [&](pqxx::work& work) {
        return work.query_value<long>(
            "INSERT INTO orders (item, quantity) VALUES ($1, $2) RETURNING id",
            pqxx::params{item, quantity});
      },
      holdfast::Idempotent::no, holdfast::RetryPolicy(std::move(talkative)));
  const auto count = holdfast::with_db_read(pool, [](pqxx::read_transaction& read) {
    return read.query_value<long>("SELECT count(*) FROM orders");
  });
  const auto health = holdfast::connection_health(pool);
  std::println("order {} of {}; database {}", id, count, health.ok ? "ok" : health.error);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const char* url = std::getenv("DATABASE_URL");
  if (argc != 3 || url == nullptr) {
    std::println(stderr, "usage: DATABASE_URL=postgresql://… with_db ITEM QUANTITY");
    return 2;
  }
  try {
    return run(url, argv[1], std::stoi(argv[2]));
  } catch (const std::exception& error) {
    std::println(stderr, "with_db: {}", error.what());
    return 1;
  }
}
