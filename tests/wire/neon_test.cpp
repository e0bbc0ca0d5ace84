#include <catch2/catch_test_macros.hpp>
#include <format>
#include <set>

#include "rig.hpp"
#include "support/certificates.hpp"
#include "support/destination_conformance.hpp"
#include "support/pgbouncer.hpp"
#include "support/postgres_cluster.hpp"

namespace holdfast::wire {
namespace {

constexpr std::string_view pooled = "ep-cool-darkness-123456-pooler.us-east-2.aws.neon.tech";

/// A fake server with Neon's certificate, and URLs as Neon's console writes them. hostaddr stands
/// in for a resolver.
struct NeonRig : Rig {
  NeonRig() { fake.set_options({pair.certificate, pair.key, "p@ss/wörd:1 '%\""}); }

  support::CertificateAuthority authority;
  support::CertificatePair pair = authority.issue("DNS:*.us-east-2.aws.neon.tech");

  [[nodiscard]] std::string url(std::string_view host, std::string_view more = {}) const {
    return std::format(
        "postgresql://neondb_owner:p%40ss%2Fw%C3%B6rd%3A1%20%27%25%22@{}:{}/neondb"
        "?sslmode=verify-full&sslrootcert={}&hostaddr=127.0.0.1{}",
        host, fake.port(), authority.root(), more);
  }
  /// Delivers one entry and returns what the server heard.
  support::FakePostgres::Login login(const std::string& url) {
    const std::vector batch{support::make_entry(1)};
    const auto outcome = open(url)->deliver(batch);
    if (!outcome) FAIL(outcome.error().message);
    CHECK(fake.holds(batch[0].id));
    return fake.logins().back();
  }
};

/// What a pooler in transaction mode takes.
/// Source:   PgBouncer's documentation, ignore_startup_parameters.
void check_pooler_takes(const support::FakePostgres::Login& login) {
  const std::set<std::string> known{"user",
                                    "database",
                                    "client_encoding",
                                    "datestyle",
                                    "timezone",
                                    "standard_conforming_strings",
                                    "application_name"};
  for (const auto& [name, value] : login.parameters) {
    CAPTURE(name, value);
    CHECK(known.contains(name));
  }
}

}  // namespace

TEST_CASE("wire: a pooled Neon host is named in the TLS hello, and nothing is sent that it refuses",
          "[wire][neon][tls]") {
  NeonRig rig;
  const auto login = rig.login(rig.url(pooled));
  CHECK(login.encrypted);
  CHECK(login.server_name == pooled);
  CHECK(login.password == "p@ss/wörd:1 '%\"");
  CHECK(login.parameters.at("user") == "neondb_owner");
  CHECK(login.parameters.at("database") == "neondb");
  CHECK(login.parameters.at("application_name") == "holdfast");
  CHECK(login.parameters.at("client_encoding") == "UTF8");
  check_pooler_takes(login);
}

TEST_CASE("wire: Neon's other URL forms reach the server as they are meant", "[wire][neon][tls]") {
  NeonRig rig;
  const std::string direct_host = "ep-cool-darkness-123456.us-east-2.aws.neon.tech";
  CHECK(rig.login(rig.url(direct_host)).server_name == direct_host);
  // The endpoint as an option, for clients that send no name.
  const auto option =
      rig.login(rig.url(pooled, "&options=endpoint%3Dep-cool-darkness-123456&sslsni=0"));
  CHECK(option.parameters.at("options") == "endpoint=ep-cool-darkness-123456");
  CHECK(option.server_name.empty());
  const auto fast = rig.login(rig.url(pooled, "&sslnegotiation=direct"));
  CHECK(fast.direct);
  CHECK(fast.server_name == pooled);
  CHECK_FALSE(option.direct);
  // Key and value form, with the endpoint in the dbname's place among the options.
  const auto words = rig.login(std::format(
      "host={} hostaddr=127.0.0.1 port={} user=neondb_owner dbname=neondb sslmode=require "
      "options=endpoint=ep-1 password='p@ss/wörd:1 \\'%\"'",
      pooled, rig.fake.port()));
  CHECK(words.parameters.at("options") == "endpoint=ep-1");
  CHECK(words.encrypted);
}

TEST_CASE("wire: what Neon asks of TLS and a client cannot give pauses with a clear text",
          "[wire][neon][tls][config]") {
  NeonRig rig;
  const auto failure_of = [&](const std::string& url) {
    const std::vector batch{support::make_entry(1)};
    const auto outcome = rig.open(url)->deliver(batch);
    REQUIRE_FALSE(outcome.has_value());
    CHECK(to_string(outcome.error().delivery_class) == "config");
    return outcome.error().message;
  };
  // A password in clear text binds nothing to the channel.
  CHECK(failure_of(rig.url(pooled, "&channel_binding=require")).contains("channel binding"));
  CHECK(failure_of(rig.url("db.example.com")).contains("does not match host name"));
  CHECK(failure_of(std::format("postgresql://u@127.0.0.1:{}/d?sslmode=verify-full&sslrootcert="
                               "/nowhere/root.crt",
                               rig.fake.port()))
            .contains("root certificate file"));
  CHECK(failure_of(std::format("hostaddr=127.0.0.1 port={} sslmode=verify-full sslrootcert={}",
                               rig.fake.port(), rig.authority.root()))
            .contains("host name must be specified"));
  const support::CertificateAuthority other;
  CHECK(failure_of(std::format("postgresql://u@{}:{}/d?sslmode=verify-full&sslrootcert={}"
                               "&hostaddr=127.0.0.1",
                               pooled, rig.fake.port(), other.root()))
            .contains("certificate verify failed"));
  CHECK(rig.fake.stored().empty());
  CHECK(rig.login(rig.url(pooled)).encrypted);
}

TEST_CASE("wire: a real pooler takes our startup parameters, and refuses options with a pause",
          "[wire][neon][pgbouncer]") {
  support::PostgresCluster cluster;
  support::PgBouncer pooler(cluster.port());
  Rig rig;
  rig.config.migrate = true;
  const std::vector batch{support::make_entry(1)};
  REQUIRE(rig.open(pooler.url())->deliver(batch).has_value());
  const auto refused =
      rig.open(pooler.url() + "?options=-c%20statement_timeout%3D5s")->deliver(batch);
  REQUIRE_FALSE(refused.has_value());
  CHECK(to_string(refused.error().delivery_class) == "config");
  CHECK(refused.error().sqlstate == "08P01");
  CHECK(refused.error().message.contains("unsupported startup parameter"));
}

}  // namespace holdfast::wire
