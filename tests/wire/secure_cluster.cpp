#include "secure_cluster.hpp"

#include <catch2/catch_test_macros.hpp>
#include <format>

#include "support/scratch_folder.hpp"
#include "support/wait.hpp"

namespace holdfast::wire {

using namespace std::chrono_literals;

SecureCluster::SecureCluster() {
  (void)cluster.query(std::format("CREATE ROLE relay SUPERUSER LOGIN PASSWORD '{}'", password));
  (void)cluster.query("ALTER SYSTEM SET ssl = on");
  demand("host all relay 127.0.0.1/32 scram-sha-256");
  use(good);
}

void SecureCluster::use(const support::CertificatePair& pair) {
  support::install_certificate(pair, cluster.folder() + "/data");
  reload();
}

void SecureCluster::demand(const std::string& line) {
  const std::string path = cluster.folder() + "/data/pg_hba.conf";
  support::write_file(path, line + "\n" + support::read_file(path));
}

void SecureCluster::reload() {
  // The postmaster reads all of it, the certificate last; its next child shows that it has.
  const std::string name = std::format("wire.reloads");
  (void)cluster.query(std::format("ALTER SYSTEM SET {} = '{}'", name, ++reloads_));
  (void)cluster.query("SELECT pg_reload_conf()");
  REQUIRE(support::eventually(
      [&] {
        return cluster.query("SELECT current_setting('wire.reloads', true)").at(0).at(0) ==
               std::to_string(reloads_);
      },
      10s));
}

std::string SecureCluster::url(const std::string& parameters) const {
  return std::format("postgresql://relay:{}@localhost:{}/postgres?hostaddr=127.0.0.1{}{}",
                     encoded_password, cluster.port(), parameters.empty() ? "" : "&", parameters);
}

std::string SecureCluster::verifying_url() const {
  return url("sslmode=verify-full&sslrootcert=" + authority.root());
}

}  // namespace holdfast::wire
