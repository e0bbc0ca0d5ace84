#include <libpq-fe.h>

#include <catch2/catch_test_macros.hpp>
#include <memory>
#include <string>

#include "support/postgres_cluster.hpp"
#include "support/tcp_gate.hpp"

using holdfast::support::PostgresCluster;
using holdfast::support::TcpGate;

namespace {

using Connection = std::unique_ptr<PGconn, void (*)(PGconn*)>;

Connection connect(const std::string& url) {
  return {PQconnectdb(url.c_str()), PQfinish};
}

bool succeeds(const Connection& connection, const char* sql) {
  const std::unique_ptr<PGresult, void (*)(PGresult*)> result(PQexec(connection.get(), sql),
                                                              PQclear);
  const auto status = PQresultStatus(result.get());
  return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

}  // namespace

TEST_CASE("support: a cluster starts, stops, is killed and keeps its data", "[support][postgres]") {
  PostgresCluster cluster;
  cluster.query("CREATE TABLE t (n int)");
  cluster.query("INSERT INTO t VALUES (7)");
  cluster.stop();
  CHECK_FALSE(cluster.running());
  CHECK_THROWS(cluster.query("SELECT 1"));
  cluster.start();
  CHECK(cluster.query("SELECT n FROM t").at(0).at(0) == "7");
  cluster.kill_hard();
  CHECK_FALSE(cluster.running());
  cluster.start();
  CHECK(cluster.query("SELECT n FROM t").at(0).at(0) == "7");
  CHECK(cluster.log_text().contains("SELECT n FROM t"));
}

TEST_CASE("support: the gate passes, refuses, cuts and counts", "[support][postgres]") {
  PostgresCluster cluster;
  TcpGate gate(cluster.port());
  const std::string url = gate.url() + "?connect_timeout=2";
  auto connection = connect(url);
  CHECK(succeeds(connection, "SELECT 1"));
  gate.cut_all();
  CHECK_FALSE(succeeds(connection, "SELECT 1"));
  gate.set_mode(TcpGate::Mode::refuse);
  CHECK(std::string(PQerrorMessage(connect(url).get())).contains("Connection refused"));
  gate.set_mode(TcpGate::Mode::stall);
  CHECK(std::string(PQerrorMessage(connect(url).get())).contains("timeout expired"));
  gate.set_mode(TcpGate::Mode::black_hole);
  CHECK(std::string(PQerrorMessage(connect(url).get())).contains("timeout expired"));
  gate.heal();
  CHECK(succeeds(connect(url), "SELECT 1"));
  CHECK(gate.counts().connections == 4);
  gate.cut_after_bytes(20);
  CHECK_FALSE(succeeds(connect(url), "SELECT 1"));
  CHECK(succeeds(connect(url), "SELECT 1"));
}

TEST_CASE("support: the gate cuts inside COMMIT on either side of the server",
          "[support][postgres]") {
  PostgresCluster cluster;
  cluster.query("CREATE TABLE t (n int primary key)");
  TcpGate gate(cluster.port());
  const auto committed = [&](const char* commit, const char* n) {
    auto connection = connect(gate.url());
    CHECK(succeeds(connection, (std::string("BEGIN; INSERT INTO t VALUES (") + n + ")").c_str()));
    const bool heard = succeeds(connection, commit);
    connection.reset();
    // A new insert of the same key waits for the end of the first transaction.
    const auto found = cluster.query(std::string("INSERT INTO t VALUES (") + n +
                                     ") ON CONFLICT DO NOTHING RETURNING n");
    return std::pair(heard, found.empty());
  };
  CHECK(committed("COMMIT", "1") == std::pair(true, true));
  gate.cut_inside_commit(TcpGate::CommitCut::after_forward);
  CHECK(committed("commit;", "2") == std::pair(false, true));
  gate.cut_inside_commit(TcpGate::CommitCut::before_forward);
  CHECK(committed("COMMIT", "3") == std::pair(false, false));
  CHECK(committed("COMMIT", "4") == std::pair(true, true));
  CHECK(gate.counts().commits_seen == 4);
  CHECK(gate.counts().commits_cut == 2);
}
