#include "ingress/connection.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/check.hpp"

namespace holdfast::ingress {
namespace {

bool would_block(int error) {
  return error == EAGAIN || error == EWOULDBLOCK;
}

}  // namespace

Connection::~Connection() {
  ::close(socket_);
}

std::string_view Connection::buffered() const {
  return std::string_view(input_).substr(consumed_);
}

void Connection::consume(std::size_t bytes) {
  HOLDFAST_CHECK(bytes <= input_.size() - consumed_, "more consumed than was received");
  consumed_ += bytes;
  if (consumed_ < input_.size()) return;
  input_.clear();
  consumed_ = 0;
}

bool Connection::has_unread() const {
  char byte = 0;
  return !buffered().empty() || ::recv(socket_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

Connection::Received Connection::receive() {
  if (consumed_ > 0) {
    input_.erase(0, consumed_);
    consumed_ = 0;
  }
  if (drained_) return Received::nothing;
  std::array<char, read_bytes> bytes;
  for (;;) {
    const auto count = ::recv(socket_, bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (count > 0) {
      input_.append(bytes.data(), static_cast<std::size_t>(count));
      // epoll(7): with less than was asked for there is no more, and the next byte is an event.
      drained_ = !ending_ && static_cast<std::size_t>(count) < bytes.size();
      return Received::data;
    }
    if (count < 0 && errno == EINTR) continue;
    if (count == 0 || !would_block(errno)) return Received::closed;
    drained_ = true;
    return Received::nothing;
  }
}

Connection::Flushed Connection::flush() {
  while (sent_ < output_.size()) {
    const auto count = ::send(socket_, output_.data() + sent_, output_.size() - sent_,
                              MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count > 0) {
      sent_ += static_cast<std::size_t>(count);
      continue;
    }
    if (count < 0 && errno == EINTR) continue;
    return count < 0 && would_block(errno) ? Flushed::some : Flushed::gone;
  }
  output_.clear();
  sent_ = 0;
  return Flushed::all;
}

bool Connection::finish() {
  return ::shutdown(socket_, SHUT_WR) == 0;
}

void Connection::shrink() {
  if (input_.empty()) std::string().swap(input_);
  if (output_.empty()) std::string().swap(output_);
}

}  // namespace holdfast::ingress
