#include <catch2/catch_test_macros.hpp>
#include <cstdlib>
#include <format>
#include <nlohmann/json.hpp>

#include "fixture.hpp"
#include "support/delivery.hpp"
#include "support/wait.hpp"

/// The way to the server is there, and the server does not let us in, or not let us write.
using namespace holdfast;
using namespace holdfast::support;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

/// The time in which a pause is probed again and ends.
constexpr auto resume_limit = 45s;

std::string last_error(const Daemon& daemon) {
  const json error = daemon.health().at("destination").at("last_error");
  return error.is_null() ? "" : error.dump();
}

void post_some(const Daemon& daemon, int from, std::vector<WriteOutcome>& outcomes) {
  for (int number = from; number < from + 10; ++number) {
    outcomes.push_back(e2e::post_one(daemon, e2e::mixed_write(number)));
    CHECK(outcomes.back().last_status == 202);
  }
}

/// Sessions of the daemon end, as they do when a server changes its mind about who may come in.
void end_sessions(const PostgresCluster& cluster) {
  (void)cluster.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'");
}

int count_of(const std::string& text, const std::string& part) {
  int count = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

/// A server with a role of its own for the daemon, which needs a password.
struct Guarded {
  Guarded() {
    write_file(cluster.folder() + "/data/pg_hba.conf",
               "host all app 127.0.0.1/32 scram-sha-256\n"
               "host all all 127.0.0.1/32 trust\nlocal all all trust\n");
    reload();
    (void)cluster.query("CREATE ROLE app LOGIN PASSWORD 'p@ss/w:rd 1%'");
    (void)cluster.query("GRANT CREATE ON DATABASE postgres TO app");
  }
  void reload() const { (void)cluster.query("SELECT pg_reload_conf()"); }
  /// Characters that mean something in a URL are written as %XX.
  [[nodiscard]] std::string url(const std::string& host, const std::string& rest = "") const {
    return std::format("postgresql://app:p%40ss%2Fw%3Ard%201%25@{}:{}/postgres{}", host,
                       cluster.port(), rest);
  }
  PostgresCluster cluster;
};

/// A CA, and certificates of it for a server that is called so.
class Certificates {
 public:
  explicit Certificates(std::string folder) : folder_(std::move(folder)) {
    run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -days 30 -nodes "
        "-subj /CN=holdfast-test-ca -keyout ca.key -out ca.crt");
  }
  void issue(const std::string& host, const std::string& validity = "-days 30") const {
    run("openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=server "
        "-keyout server.key -out server.csr");
    run("printf 'subjectAltName=DNS:" + host + "' > extension");
    run("openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial " + validity +
        " -extfile extension -out server.crt");
    run("chmod 600 server.key && chown --reference=. server.key server.crt");
  }
  [[nodiscard]] std::string authority() const { return folder_ + "/ca.crt"; }

 private:
  void run(const std::string& command) const {
    REQUIRE(std::system(("cd " + folder_ + " && { " + command + "; } 2>/dev/null").c_str()) == 0);
  }
  std::string folder_;
};

}  // namespace

TEST_CASE("e2e: a server that turns read-only costs no entry, and has all once it writes again",
          "[e2e][access]") {
  PostgresCluster cluster;
  Daemon daemon(e2e::config_for(cluster.url()));
  daemon.start();
  std::vector<WriteOutcome> outcomes{e2e::deliver_the_first(daemon, cluster)};
  (void)cluster.query("ALTER SYSTEM SET default_transaction_read_only = on");
  (void)cluster.query("SELECT pg_reload_conf()");
  post_some(daemon, 0, outcomes);
  REQUIRE(daemon.reaches_state("backing_off", 20s));
  CHECK(last_error(daemon).contains("25006"));
  post_some(daemon, 10, outcomes);
  const json health = daemon.health();
  CHECK(health.at("status") == "degraded");
  CHECK(health.at("outbox").at("dead") == 0);
  CHECK(health.at("outbox").at("pending") == 20);

  (void)cluster.query("ALTER SYSTEM RESET default_transaction_read_only");
  (void)cluster.query("SELECT pg_reload_conf()");
  everything_arrives(daemon, cluster, outcomes);
}

