#pragma once

#include <openssl/ssl.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::support {

/// The server's end of one connection, in plain text or in TLS. Owns the socket.
///
/// Threads:  one at a time.
/// Blocks:   until the other side sends, takes or ends; shutdown() of the socket ends it.
class WireLink {
 public:
  explicit WireLink(int socket) : socket_(socket), tls_(nullptr, SSL_free) {}
  ~WireLink();
  WireLink(const WireLink&) = delete;
  WireLink& operator=(const WireLink&) = delete;

  /// The server's half of the TLS handshake, with the certificate and key of these PEM files.
  [[nodiscard]] bool accept_tls(const std::string& certificate, const std::string& key);
  [[nodiscard]] bool encrypted() const { return tls_ != nullptr; }
  /// The name that the client asked for in its TLS hello; empty: it named none.
  [[nodiscard]] std::string server_name() const;

  /// The next byte without taking it; nullopt once the other side has ended.
  [[nodiscard]] std::optional<unsigned char> peek() const;
  /// Exactly so many bytes; nullopt once the other side has ended.
  [[nodiscard]] std::optional<std::string> read(std::size_t bytes);
  bool write(std::string_view bytes);
  /// Reads and throws away until the other side ends.
  void drain();
  /// Ends in order: what was sent arrives, whatever the client still sends. Returns when it is
  /// gone.
  void end();
  /// What was not read is lost on both sides.
  void reset();

 private:
  int socket_;
  std::unique_ptr<SSL, void (*)(SSL*)> tls_;
};

}  // namespace holdfast::support
