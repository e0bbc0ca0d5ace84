#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/generators/catch_generators.hpp>
#include <future>

#include "fixture.hpp"

namespace holdfast::postgres {
namespace {

struct GateFixture : Fixture {
  TcpGate gate{cluster.port()};
  std::unique_ptr<PostgresDestination> destination = open(gate.url());
};

}  // namespace

TEST_CASE("postgres: a link cut inside COMMIT is in doubt, and sending again stores once",
          "[postgres][faults]") {
  GateFixture fixture;
  REQUIRE(deliver_one(*fixture.destination, make_entry(0)).has_value());
  const std::vector batch{make_entry(1, "a"), make_entry(2), make_entry(3, "c")};
  const auto where =
      GENERATE(TcpGate::CommitCut::after_forward, TcpGate::CommitCut::before_forward);
  fixture.gate.cut_inside_commit(where);
  const auto cut = fixture.destination->deliver(batch);
  REQUIRE_FALSE(cut.has_value());
  CHECK(cut.error().delivery_class == DeliveryClass::connection);
  CHECK(cut.error().in_doubt);
  CHECK(cut.error().session_lost);
  CHECK(cut.error().session_had_lived);
  CHECK_FALSE(fixture.destination->connected());
  if (where == TcpGate::CommitCut::after_forward)
    CHECK(support::eventually([&] { return fixture.holds(batch[2].id); }, 10s));
  const auto again = fixture.destination->deliver(batch);
  REQUIRE(again.has_value());
  for (const auto& outcome : *again) CHECK_FALSE(outcome.duplicate_of.has_value());
  CHECK(fixture.one("SELECT count(*) FROM holdfast.inbox WHERE seq > 0") == "3");
}

TEST_CASE("postgres: a link cut while the batch is sent is not in doubt", "[postgres][faults]") {
  GateFixture fixture;
  REQUIRE(deliver_one(*fixture.destination, make_entry(0)).has_value());
  const std::vector batch{make_entry(1, {}, std::string(200'000, 'x'))};
  fixture.gate.cut_after_bytes(100'000);
  const auto cut = fixture.destination->deliver(batch);
  REQUIRE_FALSE(cut.has_value());
  CHECK(cut.error().delivery_class == DeliveryClass::connection);
  CHECK_FALSE(cut.error().in_doubt);
  check_arrives_once(fixture, *fixture.destination, batch);
}

TEST_CASE("postgres: a terminated idle session is opened again without a failure",
          "[postgres][faults]") {
  Fixture fixture;
  const auto destination = fixture.open();
  REQUIRE(deliver_one(*destination, make_entry(0)).has_value());
  fixture.cluster.query(
      "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = "
      "'holdfast'");
  CHECK(support::eventually([&] { return !destination->connected(); }, 10s));
  CHECK(deliver_one(*destination, make_entry(1)).has_value());
  CHECK(destination->connects() == 2);
}

TEST_CASE("postgres: a backend terminated in the middle reports 57P01 and loses nothing",
          "[postgres][faults]") {
  Fixture fixture;
  const auto destination = fixture.open();
  const std::vector batch{make_entry(1), make_entry(2)};
  REQUIRE(deliver_one(*destination, make_entry(0)).has_value());
  fixture.cluster.query(
      "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM "
      "pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(5); RETURN NEW; END$$;"
      "CREATE TRIGGER t BEFORE INSERT ON holdfast.inbox FOR EACH ROW EXECUTE FUNCTION f()");
  const auto failed = destination->deliver(batch);
  fixture.cluster.query("DROP TRIGGER t ON holdfast.inbox");
  REQUIRE_FALSE(failed.has_value());
  CHECK(failed.error().delivery_class == DeliveryClass::connection);
  CHECK(failed.error().sqlstate == "57P01");
  CHECK(failed.error().session_lost);
  CHECK(failed.error().session_had_lived);
  CHECK_FALSE(failed.error().in_doubt);
  CHECK(failed.error().message == "terminating connection due to administrator command");
  check_arrives_once(fixture, *destination, batch);
}

TEST_CASE("postgres: a backend terminated inside COMMIT is in doubt", "[postgres][faults]") {
  Fixture fixture;
  const auto destination = fixture.open();
  REQUIRE(deliver_one(*destination, make_entry(0)).has_value());
  fixture.cluster.query(
      "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM "
      "pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(5); RETURN NULL; END$$;"
      "CREATE CONSTRAINT TRIGGER t AFTER INSERT ON holdfast.inbox DEFERRABLE INITIALLY DEFERRED "
      "FOR EACH ROW EXECUTE FUNCTION f()");
  const auto failed = deliver_one(*destination, make_entry(1));
  fixture.cluster.query("DROP TRIGGER t ON holdfast.inbox");
  REQUIRE_FALSE(failed.has_value());
  CHECK(failed.error().sqlstate == "57P01");
  CHECK(failed.error().in_doubt);
  CHECK(failed.error().session_lost);
}

TEST_CASE("postgres: a server that is stopped, starting or killed costs no more than a retry",
          "[postgres][faults]") {
  Fixture fixture;
  const auto destination = fixture.open();
  const std::vector batch{make_entry(1, "k")};
  REQUIRE(deliver_one(*destination, make_entry(0)).has_value());
  const auto refused = [&] {
    const auto failed = destination->deliver(batch);
    REQUIRE_FALSE(failed.has_value());
    CHECK(failed.error().delivery_class == DeliveryClass::connection);
    CHECK(failed.error().message == "Connection refused");
  };
  fixture.cluster.stop();
  refused();
  fixture.cluster.start();
  REQUIRE(destination->deliver(batch).has_value());
  fixture.cluster.kill_hard();
  refused();
  fixture.cluster.start();
  check_arrives_once(fixture, *destination, batch);
}

TEST_CASE("postgres: too many connections and a wrong database carry their code",
          "[postgres][faults]") {
  Fixture fixture({"max_connections = 4", "superuser_reserved_connections = 0"});
  fixture.cluster.query("CREATE ROLE u LOGIN CONNECTION LIMIT 0; CREATE ROLE locked NOLOGIN");
  const auto failure_of = [&](const std::string& user, const std::string& database) {
    const auto outcome =
        deliver_one(*fixture.open(std::format("postgresql://{}@127.0.0.1:{}/{}", user,
                                              fixture.cluster.port(), database)),
                    make_entry(1));
    REQUIRE_FALSE(outcome.has_value());
    CHECK_FALSE(outcome.error().message.contains("127.0.0.1"));
    CHECK_FALSE(outcome.error().message.contains(user == "u" ? "\"u\"" : user));
    return outcome.error();
  };
  const auto many = failure_of("u", "postgres");
  CHECK(many.delivery_class == DeliveryClass::server);
  CHECK(many.sqlstate == "53300");
  CHECK(many.slow_start);
  const auto wrong = failure_of("postgres", "nowhere");
  CHECK(wrong.delivery_class == DeliveryClass::config);
  CHECK(wrong.sqlstate == "3D000");
  CHECK(wrong.message == "database \"…\" does not exist");
  const auto locked = failure_of("locked", "postgres");
  CHECK(locked.delivery_class == DeliveryClass::config);
  CHECK(locked.sqlstate == "28000");
}

TEST_CASE("postgres: a server that takes connections and never answers costs the deadline",
          "[postgres][faults][deadline]") {
  GateFixture fixture;
  const auto mode = GENERATE(TcpGate::Mode::stall, TcpGate::Mode::black_hole);
  fixture.config.connect_timeout = 2s;
  fixture.config.deliver_timeout = 1s;
  const auto destination = fixture.open(fixture.gate.url());
  const std::vector batch{make_entry(1)};
  const auto timed_out = [&](std::chrono::milliseconds least) {
    const auto begin = fixture.clock.steady_now();
    const auto failed = destination->deliver(batch);
    const auto took = fixture.clock.steady_now() - begin;
    REQUIRE_FALSE(failed.has_value());
    CHECK(failed.error().delivery_class == DeliveryClass::connection);
    CHECK(took >= least);
    CHECK(took < least + 3s);
    return failed.error();
  };
  fixture.gate.set_mode(mode);
  CHECK_FALSE(timed_out(2s).session_lost);
  fixture.gate.heal();
  REQUIRE(deliver_one(*destination, make_entry(0)).has_value());
  fixture.gate.set_mode(mode);
  const auto lost = timed_out(1s);
  CHECK(lost.session_lost);
  CHECK(lost.session_had_lived);
  fixture.gate.heal();
  check_arrives_once(fixture, *destination, batch);
}

TEST_CASE("postgres: interrupt ends a delivery that waits, in connect and in a statement",
          "[postgres][faults][deadline]") {
  GateFixture fixture;
  const auto entry = make_entry(1);
  const auto interrupted = [&] {
    auto running =
        std::async(std::launch::async, [&] { return deliver_one(*fixture.destination, entry); });
    CHECK(running.wait_for(200ms) == std::future_status::timeout);
    const auto begin = fixture.clock.steady_now();
    fixture.destination->interrupt();
    const auto outcome = running.get();
    CHECK(fixture.clock.steady_now() - begin < 2s);
    REQUIRE_FALSE(outcome.has_value());
    CHECK(outcome.error().delivery_class == DeliveryClass::connection);
  };
  fixture.gate.set_mode(TcpGate::Mode::stall);
  interrupted();
  fixture.gate.heal();
  REQUIRE(deliver_one(*fixture.destination, make_entry(0)).has_value());
  fixture.gate.set_mode(TcpGate::Mode::stall);
  interrupted();
  fixture.gate.heal();
  // One that came too early ends the next delivery, and only that.
  fixture.destination->interrupt();
  CHECK_FALSE(deliver_one(*fixture.destination, entry).has_value());
  check_arrives_once(fixture, *fixture.destination, {&entry, 1});
}

TEST_CASE("postgres: a lock and a slow statement end by the server's own limits",
          "[postgres][faults][deadline]") {
  Fixture fixture;
  fixture.config.deliver_timeout = 2s;
  const auto destination = fixture.open();
  REQUIRE(deliver_one(*destination, make_entry(0)).has_value());
  const auto entry = make_entry(1);
  auto holder = std::async(std::launch::async, [&] {
    fixture.cluster.query("BEGIN; LOCK TABLE holdfast.inbox; SELECT pg_sleep(4); COMMIT");
  });
  CHECK(support::eventually(
      [&] {
        return fixture.one(
                   "SELECT count(*) FROM pg_locks WHERE mode = "
                   "'AccessExclusiveLock' AND granted") != "0";
      },
      10s));
  const auto locked = deliver_one(*destination, entry);
  REQUIRE_FALSE(locked.has_value());
  CHECK(locked.error().delivery_class == DeliveryClass::contention);
  CHECK(locked.error().sqlstate == "55P03");
  CHECK_FALSE(locked.error().session_lost);
  holder.get();
  fixture.cluster.query(
      "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM pg_sleep(30); "
      "RETURN NEW; END$$;"
      "CREATE TRIGGER t BEFORE INSERT ON holdfast.inbox FOR EACH ROW EXECUTE FUNCTION f()");
  const auto slow = deliver_one(*destination, entry);
  REQUIRE_FALSE(slow.has_value());
  CHECK(slow.error().delivery_class == DeliveryClass::timeout);
  CHECK(slow.error().sqlstate == "57014");
  CHECK_FALSE(slow.error().session_lost);
  fixture.cluster.query("DROP TRIGGER t ON holdfast.inbox");
  check_arrives_once(fixture, *destination, {&entry, 1});
}

TEST_CASE("postgres: an address that swallows packets does not keep the next from being tried",
          "[postgres][faults][deadline]") {
  Fixture fixture;
  // A full backlog drops what asks for a connection, as a dead route does.
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  REQUIRE(bind(listener, generic, length) == 0);
  REQUIRE(listen(listener, 0) == 0);
  REQUIRE(getsockname(listener, generic, &length) == 0);
  std::vector<int> fillers;
  for (int i = 0; i < 4; ++i) {
    fillers.push_back(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    (void)connect(fillers.back(), generic, length);
  }
  fixture.config.connect_timeout = 6s;
  const auto destination =
      fixture.open(std::format("postgresql://postgres@127.0.0.1:{},127.0.0.1:{}/postgres",
                               ntohs(address.sin_port), fixture.cluster.port()));
  const auto entry = make_entry(1);
  const auto outcome = deliver_one(*destination, entry);
  if (!outcome) FAIL_CHECK(outcome.error().message);
  for (const int filler : fillers) close(filler);
  close(listener);
}

}  // namespace holdfast::postgres
