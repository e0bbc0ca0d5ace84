#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace holdfast::test {

/// A TCP client that sends what it is told, byte for byte.
class RawClient {
 public:
  explicit RawClient(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the sockets API asks for it.
    if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      throw std::runtime_error("cannot connect");
  }
  ~RawClient() { ::close(socket_); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  /// False if the peer is gone.
  bool send(std::string_view bytes) {
    return ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(bytes.size());
  }
  /// What comes until the peer closes, or until `limit` passes without a byte.
  std::string receive_all(std::chrono::milliseconds limit) {
    std::string all;
    std::array<char, 4096> buffer{};
    while (readable(limit)) {
      const auto received = ::recv(socket_, buffer.data(), buffer.size(), 0);
      if (received <= 0) break;
      all.append(buffer.data(), static_cast<std::size_t>(received));
    }
    return all;
  }
  /// True if the peer closes within `limit`, having sent nothing more.
  bool closed_within(std::chrono::milliseconds limit) {
    char byte = 0;
    return readable(limit) && ::recv(socket_, &byte, 1, 0) <= 0;
  }

 private:
  bool readable(std::chrono::milliseconds limit) const {
    pollfd watched{socket_, POLLIN, 0};
    return ::poll(&watched, 1, static_cast<int>(limit.count())) > 0;
  }
  int socket_;
};

}  // namespace holdfast::test
