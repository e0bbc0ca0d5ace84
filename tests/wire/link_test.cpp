#include <array>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <format>

#include "rig.hpp"
#include "support/certificates.hpp"
#include "support/destination_conformance.hpp"
#include "support/tcp_gate.hpp"

namespace holdfast::wire {
namespace {

using namespace std::chrono_literals;
using enum DeliveryClass;

constexpr std::array places{Place::login,     Place::schema, Place::begin, Place::inbox,
                            Place::statement, Place::commit, Place::hello, Place::describe};

/// One delivery to a URL that does not work.
DeliveryFailure failure_of(Rig& rig, const std::string& url) {
  const std::vector batch{support::make_entry(1)};
  const auto outcome = rig.open(url)->deliver(batch);
  REQUIRE_FALSE(outcome.has_value());
  CHECK_FALSE(outcome.error().in_doubt);
  CHECK(outcome.error().sqlstate.empty());
  return outcome.error();
}

struct Unfit {
  std::string url;  ///< Behind postgresql://postgres@127.0.0.1:PORT/postgres.
  std::string text;
};

}  // namespace

TEST_CASE("wire: the fake server keeps what a real one would", "[wire][support]") {
  Rig rig;
  rig.fake.set_options({.refused_source = "refused"});
  support::check_destination_conformance(
      {.make = [&] { return rig.open(); },
       .holds = [&](const Uuid& id) { return rig.fake.holds(id); },
       .refused_source = "refused"});
}

TEST_CASE("wire: a server that closes, resets, talks rubbish or breaks off is an outage anywhere",
          "[wire][link]") {
  Rig rig;
  const support::CertificateAuthority authority;
  const bool encrypted = GENERATE(false, true);
  if (encrypted) {
    const auto pair = authority.issue("IP:127.0.0.1");
    rig.fake.set_options({pair.certificate, pair.key});
    rig.fake_url += "?sslmode=verify-full&sslrootcert=" + authority.root();
  }
  using enum Fault::Kind;
  for (const auto kind : {close, reset, garbage, half_message})
    for (const Place place : places) {
      CAPTURE(encrypted, static_cast<int>(kind), static_cast<int>(place));
      Fault fault{.kind = kind};
      fault.error.text = "half of this";
      const auto failure = failure_at(rig, place, fault);
      CHECK(to_string(failure.delivery_class) == "connection");
      CHECK(failure.in_doubt == (place == Place::commit));
      CHECK(failure.session_had_lived ==
            (place != Place::hello && place != Place::login && place != Place::schema));
    }
}

TEST_CASE("wire: a batch whose COMMIT was carried out and not answered is stored once",
          "[wire][link][commit]") {
  Rig rig;
  using enum Fault::Kind;
  for (const auto kind : {close, reset, garbage, half_message, error}) {
    CAPTURE(static_cast<int>(kind));
    Fault fault = support::ends_with("57P01", "terminating connection");
    fault.kind = kind;
    if (kind != error) fault.error.sqlstate.clear();
    fault.committed = true;
    const auto failure = failure_at(rig, Place::commit, fault);
    CHECK(failure.in_doubt);
  }
}

TEST_CASE("wire: a server that never answers costs the deadline at every place",
          "[wire][link][deadline]") {
  Rig rig;
  rig.config.connect_timeout = 2s;
  rig.config.deliver_timeout = 300ms;
  for (const Place place :
       {Place::login, Place::begin, Place::inbox, Place::statement, Place::commit}) {
    CAPTURE(static_cast<int>(place));
    const auto failure = failure_at(rig, place, {.kind = Fault::Kind::stall});
    // Once the answers to a source's own statements have begun, there was too much to do (0011).
    const bool began = place == Place::statement;
    CHECK(to_string(failure.delivery_class) == (began ? "timeout" : "connection"));
    CHECK(failure.message.ends_with("timeout expired: no answer"));
    CHECK(failure.session_lost == (place != Place::login));
    CHECK(failure.in_doubt == (place == Place::commit));
  }
}

TEST_CASE("wire: what libpq itself refuses pauses, because no retry can mend it",
          "[wire][link][config]") {
  Rig rig;
  rig.fake.set_options({.password = "secret"});
  const std::vector<Unfit> unfit{
      {"?password=wrong&sslmode=require", "server does not support SSL"},
      {"", "no password supplied"},
      {"?require_auth=scram-sha-256&password=secret", "authentication method requirement"},
      {"?channel_binding=require&sslmode=disable&password=secret", "channel binding"},
      {"?sslmode=sometimes", "invalid sslmode value"},
      {"?sslmode=require&sslrootcert=system", "may not be used with sslrootcert=system"},
      {"?sslmode=prefer&sslnegotiation=direct", "may not be used with sslnegotiation=direct"},
      {"?sslmode=require&sslcert=/dev/null&sslkey=/dev/null", "server does not support SSL"},
      {"?keepalives_idle=often", "invalid integer value"},
      {"?hostaddr=nowhere", "could not parse network address"},
      {"?hostaddr=127.0.0.1,127.0.0.1", "could not match"},
      {"?service=nowhere", "service"},
      {"?target_session_attrs=fast", "invalid target_session_attrs value"},
  };
  for (const auto& [parameters, text] : unfit) {
    CAPTURE(parameters);
    const auto failure = failure_of(rig, rig.fake.url() + parameters);
    CHECK(to_string(failure.delivery_class) == "config");
    CAPTURE(failure.message);
    CHECK(failure.message.contains(text));
    CHECK_FALSE(failure.message.contains("secret"));
  }
  rig.fake.set_options({});
  rig.fake.fail(Place::login, {.kind = Fault::Kind::authentication});
  CHECK(to_string(failure_of(rig, rig.fake.url()).delivery_class) == "config");
}

TEST_CASE("wire: no way to the server is an outage, whatever stands in the way",
          "[wire][link][dns]") {
  Rig rig;
  const auto port = support::unused_port();
  for (const auto& url : {std::format("postgresql://postgres@127.0.0.1:{}/postgres", port),
                          std::format("postgresql://postgres@db.invalid:{}/postgres", port),
                          std::format("postgresql://postgres@224.0.0.1:{}/postgres", port)}) {
    CAPTURE(url);
    rig.config.connect_timeout = 2s;
    const auto failure = failure_of(rig, url);
    CHECK(to_string(failure.delivery_class) == "connection");
    CHECK_FALSE(failure.message.contains(std::to_string(port)));
    CHECK_FALSE(failure.message.contains("db.invalid"));
  }
}

TEST_CASE("wire: an error before TLS is not believed, and tried again", "[wire][link][tls]") {
  Rig rig;
  const support::CertificateAuthority authority;
  const auto pair = authority.issue("IP:127.0.0.1");
  rig.fake.set_options({pair.certificate, pair.key});
  // Anybody on the way can send this: no pause, whatever it says.
  rig.fake.fail(Place::hello, support::ends_with("28P01", "password authentication failed"));
  CHECK(to_string(failure_of(rig, rig.fake.url() + "?sslmode=require").delivery_class) ==
        "connection");
  // Bytes that are no TLS at all.
  rig.fake.heal();
  rig.fake.set_options({.certificate = "/nowhere", .key = "/nowhere"});
  CHECK(to_string(failure_of(rig, rig.fake.url() + "?sslmode=require").delivery_class) ==
        "connection");
}

TEST_CASE("wire: of several addresses the one that says most is reported", "[wire][link]") {
  Rig rig;
  support::FakePostgres other;
  rig.fake.fail(Place::login, support::ends_with("28P01", "password authentication failed"));
  const auto refused = support::unused_port();
  const auto url_of = [](int first, int second) {
    return std::format("postgresql://postgres@127.0.0.1:{},127.0.0.1:{}/postgres", first, second);
  };
  const std::vector batch{support::make_entry(1)};
  const auto failure = [&](const std::string& url) {
    const auto outcome = rig.open(url)->deliver(batch);
    REQUIRE_FALSE(outcome.has_value());
    return outcome.error();
  };
  for (const auto& url : {url_of(refused, rig.fake.port()), url_of(rig.fake.port(), refused)}) {
    const auto wrong_password = failure(url);
    CHECK(to_string(wrong_password.delivery_class) == "config");
    CHECK(wrong_password.sqlstate == "28P01");
    CHECK(wrong_password.message == "password authentication failed");
  }
  // A server that is starting says more than one that nobody hears, and less than a refusal.
  other.fail(Place::login, support::ends_with("57P03", "the database system is starting up"));
  CHECK(failure(url_of(other.port(), refused)).sqlstate == "57P03");
  CHECK(failure(url_of(refused, other.port())).sqlstate == "57P03");
  // libpq asks the next server for a few codes of the first alone, and says both.
  CHECK(failure(url_of(other.port(), rig.fake.port())).sqlstate == "28P01");
  // The same through a proxy that has one code for everything.
  rig.fake.fail(Place::login,
                support::answers("XX000", "Your project has exceeded the data transfer quota."));
  CHECK(to_string(failure(url_of(refused, rig.fake.port())).delivery_class) == "quota");
  rig.fake.heal();
  CHECK(rig.open(url_of(refused, rig.fake.port()))->deliver(batch).has_value());
}

}  // namespace holdfast::wire
