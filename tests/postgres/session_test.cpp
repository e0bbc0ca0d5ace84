#include "postgres/session.hpp"

#include <sys/stat.h>

#include <cstdlib>
#include <map>

#include "fixture.hpp"
#include "support/pgbouncer.hpp"

namespace holdfast::postgres {
namespace {

std::map<std::string, std::string> parameters_of(const std::string& url) {
  DestinationConfig config;
  config.url = Secret(url);
  const auto conninfo = parse_conninfo(config).value();
  return {conninfo.parameters.begin(), conninfo.parameters.end()};
}

}  // namespace

TEST_CASE("conninfo: only what the string lacks is added", "[postgres][conninfo]") {
  const auto plain = parameters_of("postgresql://u:p@ep-x.neon.tech/db?sslmode=require");
  CHECK(plain.at("application_name") == "holdfast");
  CHECK(plain.at("gssencmode") == "disable");
  CHECK(plain.at("keepalives_idle") == "30");
  CHECK(plain.at("tcp_user_timeout") == "30000");
  CHECK(plain.at("client_encoding") == "UTF8");
  CHECK(plain.at("load_balance_hosts") == "random");
  CHECK(plain.at("sslmode") == "require");
  CHECK(plain.at("password") == "p");
  CHECK_FALSE(plain.contains("options"));
  const auto own = parameters_of(
      "host=a,b application_name=mine keepalives=0 tcp_user_timeout=5 client_encoding=latin1 "
      "options=-cx=y");
  CHECK(own.at("application_name") == "mine");
  CHECK(own.at("keepalives") == "0");
  CHECK(own.at("tcp_user_timeout") == "5");
  CHECK(own.at("options") == "-cx=y");
  CHECK_FALSE(own.contains("load_balance_hosts"));
  CHECK(own.at("client_encoding") == "UTF8");
}

TEST_CASE("conninfo: a port is a number, or one for each host", "[postgres][conninfo]") {
  DestinationConfig config;
  for (const auto* good :
       {"postgresql://h:1/d", "postgresql://h:65535/d", "postgresql://h:/d",
        "postgresql://a:5432,b:6432/d", "host=a,b port=5432,", "port=' 5432 '"}) {
    config.url = Secret(good);
    CHECK(parse_conninfo(config));
  }
  for (const auto* bad : {"postgresql://h:0/d", "postgresql://h:65536/d", "postgresql://h:4783x/d",
                          "postgresql://h:x/d", "host=a,b port=5432,y", "host=a port=-1"}) {
    config.url = Secret(bad);
    const auto refused = parse_conninfo(config);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message ==
          "reading destination.url: the port is no number from 1 to 65535; correct it");
  }
}

TEST_CASE("conninfo: connect_timeout is the user's, else the configured one",
          "[postgres][conninfo]") {
  DestinationConfig config;
  config.connect_timeout = 7s;
  for (const auto& [text, expected] :
       std::map<std::string, std::chrono::milliseconds>{{"host=h", 7s},
                                                        {"host=h connect_timeout=3", 3s},
                                                        {"host=h connect_timeout=1", 2s},
                                                        {"host=h connect_timeout=0", 7s},
                                                        {"host=h connect_timeout=x", 7s}}) {
    config.url = Secret(text);
    CHECK(parse_conninfo(config).value().connect_timeout == expected);
  }
}

TEST_CASE("session: a large answer over TLS is read to its end", "[postgres][tls]") {
  Fixture fixture;
  const std::string folder = fixture.cluster.folder();
  const std::string make =
      "cd " + folder +
      "/data && openssl req -new -x509 -days 2 -nodes -subj /CN=localhost -keyout server.key "
      "-out server.crt 2>/dev/null && chmod 600 server.key && chown --reference=. server.key "
      "server.crt";
  REQUIRE(std::system(make.c_str()) == 0);
  fixture.cluster.query("ALTER SYSTEM SET ssl = on");
  fixture.cluster.query("SELECT pg_reload_conf()");
  const std::string url = fixture.cluster.url() + "?sslmode=require";
  fixture.config.url = Secret(url);
  const Interrupt never;
  const auto conninfo = parse_conninfo(fixture.config).value();
  std::optional<Session> session;
  CHECK(support::eventually(
      [&] {
        auto opened = Session::open(conninfo, fixture.clock, never);
        if (opened) session = std::move(*opened);
        return opened.has_value();
      },
      10s));
  REQUIRE(session.has_value());
  for (const int bytes : {1, 8'191, 8'192, 16'384, 16'385, 24'600, 65'536, 3'000'000}) {
    const auto rows =
        session->run(std::format("SELECT repeat('x', {})", bytes), fixture.clock.steady_now() + 5s);
    REQUIRE(rows.has_value());
    CHECK(rows->value(0, 0)->size() == static_cast<std::size_t>(bytes));
  }
  std::vector<Entry> batch;
  for (int seq = 1; seq <= 2000; ++seq)
    batch.push_back(make_entry(seq, {}, std::string(2000, 'x')));
  const auto destination = fixture.open(url);
  CHECK(destination->deliver(batch).has_value());
  CHECK(deliver_one(*destination, make_entry(0)).has_value());
  CHECK(destination->connects() == 1);
}

TEST_CASE("postgres: a pooler in transaction mode is enough, for migrations and batches",
          "[postgres][pgbouncer]") {
  Fixture fixture;
  support::PgBouncer pooler(fixture.cluster.port());
  const auto destination = fixture.open(pooler.url());
  const std::vector batch{make_entry(1, "k"), make_entry(2, "k")};
  const auto delivered = destination->deliver(batch);
  REQUIRE(delivered.has_value());
  CHECK(delivered->at(1).duplicate_of == batch[0].id);
  // The pooled server sessions go; the client's stays.
  fixture.cluster.stop();
  fixture.cluster.start();
  const auto entry = make_entry(3);
  check_arrives_once(fixture, *destination, {&entry, 1});
  pooler.restart();
  const auto last = make_entry(4);
  check_arrives_once(fixture, *destination, {&last, 1});
  fixture.cluster.stop();
  fixture.config.deliver_timeout = 1s;
  const auto away = deliver_one(*fixture.open(pooler.url()), make_entry(5));
  REQUIRE_FALSE(away.has_value());
  CHECK((away.error().delivery_class == DeliveryClass::connection ||
         away.error().delivery_class == DeliveryClass::server));
}

}  // namespace holdfast::postgres
