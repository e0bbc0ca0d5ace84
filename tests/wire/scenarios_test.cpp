#include <sys/stat.h>

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <format>

#include "rig.hpp"
#include "secure_cluster.hpp"
#include "support/delivery.hpp"
#include "support/tcp_gate.hpp"
#include "support/wait.hpp"

using namespace holdfast;
using namespace holdfast::support;
using namespace holdfast::wire;
using namespace std::chrono_literals;

namespace {

void post(Daemon& daemon, std::vector<WriteOutcome>& outcomes, int writes) {
  for (int i = 0; i < writes; ++i) {
    outcomes.push_back(e2e::post_one(daemon, e2e::mixed_write(static_cast<int>(outcomes.size()))));
    CHECK(outcomes.back().last_status == 202);
  }
}

std::string last_error(const Daemon& daemon) {
  return daemon.health().at("destination").at("last_error").get<std::string>();
}

void check_nothing_charged(const Daemon& daemon) {
  CHECK(daemon.health().at("outbox").at("dead") == 0);
  CHECK(attempts_charged(daemon) == 0);
}

std::size_t count(std::string_view text, std::string_view part) {
  std::size_t found = 0;
  for (auto at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1))
    ++found;
  return found;
}

/// Ends the sessions of the daemon, as a failover or a restart of a compute does.
void end_sessions(const PostgresCluster& cluster) {
  (void)cluster.query(
      "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = "
      "'holdfast'");
}

/// The daemon with an /etc/hosts of its own, in a namespace of mounts, which needs no privileges.
class OwnHosts {
 public:
  OwnHosts() {
    names("");
    write_file(program(),
               std::format("#!/bin/sh\nexec unshare -Urm sh -c 'mount --bind {} /etc/hosts && exec "
                           "setpriv --pdeathsig=KILL -- {} \"$@\"' sh \"$@\"\n",
                           folder_.file("hosts"), HOLDFAST_BINARY));
    ::chmod(program().c_str(), 0700);
  }
  /// To be run in place of the daemon.
  [[nodiscard]] std::string program() const { return folder_.file("holdfast"); }
  void names(const std::string& lines) const { write_file(folder_.file("hosts"), lines); }
  /// Whoever looks a name up waits for ever, in daemons that are started from now on.
  void hang() const {
    std::filesystem::remove(folder_.file("hosts"));
    REQUIRE(::mkfifo(folder_.file("hosts").c_str(), 0600) == 0);
  }
  /// The end of that, for daemons that are started from now on.
  void answer_again() const { std::filesystem::remove(folder_.file("hosts")); }

 private:
  ScratchFolder folder_;
};

}  // namespace

TEST_CASE("wire: a server that became read-only is an outage, and everything arrives afterwards",
          "[wire][e2e][failover]") {
  PostgresCluster cluster;
  Daemon daemon(e2e::config_for(cluster.url()));
  daemon.start();
  std::vector<WriteOutcome> outcomes{e2e::deliver_the_first(daemon, cluster)};
  (void)cluster.query("ALTER SYSTEM SET default_transaction_read_only = on");
  (void)cluster.query("SELECT pg_reload_conf()");
  end_sessions(cluster);
  post(daemon, outcomes, 20);
  REQUIRE(daemon.reaches_state("backing_off", 20s));
  CHECK(last_error(daemon).contains("25006"));
  CHECK(daemon.health().at("relay").at("paused") == false);
  check_nothing_charged(daemon);
  (void)cluster.query("ALTER SYSTEM RESET default_transaction_read_only");
  (void)cluster.query("SELECT pg_reload_conf()");
  everything_arrives(daemon, cluster, outcomes);

  // The same by a real failover: what answers now is a standby, until it is promoted.
  cluster.stop();
  write_file(cluster.folder() + "/data/standby.signal", "");
  cluster.start();
  post(daemon, outcomes, 20);
  REQUIRE(eventually([&] { return last_error(daemon).contains("25006"); }, 20s));
  CHECK(daemon.reaches_state("backing_off", 5s));
  check_nothing_charged(daemon);
  (void)cluster.query("SELECT pg_promote()");
  everything_arrives(daemon, cluster, outcomes);
  check_nothing_charged(daemon);
}

TEST_CASE(
    "wire: a rotated password pauses, is not tried over and over, and ends with the right one",
    "[wire][e2e][password]") {
  SecureCluster secure;
  const auto failures = [&] {
    return count(secure.cluster.log_text(), "password authentication failed");
  };
  Daemon daemon(e2e::config_for(secure.verifying_url()));
  daemon.start();
  std::vector<WriteOutcome> outcomes{e2e::deliver_the_first(daemon, secure.cluster)};
  (void)secure.cluster.query("ALTER ROLE relay PASSWORD 'another'");
  end_sessions(secure.cluster);
  post(daemon, outcomes, 20);
  REQUIRE(daemon.reaches_state("paused", 20s));
  const auto health = daemon.health();
  CHECK(health.at("relay").at("pause_reason") == "configuration");
  CHECK(last_error(daemon).contains("28P01"));
  CHECK(last_error(daemon).contains("password authentication failed"));
  CHECK_FALSE(last_error(daemon).contains("\"relay\""));
  CHECK_FALSE(daemon.log_text().contains(std::string(SecureCluster::password)));
  check_nothing_charged(daemon);
  // No hammering: accounts get locked for that.
  CHECK(stays([&] { return failures() == 1; }, 5s));
  post(daemon, outcomes, 5);
  (void)secure.cluster.query(
      std::format("ALTER ROLE relay PASSWORD '{}'", SecureCluster::password));
  everything_arrives(daemon, secure.cluster, outcomes);
  CHECK(failures() == 1);
  check_nothing_charged(daemon);
}

