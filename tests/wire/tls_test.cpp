#include <catch2/catch_test_macros.hpp>
#include <format>

#include "rig.hpp"
#include "secure_cluster.hpp"
#include "support/destination_conformance.hpp"

namespace holdfast::wire {
namespace {

struct SecureRig : Rig {
  SecureRig() { config.migrate = true; }

  SecureCluster secure;

  void check_delivers(const std::string& url) {
    CAPTURE(url);
    const std::vector batch{support::make_entry(1)};
    const auto destination = open(url);
    const auto outcome = destination->deliver(batch);
    if (!outcome) FAIL(outcome.error().message);
    CHECK(secure.cluster
              .query("SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE ssl "
                     "AND application_name = 'holdfast'")
              .at(0)
              .at(0) == "1");
  }
  void check_pauses(const std::string& url, const std::string& text) {
    CAPTURE(url, text);
    const std::vector batch{support::make_entry(1)};
    const auto outcome = open(url)->deliver(batch);
    REQUIRE_FALSE(outcome.has_value());
    CAPTURE(outcome.error().message);
    CHECK(to_string(outcome.error().delivery_class) == "config");
    CHECK(outcome.error().message.contains(text));
    CHECK_FALSE(outcome.error().message.contains(std::string(SecureCluster::password)));
  }
};

}  // namespace

TEST_CASE("wire: a real server's certificate is verified, and mending it is all that is needed",
          "[wire][tls]") {
  SecureRig rig;
  auto& secure = rig.secure;
  const std::string url = secure.verifying_url();
  rig.check_delivers(url);
  secure.use(secure.authority.issue("DNS:elsewhere.example"));
  rig.check_pauses(url, "does not match host name");
  // Encrypted, whoever answers: that is what it asks for.
  rig.check_delivers(secure.url("sslmode=require"));
  // Why it fails to verify, libpq does not say.
  secure.use(secure.authority.issue_expired("DNS:localhost"));
  rig.check_pauses(url, "certificate verify failed");
  const support::CertificateAuthority unknown;
  secure.use(unknown.issue("DNS:localhost"));
  rig.check_pauses(url, "certificate verify failed");
  secure.use(secure.good);
  rig.check_delivers(url);
}

TEST_CASE("wire: SCRAM is bound to the channel where the URL asks for it, with any password",
          "[wire][tls]") {
  SecureRig rig;
  const auto& secure = rig.secure;
  rig.check_delivers(secure.verifying_url() + "&channel_binding=require");
  rig.check_delivers(secure.verifying_url() + "&sslnegotiation=direct");
  rig.check_pauses(secure.url("sslmode=disable&channel_binding=require"), "channel binding");
  rig.check_pauses(secure.url("sslmode=require&require_auth=password"),
                   "authentication method requirement");
}

TEST_CASE("wire: a server that asks for a certificate of the client pauses without one",
          "[wire][tls]") {
  SecureRig rig;
  rig.secure.demand("hostssl all relay 127.0.0.1/32 cert");
  rig.secure.demand("hostnossl all relay 127.0.0.1/32 reject");
  rig.secure.use(rig.secure.good);
  rig.check_pauses(rig.secure.verifying_url(), "client certificate");
  rig.check_pauses(rig.secure.url("sslmode=disable"), "pg_hba.conf");
}

TEST_CASE("wire: an address of version 6 in the URL is reached", "[wire][ipv6]") {
  std::unique_ptr<support::PostgresCluster> cluster;
  try {
    cluster = std::make_unique<support::PostgresCluster>(
        std::vector<std::string>{"listen_addresses = '127.0.0.1,::1'"});
  } catch (const std::runtime_error&) {
    SKIP("this machine has no ::1");
  }
  if (cluster->log_text().contains("could not bind IPv6 address")) SKIP("this machine has no ::1");
  Rig rig;
  rig.config.migrate = true;
  const std::vector batch{support::make_entry(1)};
  const auto url = std::format("postgresql://postgres@[::1]:{}/postgres", cluster->port());
  const auto outcome = rig.open(url)->deliver(batch);
  if (!outcome) FAIL(outcome.error().message);
}

}  // namespace holdfast::wire
