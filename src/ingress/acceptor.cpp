#include "ingress/acceptor.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <utility>

#include "base/check.hpp"

namespace holdfast::ingress {
namespace {

/// How long to let others give descriptors back before the next try.
constexpr int exhausted_wait_milliseconds = 50;

}  // namespace

Acceptor::Acceptor(int listener, Callbacks callbacks)
    : listener_(listener),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      callbacks_(std::move(callbacks)) {
  HOLDFAST_CHECK(wake_ >= 0, "no eventfd for the accepting thread");
  ::fcntl(listener_, F_SETFL, ::fcntl(listener_, F_GETFL) | O_NONBLOCK);
  thread_ = std::jthread([this] { run(); });
}

Acceptor::~Acceptor() {
  stop();
  ::close(wake_);
}

void Acceptor::stop() {
  if (!thread_.joinable()) return;
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wake_, &one, sizeof(one));
  thread_.join();
}

void Acceptor::run() {
  for (;;) {
    const bool stopping = wait(true, -1);
    const auto taken = take_waiting();
    if (stopping) return;
    if (taken == Taken::exhausted && wait(false, exhausted_wait_milliseconds)) return;
  }
}

Acceptor::Taken Acceptor::take_waiting() {
  for (;;) {
    const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (socket >= 0) {
      callbacks_.accepted(socket);
      continue;
    }
    switch (errno) {
      case EAGAIN: return Taken::all;
      case EMFILE:
      case ENFILE:
      case ENOBUFS:
      case ENOMEM: callbacks_.exhausted(errno); return Taken::exhausted;
      // An error of the connection that was about to be accepted, not of the listener: accept(2).
      case EINTR:
      case ECONNABORTED:
      case EPROTO:
      case EPERM:
      case ENETDOWN:
      case ENETUNREACH:
      case EHOSTDOWN:
      case EHOSTUNREACH:
      case ENONET:
      case ENOPROTOOPT:
      case EOPNOTSUPP: continue;
      default: callbacks_.exhausted(errno); return Taken::exhausted;
    }
  }
}

/// Waits for connections or the end; true at the end.
bool Acceptor::wait(bool for_connections, int milliseconds) const {
  std::array<pollfd, 2> waiting{pollfd{wake_, POLLIN, 0}, pollfd{listener_, POLLIN, 0}};
  ::poll(waiting.data(), for_connections ? 2 : 1, milliseconds);
  return (waiting[0].revents & POLLIN) != 0;
}

}  // namespace holdfast::ingress
