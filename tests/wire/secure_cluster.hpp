#pragma once

#include <string>

#include "support/certificates.hpp"
#include "support/postgres_cluster.hpp"

namespace holdfast::wire {

/// A real PostgreSQL with TLS and a certificate for "localhost", and a role "relay" that has to
/// give the password `password` by SCRAM.
struct SecureCluster {
  SecureCluster();

  /// What the role's password is, and that password as a URL has it.
  static constexpr std::string_view password = "p@ss/w:rd #1%";
  static constexpr std::string_view encoded_password = "p%40ss%2Fw%3Ard%20%231%25";

  support::CertificateAuthority authority;
  support::CertificatePair good = authority.issue("DNS:localhost,IP:127.0.0.1");
  support::PostgresCluster cluster;

  /// The server presents this one to new connections.
  void use(const support::CertificatePair& pair);
  /// A line before all others of pg_hba.conf.
  void demand(const std::string& line);
  /// A URL of role relay, for host localhost at 127.0.0.1.
  [[nodiscard]] std::string url(const std::string& parameters) const;
  /// The same, and it verifies the server.
  [[nodiscard]] std::string verifying_url() const;

 private:
  /// Returns when a new connection meets the new configuration.
  void reload();
  int reloads_ = 0;
};

}  // namespace holdfast::wire
