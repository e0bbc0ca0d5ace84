#include "ingress/seats.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <memory>
#include <mutex>
#include <string_view>
#include <thread>

#include "ingress/workers.hpp"

using namespace holdfast::ingress;
using namespace std::chrono_literals;

namespace {

/// Two connected sockets: `ours` as the server has it, and the peer's.
class SocketPair {
 public:
  SocketPair() {
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets_.data()) == 0);
  }
  ~SocketPair() {
    for (const int socket : sockets_) ::close(socket);
  }
  SocketPair(const SocketPair&) = delete;
  SocketPair& operator=(const SocketPair&) = delete;
  [[nodiscard]] int ours() const { return sockets_[0]; }
  [[nodiscard]] int peer() const { return sockets_[1]; }
  /// True if a read on our side would find the end.
  [[nodiscard]] bool ended() const {
    char byte = 0;
    return ::recv(ours(), &byte, 1, MSG_DONTWAIT) == 0;
  }

 private:
  std::array<int, 2> sockets_{};
};

}  // namespace

TEST_CASE("seats: the connection that has waited longest gives way", "[ingress][seats]") {
  std::array<SocketPair, 4> sockets;
  Seats seats(3, 0ms);
  auto first = seats.sit(sockets[0].ours());
  auto second = seats.sit(sockets[1].ours());
  auto third = seats.sit(sockets[2].ours());
  CHECK(first.taken());
  CHECK(third.taken());
  CHECK(seats.count() == 3);
  first.wait_for_request();
  second.wait_for_request();
  third.wait_for_request();
  CHECK(first.begin_request());
  first.wait_for_request();

  const auto newcomer = seats.sit(sockets[3].ours());
  CHECK(newcomer.taken());
  CHECK(seats.count() == 3);
  CHECK(sockets[1].ended());
  CHECK_FALSE(second.begin_request());
  CHECK(first.begin_request());
  CHECK(third.begin_request());
}

TEST_CASE("seats: a connection in a request never gives way", "[ingress][seats]") {
  std::array<SocketPair, 2> sockets;
  Seats seats(1, 0ms);
  {
    auto busy = seats.sit(sockets[0].ours());
    busy.wait_for_request();
    CHECK(busy.begin_request());
    CHECK_FALSE(seats.sit(sockets[1].ours()).taken());
    CHECK_FALSE(seats.evict_idle());
    CHECK_FALSE(sockets[0].ended());
    CHECK(seats.count() == 1);
  }
  CHECK(seats.count() == 0);
  CHECK(seats.sit(sockets[1].ours()).taken());
}

TEST_CASE("seats: a place that was given up is counted once", "[ingress][seats]") {
  std::array<SocketPair, 2> sockets;
  Seats seats(1, 0ms);
  {
    auto evicted = seats.sit(sockets[0].ours());
    evicted.wait_for_request();
    CHECK(seats.evict_idle());
    CHECK(seats.count() == 0);
    CHECK_FALSE(seats.evict_idle());
    const auto newcomer = seats.sit(sockets[1].ours());
    CHECK(newcomer.taken());
    CHECK(seats.count() == 1);
  }
  CHECK(seats.count() == 0);
}

TEST_CASE("seats: a new connection waits for a place that is given up soon", "[ingress][seats]") {
  std::array<SocketPair, 3> sockets;
  Seats seats(1, 20s);
  std::unique_ptr<Seats::Seat> busy(new Seats::Seat(seats.sit(sockets[0].ours())));
  std::jthread leaving([&] { busy.reset(); });
  auto second = seats.sit(sockets[1].ours());
  CHECK(second.taken());
  std::jthread waiting([&] { second.wait_for_request(); });
  CHECK(seats.sit(sockets[2].ours()).taken());
  waiting.join();
  CHECK_FALSE(second.begin_request());
}

TEST_CASE("seats: closing ends those that wait, now and later, and leaves requests alone",
          "[ingress][seats]") {
  std::array<SocketPair, 2> sockets;
  Seats seats(2, 0ms);
  auto idle = seats.sit(sockets[0].ours());
  auto busy = seats.sit(sockets[1].ours());
  idle.wait_for_request();
  busy.wait_for_request();
  CHECK(busy.begin_request());
  seats.close_idle();
  CHECK(seats.closing());
  CHECK(sockets[0].ended());
  CHECK_FALSE(sockets[1].ended());
  busy.wait_for_request();
  CHECK(sockets[1].ended());
}

TEST_CASE("workers: more work than threads waits, more than the queue is refused",
          "[ingress][workers]") {
  std::mutex gate;
  std::atomic<int> served = 0;
  Workers workers({.threads_max = 1, .queue_max = 2}, [&](int) {
    const std::scoped_lock lock(gate);
    ++served;
  });
  {
    const std::scoped_lock closed(gate);
    int taken = 0;
    // One with the thread, two in the queue; the thread may take its one a moment late.
    for (int i = 0; i < 50; ++i) taken += workers.offer(i) ? 1 : 0;
    CHECK(taken >= 2);
    CHECK(taken <= 3);
    CHECK_FALSE(workers.wait_until_empty(1ms));
  }
  CHECK(workers.wait_until_empty(10s));
  CHECK(served >= 2);
  workers.join();
  CHECK_FALSE(workers.offer(1));
}

TEST_CASE("workers: what is queued is served before they end", "[ingress][workers]") {
  std::atomic<int> served = 0;
  Workers workers({.threads_max = 2, .queue_max = 100}, [&](int) { ++served; });
  for (int i = 0; i < 100; ++i) REQUIRE(workers.offer(i));
  workers.join();
  CHECK(served == 100);
}