TEST_CASE("e2e: a password that was changed pauses without hammering, and the right one resumes",
          "[e2e][access][slow]") {
  Guarded server;
  Daemon daemon(e2e::config_for(server.url("127.0.0.1")));
  daemon.start();
  std::vector<WriteOutcome> outcomes{e2e::deliver_the_first(daemon, server.cluster)};
  (void)server.cluster.query("ALTER ROLE app PASSWORD 'rotated'");
  end_sessions(server.cluster);
  post_some(daemon, 0, outcomes);
  REQUIRE(daemon.reaches_state("paused", 20s));
  CHECK(last_error(daemon).contains("password authentication failed"));
  CHECK_FALSE(last_error(daemon).contains("rd 1"));
  CHECK(daemon.health().at("outbox").at("dead") == 0);
  // A server that locks out who tries too often is asked twice a minute, whatever comes in.
  const auto refusals = [&] {
    return count_of(server.cluster.log_text(), "FATAL:  password authentication failed");
  };
  const int before = refusals();
  CHECK(before <= 2);
  post_some(daemon, 10, outcomes);
  CHECK(stays([&] { return refusals() <= before + 1; }, 6s));

  (void)server.cluster.query("ALTER ROLE app PASSWORD 'p@ss/w:rd 1%'");
  everything_arrives(daemon, server.cluster, outcomes, resume_limit);
  CHECK(daemon.health().at("status") == "ok");
}

TEST_CASE("e2e: a certificate that runs out pauses with its reason, and a new one resumes",
          "[e2e][access][tls][slow]") {
  Guarded server;
  const Certificates certificates(server.cluster.folder() + "/data");
  certificates.issue("localhost");
  (void)server.cluster.query("ALTER SYSTEM SET ssl = on");
  server.reload();
  // As Neon's console writes it, and the check of the certificate with it.
  Daemon daemon(e2e::config_for(server.url(
      "localhost",
      "?sslmode=verify-full&channel_binding=require&sslrootcert=" + certificates.authority())));
  daemon.start();
  std::vector<WriteOutcome> outcomes{e2e::deliver_the_first(daemon, server.cluster)};
  CHECK(server.cluster
            .query("SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) "
                   "WHERE usename = 'app'")
            .at(0)
            .at(0) == "t");

  certificates.issue("localhost", "-not_before 20200101000000Z -not_after 20210101000000Z");
  server.reload();
  end_sessions(server.cluster);
  post_some(daemon, 0, outcomes);
  REQUIRE(daemon.reaches_state("paused", 20s));
  CHECK(last_error(daemon).contains("certificate"));
  CHECK(daemon.health().at("outbox").at("dead") == 0);
  CHECK(daemon.readyz() == 200);

  certificates.issue("localhost");
  server.reload();
  everything_arrives(daemon, server.cluster, outcomes, resume_limit);
}

TEST_CASE("e2e: a host name that does not resolve is an outage, and ends when it does",
          "[e2e][access][dns]") {
  PostgresCluster cluster;
  ScratchFolder folder;
  const auto service = folder.file("services");
  const auto names = [&](const std::string& host) {
    write_file(service, std::format("[neon]\nhost={}\nport={}\nuser=postgres\ndbname=postgres\n",
                                    host, cluster.port()));
  };
  names("ep-gone.holdfast.invalid");
  DaemonConfig config = e2e::config_for("service=neon");
  config.environment = {"PGSERVICEFILE=" + service};
  Daemon daemon(config);
  daemon.start();
  std::vector<WriteOutcome> outcomes;
  post_some(daemon, 0, outcomes);
  REQUIRE(daemon.reaches_state("backing_off", 20s));
  CHECK(last_error(daemon).contains("host name"));
  // A resolver that takes its time holds up neither senders nor health.
  post_some(daemon, 10, outcomes);
  CHECK(daemon.readyz() == 200);
  CHECK_FALSE(get(daemon.port(), "/api/health").body.contains("holdfast.invalid"));

  names("localhost");
  REQUIRE(daemon.drains(40s));
  everything_arrives(daemon, cluster, outcomes);
}
