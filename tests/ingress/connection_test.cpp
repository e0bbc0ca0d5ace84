#include "ingress/connection.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <string>

using namespace holdfast::ingress;
using Received = Connection::Received;

namespace {

std::array<int, 2> made() {
  std::array<int, 2> ends{};
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0);
  return ends;
}

/// A connection and the other end of it.
struct Pair {
  ~Pair() { ::close(ends[1]); }
  void send(std::size_t bytes) const {
    const std::string text(bytes, 'x');
    REQUIRE(::send(ends[1], text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes));
  }
  void finish() const { REQUIRE(::shutdown(ends[1], SHUT_WR) == 0); }

  const std::array<int, 2> ends = made();
  Connection connection{ends[0]};
};

}  // namespace

TEST_CASE("connection: what came with less than was asked for is all, until more has arrived",
          "[ingress][connection]") {
  Pair pair;
  auto& connection = pair.connection;
  CHECK_FALSE(connection.drained());
  CHECK(connection.receive() == Received::nothing);
  CHECK(connection.drained());
  pair.send(10);
  CHECK(connection.receive() == Received::nothing);
  connection.arrived(false);
  CHECK(connection.receive() == Received::data);
  CHECK(connection.buffered().size() == 10);
  CHECK(connection.drained());
}

TEST_CASE("connection: a full read may have left something", "[ingress][connection]") {
  Pair pair;
  auto& connection = pair.connection;
  pair.send(Connection::read_bytes);
  CHECK(connection.receive() == Received::data);
  CHECK_FALSE(connection.drained());
  CHECK(connection.receive() == Received::nothing);
  CHECK(connection.drained());
  pair.send(Connection::read_bytes + 1);
  connection.arrived(false);
  CHECK(connection.receive() == Received::data);
  CHECK_FALSE(connection.drained());
  CHECK(connection.receive() == Received::data);
  CHECK(connection.drained());
}

TEST_CASE("connection: an end that is told with the last bytes is found behind them",
          "[ingress][connection]") {
  Pair pair;
  auto& connection = pair.connection;
  pair.send(10);
  pair.finish();
  // One event for both, and there will be no other.
  connection.arrived(true);
  CHECK(connection.receive() == Received::data);
  CHECK_FALSE(connection.drained());
  CHECK(connection.receive() == Received::closed);
}
