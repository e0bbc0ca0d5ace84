#include "observe/timed_stream.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

namespace holdfast::observe {

TimedStream::TimedStream(int socket, int stop_fd, const Clock& clock)
    : socket_(socket), stop_fd_(stop_fd), clock_(clock) {}

bool TimedStream::await_request(std::chrono::milliseconds limit) {
  return begin_ < end_ || wait_until(clock_.steady_now() + limit, POLLIN);
}

void TimedStream::begin_request(std::chrono::milliseconds limit) {
  deadline_ = clock_.steady_now() + limit;
}

// A stop ends waiting for input only: an answer that is being written is finished.
bool TimedStream::wait_until(SteadyTime deadline, short events) const {
  std::array<pollfd, 2> watched{{{socket_, events, 0}, {stop_fd_, POLLIN, 0}}};
  const nfds_t count = events == POLLIN ? 2 : 1;
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - clock_.steady_now());
    if (left.count() <= 0) return false;
    const int ready = ::poll(watched.data(), count, static_cast<int>(left.count()));
    if (ready < 0 && errno == EINTR) continue;
    return ready > 0 && watched[1].revents == 0 && (watched[0].revents & (events | POLLHUP)) != 0;
  }
}

bool TimedStream::fill() {
  if (!wait_until(deadline_, POLLIN)) return false;
  ssize_t received = 0;
  do {
    received = ::recv(socket_, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
  } while (received < 0 && errno == EINTR);
  begin_ = 0;
  end_ = received > 0 ? static_cast<std::size_t>(received) : 0;
  return received > 0;
}

bool TimedStream::is_readable() const {
  return begin_ < end_;
}

bool TimedStream::wait_readable() const {
  return begin_ < end_ || wait_until(deadline_, POLLIN);
}

bool TimedStream::wait_writable() const {
  return wait_until(deadline_, POLLOUT);
}

ssize_t TimedStream::read(char* target, size_t size) {
  if (begin_ == end_ && !fill()) return -1;
  const std::size_t taken = std::min(size, end_ - begin_);
  std::memcpy(target, buffer_.data() + begin_, taken);
  begin_ += taken;
  return static_cast<ssize_t>(taken);
}

ssize_t TimedStream::write(const char* source, size_t size) {
  // The library writes each head from its first byte on, and tells nobody else what it answered.
  constexpr std::string_view version = "HTTP/1.1 ";
  const std::string_view head(source, size);
  if (head.starts_with(version) && size > version.size()) refused_ = head[version.size()] >= '4';
  while (wait_writable()) {
    const ssize_t sent = ::send(socket_, source, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0) return sent;
    if (errno != EINTR && errno != EAGAIN) return -1;
  }
  return -1;
}

// Nothing here depends on who asks, so the addresses are not looked up.
void TimedStream::get_remote_ip_and_port(std::string& ip, int& port) const {
  ip.clear();
  port = 0;
}

void TimedStream::get_local_ip_and_port(std::string& ip, int& port) const {
  ip.clear();
  port = 0;
}

}  // namespace holdfast::observe
