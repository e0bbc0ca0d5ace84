#include "support/http.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <format>
#include <optional>
#include <stdexcept>

#include "base/encoding.hpp"

namespace holdfast::support {
namespace {

std::string to_wire(const HttpRequest& request, std::uint16_t port) {
  std::string bytes = request.method + " " + request.target + " HTTP/1.1\r\n";
  for (const auto& [name, value] : request.headers) bytes += name + ": " + value + "\r\n";
  bytes += std::format("Host: 127.0.0.1:{}\r\n", port);
  if (request.method != "GET") bytes += std::format("Content-Length: {}\r\n", request.body.size());
  return bytes + "\r\n" + request.body;
}

std::optional<HttpResponse> parse_head(std::string_view head) {
  HttpResponse response;
  if (!head.starts_with("HTTP/1.1 ") || head.size() < 12) return std::nullopt;
  const char* status = head.data() + 9;
  if (std::from_chars(status, status + 3, response.status).ec != std::errc()) return std::nullopt;
  for (auto start = head.find("\r\n"); start != std::string_view::npos;) {
    start += 2;
    const auto end = head.find("\r\n", start);
    const std::string_view line = head.substr(start, end - start);
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const auto value = std::min(line.find_first_not_of(' ', colon + 1), line.size());
    response.headers.emplace_back(line.substr(0, colon), line.substr(value));
    start = end;
  }
  return response;
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

/// A port that nothing listens on can by chance be given to the very socket that connects to it.
bool is_connected_to_itself(int socket) {
  sockaddr_in here{};
  sockaddr_in there{};
  socklen_t size = sizeof here;
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&here), &size);
  size = sizeof there;
  ::getpeername(socket, reinterpret_cast<sockaddr*>(&there), &size);
  return here.sin_port == there.sin_port;
}

}  // namespace

std::string HttpResponse::header(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (base::equal_ignore_case(key, name)) return value;
  return {};
}

HttpConnection::HttpConnection(std::uint16_t port, std::chrono::milliseconds patience)
    : port_(port), patience_(patience) {}

HttpConnection::~HttpConnection() {
  close();
}

void HttpConnection::close() {
  if (socket_ >= 0) ::close(socket_);
  socket_ = -1;
  buffer_.clear();
}

bool HttpConnection::open() {
  if (socket_ >= 0) return true;
  socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const timeval patience{patience_.count() / 1000, (patience_.count() % 1000) * 1000};
  ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  const sockaddr_in address = loopback(port_);
  if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
      !is_connected_to_itself(socket_))
    return true;
  close();
  return false;
}

bool HttpConnection::send_bytes(std::string_view bytes) {
  if (!open()) return false;
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool HttpConnection::receive_some() {
  std::array<char, 16384> bytes{};
  const ssize_t size = ::recv(socket_, bytes.data(), bytes.size(), 0);
  if (size <= 0) return false;
  buffer_.append(bytes.data(), static_cast<std::size_t>(size));
  return true;
}

std::expected<HttpResponse, std::string> HttpConnection::receive_response() {
  std::size_t head_size = 0;
  while ((head_size = buffer_.find("\r\n\r\n")) == std::string::npos)
    if (!receive_some()) return std::unexpected("no answer: closed or timed out");
  auto response = parse_head(std::string_view(buffer_).substr(0, head_size));
  if (!response) return std::unexpected("an answer that is not HTTP: " + buffer_.substr(0, 80));
  buffer_.erase(0, head_size + 4);
  const std::string length_text = response->header("Content-Length");
  std::size_t length = 0;
  std::from_chars(length_text.data(), length_text.data() + length_text.size(), length);
  while (buffer_.size() < length)
    if (!receive_some()) return std::unexpected("an answer that ends too early");
  response->body = buffer_.substr(0, length);
  buffer_.erase(0, length);
  return std::move(*response);
}

std::expected<HttpResponse, std::string> HttpConnection::exchange(const HttpRequest& request) {
  if (!open()) return std::unexpected("connecting: refused");
  // A server that refuses early may close its side while we still send: its answer counts.
  (void)send_bytes(to_wire(request, port_));
  return receive();
}

std::expected<HttpResponse, std::string> HttpConnection::receive() {
  auto response = receive_response();
  if (!response || base::equal_ignore_case(response->header("Connection"), "close")) close();
  return response;
}

bool accepts_connections(std::uint16_t port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(port);
  const bool accepted =
      ::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
      !is_connected_to_itself(socket);
  ::close(socket);
  return accepted;
}

HttpResponse fetch(std::uint16_t port, const HttpRequest& request) {
  auto response = HttpConnection(port).exchange(request);
  if (!response)
    throw std::runtime_error(request.method + " " + request.target + ": " + response.error());
  return std::move(*response);
}

HttpResponse get(std::uint16_t port, const std::string& target) {
  return fetch(port, {.method = "GET", .target = target});
}

HttpResponse post(std::uint16_t port, const std::string& target, const HttpHeaders& headers,
                  const std::string& body) {
  return fetch(port, {.target = target, .headers = headers, .body = body});
}

}  // namespace holdfast::support
