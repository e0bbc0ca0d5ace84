#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace holdfast::support {

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  std::string method = "POST";
  std::string target = "/";
  HttpHeaders headers = {};  ///< Sent in this order, before Host and Content-Length.
  std::string body = {};
};

struct HttpResponse {
  int status = 0;
  HttpHeaders headers;
  std::string body;
  /// The value of the header in any case; empty if it is not there.
  [[nodiscard]] std::string header(std::string_view name) const;
  [[nodiscard]] bool accepted() const { return status >= 200 && status < 300; }
};

/// A keep-alive HTTP/1.1 connection written by hand, so that each byte on the wire is known and the
/// client shares no code with the server under test.
///
/// Threads:  one at a time.
/// Errors:   a text that says what went wrong; after one the connection is closed and the next
///           exchange opens another.
class HttpConnection {
 public:
  explicit HttpConnection(std::uint16_t port,
                          std::chrono::milliseconds patience = std::chrono::seconds(20));
  ~HttpConnection();
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;
  [[nodiscard]] std::expected<HttpResponse, std::string> exchange(const HttpRequest& request);
  /// The two halves of an exchange, for requests that are slow, cut or malformed on purpose.
  bool send_bytes(std::string_view bytes);
  [[nodiscard]] std::expected<HttpResponse, std::string> receive();

 private:
  bool open();
  void close();
  bool receive_some();
  std::expected<HttpResponse, std::string> receive_response();

  // Constant after construction.
  std::uint16_t port_;
  std::chrono::milliseconds patience_;

  int socket_ = -1;
  std::string buffer_;  ///< Received, not yet used.
};

/// True if something accepts connections there.
[[nodiscard]] bool accepts_connections(std::uint16_t port);

/// One request on a connection of its own; throws std::runtime_error if no answer comes.
[[nodiscard]] HttpResponse fetch(std::uint16_t port, const HttpRequest& request);
[[nodiscard]] HttpResponse get(std::uint16_t port, const std::string& target);
[[nodiscard]] HttpResponse post(std::uint16_t port, const std::string& target,
                                const HttpHeaders& headers, const std::string& body);

}  // namespace holdfast::support
