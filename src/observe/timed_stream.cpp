#include "observe/timed_stream.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

namespace holdfast::observe {
namespace {

/// Between two looks at whether others wait.
constexpr std::chrono::milliseconds look{50};

}  // namespace

TimedStream::TimedStream(int socket, int stop_fd, const std::atomic<std::size_t>& others,
                         const Clock& clock)
    : socket_(socket), stop_fd_(stop_fd), others_(others), clock_(clock) {}

bool TimedStream::await_request(std::chrono::milliseconds limit) {
  since_ = clock_.steady_now();
  return begin_ < end_ || wait_until(since_ + limit, POLLIN);
}

void TimedStream::begin_request(std::chrono::milliseconds limit) {
  since_ = clock_.steady_now();
  limit_ = limit;
  deadline_ = since_ + limit;
}

bool TimedStream::rest(std::chrono::milliseconds time) {
  const auto end = clock_.steady_now() + time;
  std::array<pollfd, 2> watched{{{socket_, POLLRDHUP, 0}, {stop_fd_, POLLIN, 0}}};
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - clock_.steady_now());
    const int ready =
        ::poll(watched.data(), watched.size(),
               static_cast<int>(std::max(left, std::chrono::milliseconds(0)).count()));
    if (ready < 0 && errno == EINTR) continue;
    if (ready != 0) return false;
    begin_request(limit_);
    return true;
  }
}

// A stop ends waiting for input only: an answer that is being written is finished. Those that wait
// for the thread are counted and not announced, so each wait is a short one. Only a client that has
// to be waited for gives way: not one whose bytes are there, and whom we were slow to serve.
bool TimedStream::wait_until(SteadyTime deadline, short events) const {
  std::array<pollfd, 2> watched{{{socket_, events, 0}, {stop_fd_, POLLIN, 0}}};
  const nfds_t count = events == POLLIN ? 2 : 1;
  for (std::chrono::milliseconds wait{0};; wait = look) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - clock_.steady_now());
    if (left.count() <= 0) return false;
    const int ready = ::poll(watched.data(), count, static_cast<int>(std::min(left, wait).count()));
    if (ready < 0 && errno == EINTR) continue;
    if (ready != 0)
      return ready > 0 && watched[1].revents == 0 && (watched[0].revents & (events | POLLHUP)) != 0;
    if (others_ > 0 && clock_.steady_now() - since_ >= give_way_after) return false;
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
  if (head.starts_with(version) && size > version.size()) {
    refused_ = head[version.size()] >= '4';
    begin_request(limit_);
  }
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
