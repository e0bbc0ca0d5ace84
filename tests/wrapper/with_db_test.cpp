#include <csignal>
#include <cstdlib>
#include <memory>

#include "fixture.hpp"
#include "support/process.hpp"

namespace holdfast {
namespace {

int statement_of_free_function(pqxx::work& work) {
  return work.query_value<int>("SELECT 5");
}

constexpr const char* notice = "DO $$BEGIN RAISE NOTICE 'a word of the server'; END$$";

// Misuse does not compile.
static_assert(WriteWork<decltype(statement_of_free_function)>);
static_assert(!WriteWork<int (*)(pqxx::read_transaction&)>);
static_assert(!WriteWork<int (*)()>);
static_assert(!WriteWork<pqxx::connection& (*)(pqxx::work&)>);
static_assert(!ReadWork<int (*)(pqxx::work&)>);

}  // namespace

TEST_CASE("wrapper: work returns any type, or nothing, and is committed", "[wrapper][postgres]") {
  Fixture fixture;
  Pool pool(fixture.options(fixture.cluster.url()));
  CHECK(with_db(pool, [](pqxx::work& work) { return work.query_value<int>("SELECT 41 + 1"); }) ==
        42);
  with_db(pool, [](pqxx::work& work) { insert(work, 1); });
  CHECK(fixture.rows() == "1");
  const auto text = with_db_critical(pool, [](pqxx::work& work) {
    insert(work, 2);
    return std::make_unique<std::string>("moved");
  });
  CHECK(*text == "moved");
  CHECK(with_db(pool, statement_of_free_function) == 5);
  const auto constant = [](auto& work) { return work.template query_value<int>("SELECT 6"); };
  CHECK(with_db(pool, constant) == 6);
  CHECK(with_db_read(pool, constant) == 6);
  CHECK(fixture.rows() == "2");
  CHECK(pool.stats().connects == 1);
  CHECK(fixture.waits.made().empty());
}

TEST_CASE("wrapper: reading cannot write", "[wrapper][postgres]") {
  Fixture fixture;
  Pool pool(fixture.options(fixture.cluster.url()));
  CHECK_THROWS_WITH(with_db_read(pool, [](pqxx::read_transaction& work) { insert(work, 1); }),
                    ContainsSubstring("read-only transaction"));
  CHECK(fixture.rows() == "0");
  fixture.check_heals(pool);
  CHECK(pool.stats().connects == 1);
}

TEST_CASE("wrapper: what is no lost connection fails at once and unchanged",
          "[wrapper][postgres]") {
  Fixture fixture;
  fixture.cluster.query(
      "CREATE TABLE late (id int UNIQUE DEFERRABLE INITIALLY DEFERRED);"
      "INSERT INTO late VALUES (1); INSERT INTO rows VALUES (1)");
  Pool pool(fixture.options(fixture.cluster.url()));
  int calls = 0;
  const auto run = [&](const auto& body) {
    with_db(
        pool,
        [&](pqxx::work& work) {
          ++calls;
          body(work);
        },
        Idempotent::yes);
  };
  const auto sql = [&](const char* text) { run([text](pqxx::work& work) { work.exec(text); }); };
  SECTION("a unique violation") {
    try {
      run([](pqxx::work& work) { insert(work, 1); });
      FAIL("nothing was thrown");
    } catch (const pqxx::unique_violation& error) {
      CHECK(error.sqlstate() == "23505");
      CHECK_THAT(error.what(), ContainsSubstring("rows_pkey"));
    }
  }
  SECTION("a unique violation of COMMIT") {
    CHECK_THROWS_AS(sql("INSERT INTO late VALUES (1)"), pqxx::unique_violation);
  }
  SECTION("a statement that is wrong") {
    CHECK_THROWS_AS(sql("SELECT 1 FROM nowhere"), pqxx::undefined_table);
  }
  SECTION("parameters that do not fit, which pqxx calls a broken connection") {
    CHECK_THROWS_AS(run([](pqxx::work& work) { work.exec("SELECT $1::int", pqxx::params{}); }),
                    pqxx::protocol_violation);
  }
  SECTION("a code that a function made up to look like a lost connection") {
    CHECK_THROWS_AS(sql("DO $$BEGIN RAISE EXCEPTION 'no link' USING ERRCODE = '08006'; END$$"),
                    pqxx::broken_connection);
  }
  SECTION("a statement that took too long") {
    CHECK_THROWS_AS(sql("SET LOCAL statement_timeout = '20ms'; SELECT pg_sleep(10)"),
                    pqxx::sql_error);
  }
  SECTION("no permission, whose code pqxx throws away") {
    CHECK_THROWS_AS(sql("SET LOCAL ROLE pg_monitor; SELECT * FROM pg_authid"),
                    pqxx::insufficient_privilege);
  }
  SECTION("what the work threw itself") {
    CHECK_THROWS_AS(run([](pqxx::work&) { throw std::out_of_range("mine"); }), std::out_of_range);
  }
  SECTION("a lost connection of somebody else") {
    CHECK_THROWS_AS(run([](pqxx::work&) { throw pqxx::broken_connection("another"); }),
                    pqxx::broken_connection);
  }
  SECTION("a COMMIT in doubt of somebody else") {
    CHECK_THROWS_WITH(run([](pqxx::work&) { throw pqxx::in_doubt_error("another"); }), "another");
  }
  CHECK(calls == 1);
  CHECK(fixture.waits.made().empty());
  CHECK(fixture.rows() == "1");
  CHECK_FALSE(pool.stats().last_fault.has_value());
  fixture.check_heals(pool);
  CHECK(pool.stats().connects == 1);
}

TEST_CASE("wrapper: a session on a server that cannot write is not given out again",
          "[wrapper][postgres][faults]") {
  Fixture fixture;
  fixture.cluster.query("ALTER ROLE postgres SET default_transaction_read_only = on");
  Pool pool(fixture.options(fixture.cluster.url()));
  const auto write = [&] { with_db(pool, [](pqxx::work& work) { insert(work, 1); }); };
  CHECK_THROWS_WITH(write(), ContainsSubstring("read-only transaction"));
  CHECK(pool.stats().idle == 0);
  fixture.cluster.query(
      "SET default_transaction_read_only = off; BEGIN READ WRITE;"
      "ALTER ROLE postgres RESET default_transaction_read_only; COMMIT");
  write();
  CHECK(fixture.rows() == "1");
  CHECK(fixture.waits.made().empty());
}

TEST_CASE("wrapper: a database that is not there is no reason to try again",
          "[wrapper][postgres]") {
  Fixture fixture;
  Pool pool(fixture.options(fixture.cluster.url("secret_name")));
  try {
    with_db(pool, [](pqxx::work&) {});
    FAIL("nothing was thrown");
  } catch (const pqxx::broken_connection& error) {
    CHECK(std::string(error.what()) ==
          "connecting to Postgres: database \"…\" does not exist (3D000); check that it runs, and "
          "the URL of the pool");
  }
  CHECK(fixture.waits.made().empty());
  CHECK(pool.stats().last_fault->delivery_class == DeliveryClass::config);
  CHECK(pool.stats().last_fault->sqlstate == "3D000");
}

TEST_CASE("wrapper: work that hides a failed statement is told that nothing was stored",
          "[wrapper][postgres]") {
  Fixture fixture;
  Pool pool(fixture.options(fixture.cluster.url()));
  int calls = 0;
  const auto message = error_of(FailureKind::invalid, [&] {
    with_db(pool, [&](pqxx::work& work) {
      ++calls;
      insert(work, 1);
      CHECK_THROWS_AS(work.exec("SELECT 1/0"), pqxx::data_exception);
    });
  });
  CHECK_THAT(message, ContainsSubstring("pqxx::subtransaction"));
  CHECK(calls == 1);
  CHECK(fixture.rows() == "0");
  fixture.check_heals(pool);
}

TEST_CASE("wrapper: a notice handler of the work is called, and ends with the call",
          "[wrapper][postgres]") {
  Fixture fixture;
  Pool pool(fixture.options(fixture.cluster.url()));
  const auto told = std::make_shared<std::vector<std::string>>();
  const auto listen = [&told](pqxx::work& work) {
    work.conn().set_notice_handler(
        [told](pqxx::zview text) { told->emplace_back(text.data(), text.size()); });
    work.exec(notice);
  };
  with_db(pool, listen);
  REQUIRE(told->size() == 1);
  CHECK_THAT(told->front(), ContainsSubstring("a word of the server"));
  CHECK(told.use_count() == 1);
  with_db(pool, [](pqxx::work& work) { work.exec(notice); });
  CHECK(told->size() == 1);
  // The question of health takes the connection from pqxx and gives it back.
  CHECK(connection_health(pool).ok);
  with_db(pool, listen);
  CHECK(told->size() == 2);
  CHECK_THROWS_AS(with_db(pool,
                          [&](pqxx::work& work) {
                            listen(work);
                            throw std::out_of_range("mine");
                          }),
                  std::out_of_range);
  CHECK(told->size() == 3);
  CHECK(told.use_count() == 1);
  CHECK(pool.stats().connects == 1);
}

// Run by the test below, as a process of its own.
TEST_CASE("wrapper: a program that hears no notices", "[.child]") {
  const char* url = std::getenv("HOLDFAST_TEST_URL");
  REQUIRE(url != nullptr);
  Pool pool(options_for(url));
  with_db(pool, [](pqxx::work& work) { work.exec(notice); });
  CHECK(connection_health(pool).ok);
  with_db(pool, [](pqxx::work& work) { work.exec(notice); });
}

TEST_CASE("wrapper: notices that nobody asked for are not printed", "[wrapper][postgres]") {
  const Fixture fixture;
  const auto ended =
      support::run_command({.arguments = {"/proc/self/exe", "wrapper: a program that hears*"},
                            .environment = {"HOLDFAST_TEST_URL=" + fixture.cluster.url()}});
  CHECK(ended.exit_code == 0);
  CHECK_THAT(ended.out + ended.err, !ContainsSubstring("a word of the server"));
}

// Run by the test below, as a process of its own.
TEST_CASE("wrapper: a program whose work commits by itself", "[.child]") {
  const char* url = std::getenv("HOLDFAST_TEST_URL");
  REQUIRE(url != nullptr);
  std::signal(SIGABRT, SIG_DFL);
  Pool pool(options_for(url));
  with_db(pool, [](pqxx::work& work) { work.commit(); });
}

TEST_CASE("wrapper: work that commits by itself is a defect and ends the process",
          "[wrapper][postgres]") {
  const Fixture fixture;
  const auto ended =
      support::run_command({.arguments = {"/proc/self/exe", "wrapper: a program whose work*"},
                            .environment = {"HOLDFAST_TEST_URL=" + fixture.cluster.url()}});
  CHECK(ended.exit_code == 128 + SIGABRT);
  CHECK_THAT(ended.err, ContainsSubstring("the work must neither commit nor abort"));
}

}  // namespace holdfast
