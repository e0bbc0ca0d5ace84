#include "ingress/connection.hpp"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "base/check.hpp"

namespace holdfast::ingress {
namespace {

constexpr std::size_t read_bytes = 16'384;
/// Answers are small: a peer that does not take one in this time is stuck.
constexpr std::chrono::seconds write_limit{5};
constexpr std::chrono::seconds linger_limit{1};
constexpr std::size_t linger_bytes_max = 64U << 20U;

bool would_block(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

}  // namespace

Connection::~Connection() {
  ::close(socket_);
}

std::optional<IpAddress> Connection::peer() const {
  sockaddr_storage address{};
  socklen_t length = sizeof(address);
  if (::getpeername(socket_, reinterpret_cast<sockaddr*>(&address), &length) != 0)
    return std::nullopt;
  IpAddress ip;
  if (address.ss_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof(v6));
    std::memcpy(ip.bytes.data(), &v6.sin6_addr, sizeof(v6.sin6_addr));
    return ip;
  }
  sockaddr_in v4{};
  std::memcpy(&v4, &address, sizeof(v4));
  ip.bytes[10] = ip.bytes[11] = 0xFF;
  std::memcpy(&ip.bytes[12], &v4.sin_addr, sizeof(v4.sin_addr));
  return ip;
}

std::string_view Connection::buffered() const {
  return std::string_view(buffer_).substr(consumed_);
}

void Connection::consume(std::size_t bytes) {
  HOLDFAST_CHECK(bytes <= buffer_.size() - consumed_, "more consumed than was received");
  consumed_ += bytes;
  if (consumed_ < buffer_.size()) return;
  buffer_.clear();
  consumed_ = 0;
}

Connection::Fill Connection::fill(SteadyTime deadline) {
  if (consumed_ > 0) {
    buffer_.erase(0, consumed_);
    consumed_ = 0;
  }
  std::array<char, read_bytes> bytes;
  for (;;) {
    // The clock counts even while there is something to read: a sender that trickles must not hold
    // a request open past its deadline.
    if (clock_.steady_now() >= deadline || !wait_for(POLLIN, deadline)) return Fill::timed_out;
    const auto count = ::recv(socket_, bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (count > 0) {
      buffer_.append(bytes.data(), static_cast<std::size_t>(count));
      return Fill::data;
    }
    if (count == 0 || !would_block(errno)) return Fill::closed;
  }
}

bool Connection::send(std::string_view bytes) {
  const auto deadline = clock_.steady_now() + write_limit;
  while (!bytes.empty()) {
    const auto count = ::send(socket_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(count));
      continue;
    }
    if (!would_block(errno) || !wait_for(POLLOUT, deadline)) return false;
  }
  return true;
}

void Connection::linger() {
  if (::shutdown(socket_, SHUT_WR) != 0) return;
  const auto deadline = clock_.steady_now() + linger_limit;
  std::size_t discarded = 0;
  while (discarded < linger_bytes_max && fill(deadline) == Fill::data) {
    discarded += buffered().size();
    consume(buffered().size());
  }
}

bool Connection::wait_for(short events, SteadyTime deadline) const {
  using std::chrono::milliseconds;
  for (;;) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - clock_.steady_now());
    pollfd waiting{socket_, events, 0};
    const auto wait = std::clamp<milliseconds::rep>(left.count(), 0, 3'600'000);
    const int ready = ::poll(&waiting, 1, static_cast<int>(wait));
    if (ready > 0) return true;
    if (ready == 0 && left.count() <= wait) return false;
    if (ready < 0 && errno != EINTR) return false;
  }
}

}  // namespace holdfast::ingress
