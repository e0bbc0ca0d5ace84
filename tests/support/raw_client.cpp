#include "support/raw_client.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <ranges>

namespace holdfast::support {
namespace {

constexpr std::chrono::seconds patience{20};

std::string to_lower(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
  return lower;
}

Answer parse_head(std::string_view head) {
  Answer answer;
  answer.status = std::stoi(std::string(head.substr(9, 3)));
  for (const auto range : std::views::split(head, std::string_view("\r\n")) | std::views::drop(1)) {
    const std::string_view line(range);
    const auto colon = line.find(": ");
    if (colon != std::string_view::npos)
      answer.headers.emplace(to_lower(line.substr(0, colon)), line.substr(colon + 2));
  }
  return answer;
}

}  // namespace

RawClient::RawClient(std::uint16_t port, std::string_view host, const std::string& from) {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  const bool is_v6 = ::inet_pton(AF_INET6, std::string(host).c_str(), &v6.sin6_addr) == 1;
  if (!is_v6) ::inet_pton(AF_INET, std::string(host).c_str(), &v4.sin_addr);
  socket_ = ::socket(is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  if (!from.empty()) {
    sockaddr_in own{};
    own.sin_family = AF_INET;
    ::inet_pton(AF_INET, from.c_str(), &own.sin_addr);
    ::bind(socket_, reinterpret_cast<const sockaddr*>(&own), sizeof(own));
  }
  const auto* address =
      is_v6 ? reinterpret_cast<const sockaddr*>(&v6) : reinterpret_cast<const sockaddr*>(&v4);
  connected_ = ::connect(socket_, address, is_v6 ? sizeof(v6) : sizeof(v4)) == 0;
}

RawClient::~RawClient() {
  ::close(socket_);
}

bool RawClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto count = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

Answer RawClient::receive(bool bodiless) {
  auto end = received_.find("\r\n\r\n");
  while (end == std::string::npos) {
    if (!receive_more(patience)) return {};
    end = received_.find("\r\n\r\n");
  }
  auto answer = parse_head(std::string_view(received_).substr(0, end));
  received_.erase(0, end + 4);
  const auto length = answer.headers.find("content-length");
  if (bodiless || length == answer.headers.end()) return answer;
  const auto bytes = std::stoul(length->second);
  while (received_.size() < bytes)
    if (!receive_more(patience)) return {};
  answer.body = received_.substr(0, bytes);
  received_.erase(0, bytes);
  return answer;
}

bool RawClient::closed_within(std::chrono::milliseconds limit) {
  while (receive_more(limit)) received_.clear();
  return ended_;
}

void RawClient::finish() {
  ::shutdown(socket_, SHUT_WR);
}

void RawClient::reset() {
  const linger at_once{1, 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  ::close(socket_);
  socket_ = -1;
}

bool RawClient::receive_more(std::chrono::milliseconds limit) {
  pollfd waiting{socket_, POLLIN, 0};
  if (::poll(&waiting, 1, static_cast<int>(limit.count())) <= 0) return false;
  std::array<char, 65'536> bytes;
  const auto count = ::recv(socket_, bytes.data(), bytes.size(), 0);
  ended_ = count <= 0;
  was_reset_ = count < 0;
  if (ended_) return false;
  received_.append(bytes.data(), static_cast<std::size_t>(count));
  return true;
}

}  // namespace holdfast::support
