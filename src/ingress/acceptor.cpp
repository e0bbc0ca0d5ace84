#include "ingress/acceptor.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <exception>
#include <utility>

#include "base/check.hpp"
#include "base/thread_name.hpp"

namespace holdfast::ingress {
namespace {

/// How long to let others give descriptors back before the next try.
constexpr int exhausted_wait_milliseconds = 50;
/// Connections taken between two looks at whether to stop: more than the backlog holds, so that a
/// stop takes all that were there, and a number, because a flood never ends by itself.
constexpr int accepts_max = 2048;

int open_reserve() {
  return ::open("/dev/null", O_RDONLY | O_CLOEXEC);
}

IpAddress address_of(const sockaddr_storage& address) {
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

}  // namespace

Acceptor::Acceptor(int listener, Callbacks callbacks)
    : listener_(listener),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      callbacks_(std::move(callbacks)),
      reserve_(open_reserve()) {
  HOLDFAST_CHECK(wake_ >= 0, "no eventfd for the accepting thread");
  ::fcntl(listener_, F_SETFL, ::fcntl(listener_, F_GETFL) | O_NONBLOCK);
  thread_ = std::jthread([this] { run(); });
}

Acceptor::~Acceptor() {
  stop();
  ::close(wake_);
  if (reserve_ >= 0) ::close(reserve_);
}

void Acceptor::stop() {
  if (!thread_.joinable()) return;
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wake_, &one, sizeof(one));
  thread_.join();
}

void Acceptor::run() {
  base::name_this_thread("hf-accept");
  for (;;) {
    const bool stopping = wait(true, -1);
    auto taken = Taken::exhausted;
    try {
      taken = take_waiting();
    } catch (const std::exception&) {
      // Without memory a connection ends without an answer; the next one may find some.
    }
    if (stopping) return;
    if (taken == Taken::exhausted && wait(false, exhausted_wait_milliseconds)) return;
  }
}

Acceptor::Taken Acceptor::take_waiting() {
  for (int accepts = 0; accepts < accepts_max; ++accepts) {
    sockaddr_storage address{};
    socklen_t length = sizeof(address);
    const int socket = ::accept4(listener_, reinterpret_cast<sockaddr*>(&address), &length,
                                 SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (socket >= 0) {
      callbacks_.accepted(socket, address_of(address));
      continue;
    }
    switch (errno) {
      case EAGAIN: return Taken::all;
      case EMFILE:
      case ENFILE:
        if (callbacks_.exhausted(errno) || !refuse_one()) return Taken::exhausted;
        continue;
      case ENOBUFS:
      case ENOMEM: (void)callbacks_.exhausted(errno); return Taken::exhausted;
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
      default: (void)callbacks_.exhausted(errno); return Taken::exhausted;
    }
  }
  return Taken::some;
}

/// Tells the next connection that there is no room for it; false if nothing could be done.
bool Acceptor::refuse_one() {
  if (reserve_ < 0) reserve_ = open_reserve();
  if (reserve_ < 0) return false;
  ::close(reserve_);
  const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (socket >= 0) {
    callbacks_.refused(socket);
    ::close(socket);
  }
  reserve_ = open_reserve();
  return socket >= 0 && reserve_ >= 0;
}

/// Waits for connections or the end; true at the end.
bool Acceptor::wait(bool for_connections, int milliseconds) const {
  std::array<pollfd, 2> waiting{pollfd{wake_, POLLIN, 0}, pollfd{listener_, POLLIN, 0}};
  ::poll(waiting.data(), for_connections ? 2 : 1, milliseconds);
  return (waiting[0].revents & POLLIN) != 0;
}

}  // namespace holdfast::ingress
