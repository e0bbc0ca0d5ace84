#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <cerrno>
#include <format>
#include <utility>

#include "rig.hpp"

namespace holdfast::hostile {
namespace {

constexpr std::size_t kept_bytes_max = 64UL * 1024;

/// Bound to 127.9.x.y; -1 if the peer takes no connection.
int connect_from(int address, std::uint16_t port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in own{};
  own.sin_family = AF_INET;
  own.sin_addr.s_addr = htonl(0x7F090001U + static_cast<std::uint32_t>(address));
  sockaddr_in peer{};
  peer.sin_family = AF_INET;
  peer.sin_port = htons(port);
  peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const auto as_address = [](const sockaddr_in& in) {
    return reinterpret_cast<const sockaddr*>(&in);
  };
  if (socket < 0) return -1;
  if (::bind(socket, as_address(own), sizeof(own)) == 0 &&
      ::connect(socket, as_address(peer), sizeof(peer)) == 0)
    return socket;
  ::close(socket);
  return -1;
}

/// Without reading what it may have sent.
bool has_hung_up(int socket) {
  pollfd waiting{socket, 0, 0};
  return ::poll(&waiting, 1, 0) > 0;
}

void put(int socket, std::string_view bytes) {
  if (!bytes.empty()) (void)::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

}  // namespace

Crowd::Crowd(std::uint16_t port) : port_(port), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {}

Crowd::~Crowd() {
  close();
  ::close(epoll_);
}

void Crowd::open(int count, int addresses, std::string_view bytes) {
  for (int i = 0; i < count; ++i) {
    const int socket = connect_from(i % addresses, port_);
    if (socket < 0)
      FAIL("connection " << i << " of " << count << " could not be opened: errno " << errno);
    epoll_event event{.events = EPOLLIN, .data = {.u64 = members_.size()}};
    REQUIRE(::epoll_ctl(epoll_, EPOLL_CTL_ADD, socket, &event) == 0);
    members_.push_back({.socket = socket, .received = {}, .poured = 0});
    ++open_count_;
    put(socket, bytes);
  }
}

void Crowd::send(std::string_view bytes) {
  for (const auto& member : members_)
    if (member.socket >= 0) put(member.socket, bytes);
}

std::size_t Crowd::pour(std::string_view cycle, std::size_t bytes_max) {
  std::size_t all = 0;
  for (auto& member : members_) {
    if (member.socket >= 0 && has_hung_up(member.socket)) end(member);
    while (member.socket >= 0 && member.poured < bytes_max) {
      const auto bytes = cycle.substr(member.poured % cycle.size());
      const auto count =
          ::send(member.socket, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (count < 0 && errno == EAGAIN) break;
      if (count < 0) end(member);
      if (count > 0) member.poured += static_cast<std::size_t>(count);
    }
    all += member.poured;
  }
  return all;
}

void Crowd::read(std::size_t index) {
  auto& member = members_[index];
  std::array<char, 16'384> bytes;
  const auto count = ::recv(member.socket, bytes.data(), bytes.size(), MSG_DONTWAIT);
  if (count < 0 && errno == EAGAIN) return;
  if (count > 0) {
    if (member.received.size() < kept_bytes_max)
      member.received.append(bytes.data(), static_cast<std::size_t>(count));
    return;
  }
  end(member);
}

void Crowd::end(Member& member) {
  ::close(std::exchange(member.socket, -1));
  --open_count_;
}

template <class Done>
bool Crowd::look_until(Done done, std::chrono::milliseconds limit) {
  const SystemClock clock;
  const auto end = clock.steady_now() + limit;
  std::array<epoll_event, 512> events;
  while (!done()) {
    if (clock.steady_now() >= end) return false;
    const int count = ::epoll_wait(epoll_, events.data(), events.size(), 50);
    for (int i = 0; i < count; ++i) read(events[static_cast<std::size_t>(i)].data.u64);
  }
  return true;
}

bool Crowd::all_closed_within(std::chrono::milliseconds limit) {
  return open_at_most(0, limit);
}

bool Crowd::open_at_most(std::size_t count, std::chrono::milliseconds limit) {
  return look_until([&] { return open_count_ <= count; }, limit);
}

bool Crowd::all_answered_within(std::chrono::milliseconds limit) {
  return look_until([&] { return !statuses().contains(0); }, limit);
}

std::map<int, int> Crowd::statuses() const {
  std::map<int, int> counts;
  for (const auto& member : members_) {
    const bool answered = member.received.size() >= 12;
    ++counts[answered ? std::stoi(member.received.substr(9, 3)) : 0];
  }
  return counts;
}

std::vector<std::string> Crowd::ids() const {
  constexpr std::string_view name = "Holdfast-Id: ";
  constexpr std::size_t id_bytes = 36;
  std::vector<std::string> ids;
  for (const auto& member : members_)
    for (auto at = member.received.find(name); at != std::string::npos;
         at = member.received.find(name, at + 1))
      ids.push_back(member.received.substr(at + name.size(), id_bytes));
  return ids;
}

void Crowd::close() {
  for (auto& member : members_)
    if (member.socket >= 0) end(member);
}

}  // namespace holdfast::hostile
