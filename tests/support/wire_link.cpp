#include "support/wire_link.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "support/tcp_gate_sockets.hpp"

namespace holdfast::support {
namespace {

/// libpq refuses a direct TLS connection without this protocol.
/// Source:   PostgreSQL 17, "SSL Session Encryption".
int choose_protocol(SSL* /*tls*/, const unsigned char** chosen, unsigned char* length,
                    const unsigned char* offered, unsigned int offered_length, void* /*unused*/) {
  static constexpr std::string_view protocol = "\x0apostgresql";
  unsigned char* found = nullptr;
  const int result =
      SSL_select_next_proto(&found, length, reinterpret_cast<const unsigned char*>(protocol.data()),
                            static_cast<unsigned int>(protocol.size()), offered, offered_length);
  *chosen = found;
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

}  // namespace

WireLink::~WireLink() {
  if (socket_ >= 0) close(socket_);
}

bool WireLink::accept_tls(const std::string& certificate, const std::string& key) {
  const std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context(SSL_CTX_new(TLS_server_method()),
                                                             SSL_CTX_free);
  if (SSL_CTX_use_certificate_chain_file(context.get(), certificate.c_str()) != 1 ||
      SSL_CTX_use_PrivateKey_file(context.get(), key.c_str(), SSL_FILETYPE_PEM) != 1)
    return false;
  SSL_CTX_set_alpn_select_cb(context.get(), choose_protocol, nullptr);
  tls_.reset(SSL_new(context.get()));
  return SSL_set_fd(tls_.get(), socket_) == 1 && SSL_accept(tls_.get()) == 1;
}

std::string WireLink::server_name() const {
  if (!tls_) return {};
  const char* name = SSL_get_servername(tls_.get(), TLSEXT_NAMETYPE_host_name);
  return name == nullptr ? std::string() : std::string(name);
}

std::optional<unsigned char> WireLink::peek() const {
  unsigned char byte = 0;
  if (recv(socket_, &byte, 1, MSG_PEEK) != 1) return std::nullopt;
  return byte;
}

std::optional<std::string> WireLink::read(std::size_t bytes) {
  std::string all(bytes, '\0');
  std::size_t done = 0;
  while (done < bytes) {
    const std::size_t left = bytes - done;
    const auto got = tls_ ? SSL_read(tls_.get(), all.data() + done, static_cast<int>(left))
                          : recv(socket_, all.data() + done, left, 0);
    if (got < 0 && !tls_ && errno == EINTR) continue;
    if (got <= 0) return std::nullopt;
    done += static_cast<std::size_t>(got);
  }
  return all;
}

bool WireLink::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto put = tls_ ? SSL_write(tls_.get(), bytes.data(), static_cast<int>(bytes.size()))
                          : send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (put < 0 && !tls_ && errno == EINTR) continue;
    if (put <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  return true;
}

void WireLink::drain() {
  std::array<char, 4096> bytes{};
  while (recv(socket_, bytes.data(), bytes.size(), 0) > 0) {
  }
}

void WireLink::end() {
  if (socket_ < 0) return;
  if (tls_) SSL_shutdown(tls_.get());
  // A close with something unread would be a reset, which takes back what was sent.
  ::shutdown(socket_, SHUT_WR);
  drain();
}

void WireLink::reset() {
  close_with_reset(socket_);
}

}  // namespace holdfast::support
