#include <catch2/generators/catch_generators.hpp>
#include <optional>

#include "fixture.hpp"
#include "support/pgbouncer.hpp"

namespace holdfast {
namespace {

/// Inserts row 1 once a call, and lets the first call meet something at a chosen moment.
struct Calls {
  int made = 0;
  std::function<void(pqxx::work&)> first_before = [](pqxx::work&) {};
  std::function<void(pqxx::work&)> first_after = [](pqxx::work&) {};

  int operator()(pqxx::work& work) {
    const bool first = ++made == 1;
    if (first) first_before(work);
    insert(work, 1);
    if (first) first_after(work);
    return made;
  }
};

const RetryPolicy policy = exact();

}  // namespace

TEST_CASE("wrapper: a session that was ended while idle costs neither a failure nor a delay",
          "[wrapper][postgres][faults]") {
  Fixture fixture;
  Pool pool(fixture.options(fixture.cluster.url()));
  const int pid = with_db(pool, [](pqxx::work& work) { return work.conn().backendpid(); });
  fixture.terminate(pid);
  Calls calls;
  CHECK(with_db(pool, calls) == 1);
  CHECK(fixture.waits.made().empty());
  CHECK(pool.stats().found_dead == 1);
  CHECK(pool.stats().connects == 2);
  CHECK(fixture.rows() == "1");
}

TEST_CASE("wrapper: a session that is ended before, in or behind the statement is tried again",
          "[wrapper][postgres][faults]") {
  Fixture fixture;
  Pool pool(fixture.options(fixture.cluster.url()));
  Calls calls;
  const auto from_outside = [&](pqxx::work& work) { fixture.terminate(work.conn().backendpid()); };
  const auto moment = GENERATE(0, 1, 2, 3);
  CAPTURE(moment);
  if (moment == 0) calls.first_before = from_outside;
  if (moment == 1)
    calls.first_before = [](pqxx::work& work) {
      work.exec("SELECT pg_terminate_backend(pg_backend_pid()), pg_sleep(10)");
    };
  if (moment == 2)
    calls.first_after = [](pqxx::work& work) {
      work.exec("SELECT pg_terminate_backend(pg_backend_pid()), pg_sleep(10)");
    };
  // COMMIT has not been sent, so this is not in doubt.
  if (moment == 3) calls.first_after = from_outside;
  CHECK(with_db(pool, calls, Idempotent::no, policy) == 2);
  CHECK(calls.made == 2);
  CHECK(fixture.waits.made() == std::vector<milliseconds>{1s});
  CHECK(fixture.rows() == "1");
  CHECK(pool.stats().retries_of(DeliveryClass::connection) == 1);
  CHECK(pool.stats().last_fault->delivery_class == DeliveryClass::connection);
  if (moment == 1 || moment == 2)
    CHECK(pool.stats().last_fault->message ==
          "terminating connection due to administrator command");
  fixture.check_heals(pool);
}

TEST_CASE("wrapper: a lost BEGIN is tried again", "[wrapper][postgres][faults]") {
  Fixture fixture;
  Pool pool(fixture.options(fixture.gate.url()));
  with_db(pool, [](pqxx::work&) {});
  fixture.gate.cut_after_bytes(3);
  Calls calls;
  CHECK(with_db(pool, calls, Idempotent::no, policy) == 1);
  CHECK(fixture.waits.made() == std::vector<milliseconds>{1s});
  CHECK(fixture.rows() == "1");
  fixture.check_heals(pool);
}

TEST_CASE("wrapper: a link that is cut inside the statement is tried again",
          "[wrapper][postgres][faults]") {
  Fixture fixture;
  Pool pool(fixture.options(fixture.gate.url()));
  Calls calls;
  const auto direction = GENERATE(TcpGate::Direction::to_server, TcpGate::Direction::to_client);
  calls.first_before = [&](pqxx::work&) { fixture.gate.cut_after_bytes(4, direction); };
  CHECK(with_db(pool, calls, Idempotent::no, policy) == 2);
  CHECK(fixture.waits.made() == std::vector<milliseconds>{1s});
  CHECK(fixture.rows() == "1");
  fixture.check_heals(pool);
}

TEST_CASE("wrapper: a COMMIT in doubt is told, and tried again only if that is safe",
          "[wrapper][postgres][faults]") {
  Fixture fixture;
  Pool pool(fixture.options(fixture.gate.url()));
  const auto where =
      GENERATE(TcpGate::CommitCut::after_forward, TcpGate::CommitCut::before_forward);
  const bool stored = where == TcpGate::CommitCut::after_forward;
  CAPTURE(stored);
  int calls = 0;
  fixture.gate.cut_inside_commit(where);
  SECTION("not idempotent: one call, and an exception that says so") {
    CHECK_THROWS_AS(with_db(
                        pool,
                        [&](pqxx::work& work) {
                          ++calls;
                          insert(work, 1);
                        },
                        Idempotent::no, policy),
                    pqxx::in_doubt_error);
    CHECK(calls == 1);
    CHECK(fixture.waits.made().empty());
    // The server may still be about to commit.
    CHECK(eventually([&] { return fixture.rows() == (stored ? "1" : "0"); }, 10s));
  }
  SECTION("idempotent: two calls, one row") {
    const auto inserted = with_db(
        pool,
        [&](pqxx::work& work) {
          ++calls;
          return work.exec("INSERT INTO rows VALUES (1) ON CONFLICT DO NOTHING").affected_rows();
        },
        Idempotent::yes, policy);
    CHECK(calls == 2);
    CHECK(inserted == (stored ? 0 : 1));
    CHECK(fixture.waits.made() == std::vector<milliseconds>{1s});
    CHECK(fixture.rows() == "1");
  }
  CHECK(fixture.gate.counts().commits_cut == 1);
  fixture.check_heals(pool);
}

TEST_CASE("wrapper: a session that is ended inside COMMIT is in doubt",
          "[wrapper][postgres][faults]") {
  Fixture fixture;
  fixture.cluster.query(
      "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM "
      "pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(10); RETURN NULL; END$$;"
      "CREATE CONSTRAINT TRIGGER t AFTER INSERT ON rows DEFERRABLE INITIALLY DEFERRED "
      "FOR EACH ROW EXECUTE FUNCTION f()");
  Pool pool(fixture.options(fixture.cluster.url()));
  Calls calls;
  CHECK_THROWS_AS(with_db(pool, calls, Idempotent::no, policy), pqxx::in_doubt_error);
  CHECK(calls.made == 1);
  CHECK(pool.stats().last_fault->message == "terminating connection due to administrator command");
  std::vector<Retry> seen;
  RetryOptions options;
  options.on_retry = [&](const Retry& retry) {
    seen.push_back(retry);
    fixture.cluster.query("DROP TRIGGER t ON rows");
  };
  Calls again;
  CHECK(with_db(pool, again, Idempotent::yes, RetryPolicy(options)) == 2);
  REQUIRE(seen.size() == 1);
  CHECK(seen[0].in_doubt);
  CHECK(fixture.rows() == "1");
  fixture.check_heals(pool);
}

TEST_CASE("wrapper: a doubt outlives the attempts behind it that got nowhere",
          "[wrapper][postgres][faults]") {
  Fixture fixture;
  auto options = fixture.options(fixture.gate.url());
  options.size = 1;
  options.place_wait_max = 0ms;
  Pool pool(std::move(options));
  std::optional<Held> held;
  std::vector<bool> in_doubt;
  RetryOptions retry_options = exact(2).options();
  retry_options.on_retry = [&](const Retry& retry) { in_doubt.push_back(retry.in_doubt); };
  const auto insert_again = [&] {
    with_db(
        pool, [](pqxx::work& work) { insert(work, 1); }, Idempotent::yes,
        RetryPolicy(retry_options));
  };
  const auto message = [&] {
    try {
      insert_again();
    } catch (const pqxx::in_doubt_error& error) {
      return std::string(error.what());
    }
    FAIL("nothing was thrown");
    return std::string();
  };
  fixture.gate.cut_inside_commit(TcpGate::CommitCut::after_forward);
  SECTION("connecting fails") {
    fixture.waits.meanwhile = [&] { fixture.gate.set_mode(TcpGate::Mode::refuse); };
    const auto said = message();
    CHECK_THAT(said, ContainsSubstring("trying it again failed, too: Connection refused"));
    CHECK_THAT(said, ContainsSubstring("; it may be stored, look before you write it again"));
    CHECK(in_doubt == std::vector{true, true});
  }
  SECTION("no place is free") {
    fixture.waits.meanwhile = [&] { held.emplace(pool); };
    CHECK_THAT(message(), ContainsSubstring("all 1 places were taken"));
    held.reset();
  }
  SECTION("a statement fails: that is an answer, and comes out unchanged") {
    fixture.waits.meanwhile = [&] {
      CHECK(eventually([&] { return fixture.rows() == "1"; }, 10s));
    };
    CHECK_THROWS_AS(insert_again(), pqxx::unique_violation);
  }
  fixture.waits.meanwhile = nullptr;
  CHECK(eventually([&] { return fixture.rows() == "1"; }, 10s));
  CHECK(eventually([&] { return pool.stats().in_use == 0; }, 10s));
  fixture.check_heals(pool);
}

TEST_CASE("wrapper: somebody else's doubt on a session that was lost is not tried again",
          "[wrapper][postgres][faults]") {
  Fixture fixture;
  Pool pool(fixture.options(fixture.cluster.url()));
  int calls = 0;
  CHECK_THROWS_WITH(with_db(
                        pool,
                        [&](pqxx::work& work) {
                          ++calls;
                          fixture.terminate(work.conn().backendpid());
                          throw pqxx::in_doubt_error("another");
                        },
                        Idempotent::yes, policy),
                    "another");
  CHECK(calls == 1);
  fixture.check_heals(pool);
}

TEST_CASE("wrapper: reading is tried again even if its COMMIT was lost",
          "[wrapper][postgres][faults]") {
  Fixture fixture;
  Pool pool(fixture.options(fixture.gate.url()));
  int calls = 0;
  fixture.gate.cut_inside_commit(TcpGate::CommitCut::after_forward);
  const auto text = with_db_read(
      pool,
      [&](pqxx::read_transaction& work) {
        ++calls;
        return work.query_value<std::string>("SELECT 'read'");
      },
      policy);
  CHECK(text == "read");
  CHECK(calls == 2);
  fixture.check_heals(pool);
}

TEST_CASE("wrapper: a server that is stopped comes back within the retries",
          "[wrapper][postgres][faults]") {
  Fixture fixture;
  Pool pool(fixture.options(fixture.cluster.url()));
  with_db(pool, [](pqxx::work&) {});
  const bool crashes = GENERATE(false, true);
  if (crashes) {
    fixture.cluster.kill_hard();
  } else {
    fixture.cluster.stop();
  }
  fixture.waits.meanwhile = [&] {
    if (fixture.waits.made().size() == 2) fixture.cluster.start();
  };
  Calls calls;
  CHECK(with_db(pool, calls, Idempotent::no, policy) == 1);
  CHECK(fixture.waits.made() == std::vector<milliseconds>{1s, 2s});
  CHECK(fixture.rows() == "1");
}

TEST_CASE("wrapper: a server that has no place is tried again", "[wrapper][postgres][faults]") {
  Fixture fixture;
  fixture.cluster.query("CREATE ROLE one LOGIN CONNECTION LIMIT 1; GRANT ALL ON rows TO one");
  const auto url = std::format("postgresql://one@127.0.0.1:{}/postgres", fixture.cluster.port());
  Pool pool(fixture.options(url));
  auto occupied = std::make_unique<pqxx::connection>(url);
  fixture.waits.meanwhile = [&] {
    occupied.reset();
    REQUIRE(eventually(
        [&] {
          return fixture.cluster.query(
                     "SELECT count(*) FROM pg_stat_activity WHERE usename = 'one'")[0][0] == "0";
        },
        10s));
  };
  Calls calls;
  CHECK(with_db(pool, calls, Idempotent::no, policy) == 1);
  CHECK(pool.stats().retries_of(DeliveryClass::server) == 1);
  CHECK(pool.stats().last_fault->sqlstate == "53300");
}

TEST_CASE("wrapper: through PgBouncer, a lost server and a lost pooler are tried again",
          "[wrapper][postgres][pgbouncer][faults]") {
  Fixture fixture;
  support::PgBouncer bouncer(fixture.cluster.port());
  Pool pool(fixture.options(bouncer.url()));
  Calls calls;
  SECTION("the server behind it ends the session inside the statement") {
    calls.first_before = [](pqxx::work& work) {
      work.exec("SELECT pg_terminate_backend(pg_backend_pid()), pg_sleep(10)");
    };
    CHECK(with_db(pool, calls, Idempotent::no, policy) == 2);
  }
  SECTION("the pooler ends inside the work and is back a retry later") {
    calls.first_before = [&](pqxx::work&) { bouncer.stop(); };
    fixture.waits.meanwhile = [&] {
      if (fixture.waits.made().size() == 2) bouncer.start();
    };
    CHECK(with_db(pool, calls, Idempotent::no, policy) == 2);
    CHECK(fixture.waits.made() == std::vector<milliseconds>{1s, 2s});
  }
  SECTION("the pooler restarts while nobody asks") {
    with_db(pool, [](pqxx::work&) {});
    bouncer.restart();
    CHECK(with_db(pool, calls, Idempotent::no, policy) == 1);
    CHECK(fixture.waits.made().empty());
    CHECK(pool.stats().found_dead == 1);
  }
  CHECK(fixture.rows() == "1");
  fixture.check_heals(pool);
}

}  // namespace holdfast
