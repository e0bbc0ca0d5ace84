#pragma once

#include <string>
#include <vector>

#include "support/scratch_folder.hpp"

namespace holdfast::support {

/// A certificate and its key, as PEM files.
struct CertificatePair {
  std::string certificate;
  std::string key;
};

/// A certificate authority of a test, made by the openssl program.
///
/// Errors:   std::runtime_error with what openssl said.
class CertificateAuthority {
 public:
  CertificateAuthority();
  /// What a client needs to trust it: sslrootcert.
  [[nodiscard]] std::string root() const { return folder_.file("root.crt"); }
  /// A certificate for this subjectAltName, such as "DNS:localhost" or "IP:127.0.0.1".
  [[nodiscard]] CertificatePair issue(const std::string& alternative_name) const;
  /// The same, but it ended years ago.
  [[nodiscard]] CertificatePair issue_expired(const std::string& alternative_name) const;

 private:
  [[nodiscard]] CertificatePair make(const std::string& alternative_name,
                                     std::vector<std::string> validity) const;

  ScratchFolder folder_;
  mutable int made_ = 0;
};

/// Copies the pair to server.crt and server.key of a PostgreSQL data folder, with the owner of the
/// folder and the mode that the server asks for.
void install_certificate(const CertificatePair& pair, const std::string& data_folder);

}  // namespace holdfast::support