TEST_CASE("wire: a certificate that ends pauses with a clear text until the server has a new one",
          "[wire][e2e][tls]") {
  SecureCluster secure;
  Daemon daemon(e2e::config_for(secure.verifying_url()));
  Daemon other(e2e::config_for(secure.verifying_url()));
  daemon.start();
  std::vector<WriteOutcome> outcomes{e2e::deliver_the_first(daemon, secure.cluster)};
  secure.use(secure.authority.issue("DNS:elsewhere.example"));
  end_sessions(secure.cluster);
  post(daemon, outcomes, 10);
  REQUIRE(daemon.reaches_state("paused", 20s));
  CHECK(last_error(daemon).contains("does not match host name"));
  CHECK(daemon.readyz() == 200);
  check_nothing_charged(daemon);
  secure.use(secure.authority.issue_expired("DNS:localhost"));
  other.start();
  post(other, outcomes, 10);
  REQUIRE(other.reaches_state("paused", 20s));
  CHECK(last_error(other).contains("certificate verify failed"));
  check_nothing_charged(other);
  secure.use(secure.good);
  REQUIRE(other.drains(45s));
  everything_arrives(daemon, secure.cluster, outcomes);
  check_nothing_charged(daemon);
}

TEST_CASE("wire: a host name that nobody knows is an outage until it is known",
          "[wire][e2e][dns]") {
  PostgresCluster cluster;
  const OwnHosts hosts;
  auto config = e2e::config_for(
      std::format("postgresql://postgres@database.holdfast.invalid:{}/postgres", cluster.port()));
  config.binary = hosts.program();
  Daemon daemon(config);
  daemon.start();
  std::vector<WriteOutcome> outcomes;
  post(daemon, outcomes, 20);
  REQUIRE(daemon.reaches_state("backing_off", 30s));
  CHECK(last_error(daemon).contains("could not translate host name"));
  CHECK_FALSE(daemon.health().dump().contains("database.holdfast.invalid"));
  CHECK(daemon.health().at("relay").at("paused") == false);
  // The resolver keeps the relay alone waiting.
  const SystemClock clock;
  for (int i = 0; i < 20; ++i) {
    const auto asked = clock.steady_now();
    CHECK(daemon.readyz() == 200);
    post(daemon, outcomes, 1);
    CHECK(clock.steady_now() - asked < 1s);
  }
  check_nothing_charged(daemon);
  hosts.names("127.0.0.1 database.holdfast.invalid\n");
  everything_arrives(daemon, cluster, outcomes);
  check_nothing_charged(daemon);
}

TEST_CASE("wire: a resolver that hangs keeps neither intake nor health nor a stop waiting",
          "[wire][e2e][dns]") {
  PostgresCluster cluster;
  const OwnHosts hosts;
  hosts.hang();
  auto config = e2e::config_for(
      std::format("postgresql://postgres@database.holdfast.invalid:{}/postgres", cluster.port()));
  config.binary = hosts.program();
  config.destination += "shutdown_timeout = \"1s\"\n";
  Daemon daemon(config);
  daemon.start();
  std::vector<WriteOutcome> outcomes;
  const SystemClock clock;
  for (int i = 0; i < 20; ++i) {
    const auto asked = clock.steady_now();
    post(daemon, outcomes, 1);
    CHECK(daemon.readyz() == 200);
    CHECK(daemon.health().at("outbox").at("pending") == outcomes.size());
    CHECK(clock.steady_now() - asked < 1s);
  }
  const auto told = clock.steady_now();
  CHECK(daemon.terminate() == 0);
  CHECK(clock.steady_now() - told < 10s);
  CHECK(daemon.log_text().contains("shutdown_without_relay"));
  hosts.answer_again();
  hosts.names("127.0.0.1 database.holdfast.invalid\n");
  daemon.restart();
  everything_arrives(daemon, cluster, outcomes);
  check_nothing_charged(daemon);
}

TEST_CASE("wire: dead addresses beside one that answers cost nothing", "[wire][e2e][dns]") {
  PostgresCluster cluster;
  const OwnHosts hosts;
  // A group's address, to which there is no way, one where nobody listens, and the right one.
  std::string lines;
  for (const char* address : {"224.0.0.1", "127.0.0.2", "127.0.0.1"})
    lines += std::format("{} database.holdfast.invalid\n", address);
  hosts.names(lines);
  auto config = e2e::config_for(
      std::format("postgresql://postgres@database.holdfast.invalid:{}/postgres", cluster.port()));
  config.binary = hosts.program();
  Daemon daemon(config);
  daemon.start();
  std::vector<WriteOutcome> outcomes;
  post(daemon, outcomes, 20);
  everything_arrives(daemon, cluster, outcomes);
  check_nothing_charged(daemon);
}
