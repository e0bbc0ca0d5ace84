#include "support/certificates.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <format>
#include <stdexcept>

#include "support/process.hpp"

namespace holdfast::support {
namespace {

void openssl(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "openssl");
  const auto result = run_command({.arguments = std::move(arguments)});
  if (result.exit_code != 0) throw std::runtime_error("running openssl: " + result.err);
}

/// A new key and a certificate for it; elliptic curves, because making an RSA key takes long.
std::vector<std::string> request(const std::string& subject, const CertificatePair& into) {
  return {"req",
          "-x509",
          "-newkey",
          "ec",
          "-pkeyopt",
          "ec_paramgen_curve:prime256v1",
          "-nodes",
          "-subj",
          "/CN=" + subject,
          "-keyout",
          into.key,
          "-out",
          into.certificate};
}

}  // namespace

CertificateAuthority::CertificateAuthority() {
  auto arguments = request("holdfast test root", {root(), folder_.file("root.key")});
  arguments.insert(arguments.end(), {"-days", "30"});
  openssl(std::move(arguments));
}

CertificatePair CertificateAuthority::issue(const std::string& alternative_name) const {
  return make(alternative_name, {"-days", "30"});
}

CertificatePair CertificateAuthority::issue_expired(const std::string& alternative_name) const {
  return make(alternative_name,
              {"-not_before", "20200101000000Z", "-not_after", "20200201000000Z"});
}

CertificatePair CertificateAuthority::make(const std::string& alternative_name,
                                           std::vector<std::string> validity) const {
  const int number = ++made_;
  CertificatePair pair{folder_.file(std::format("{}.crt", number)),
                       folder_.file(std::format("{}.key", number))};
  auto arguments = request("server", pair);
  arguments.insert(arguments.end(), {"-CA", root(), "-CAkey", folder_.file("root.key"), "-addext",
                                     "subjectAltName=" + alternative_name, "-addext",
                                     "basicConstraints=critical,CA:FALSE"});
  arguments.insert(arguments.end(), validity.begin(), validity.end());
  openssl(std::move(arguments));
  return pair;
}

void install_certificate(const CertificatePair& pair, const std::string& data_folder) {
  struct stat owner{};
  if (::stat(data_folder.c_str(), &owner) != 0)
    throw std::runtime_error("finding the owner of " + data_folder);
  for (const auto& [from, name] :
       {std::pair(pair.certificate, "server.crt"), std::pair(pair.key, "server.key")}) {
    const std::string path = data_folder + "/" + name;
    write_file(path, read_file(from));
    if (::chmod(path.c_str(), 0600) != 0 || ::chown(path.c_str(), owner.st_uid, owner.st_gid) != 0)
      throw std::runtime_error("giving " + path + " to the server");
  }
}

}  // namespace holdfast::support
