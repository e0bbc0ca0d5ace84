#include "ingress/seats.hpp"

#include <sys/socket.h>

namespace holdfast::ingress {
namespace {

bool has_bytes(int socket) {
  char byte = 0;
  return ::recv(socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

}  // namespace

Seats::Seat::Seat(Seats& seats, int socket) : seats_(seats), socket_(socket) {
  std::unique_lock lock(seats_.mutex_);
  const auto found = [&] { return seats_.taken_ < seats_.max_ || seats_.evict_longest_idle(); };
  if (!seats_.changed_.wait_for(lock, seats_.patience_, found)) return;
  ++seats_.taken_;
  taken_ = true;
  place_ = seats_.seats_.insert(seats_.seats_.end(), this);
}

Seats::Seat::~Seat() {
  if (!taken_) return;
  {
    const std::scoped_lock lock(seats_.mutex_);
    seats_.seats_.erase(place_);
    if (given_way_) return;
    --seats_.taken_;
  }
  seats_.changed_.notify_one();
}

void Seats::Seat::wait_for_request() {
  {
    const std::scoped_lock lock(seats_.mutex_);
    idle_ = true;
    idle_since_ = ++seats_.turn_;
    // Bytes that have arrived already can still be read after this; new ones end the wait.
    if (seats_.closing_ && !has_bytes(socket_)) ::shutdown(socket_, SHUT_RD);
  }
  seats_.changed_.notify_one();
}

bool Seats::Seat::begin_request() {
  const std::scoped_lock lock(seats_.mutex_);
  idle_ = false;
  return !given_way_;
}

std::size_t Seats::count() const {
  const std::scoped_lock lock(mutex_);
  return taken_;
}

bool Seats::closing() const {
  const std::scoped_lock lock(mutex_);
  return closing_;
}

void Seats::close_idle() {
  const std::scoped_lock lock(mutex_);
  closing_ = true;
  // A request that has begun to arrive is not idle, though its thread may not have run yet: what is
  // shut now could never be read to its end.
  for (const Seat* seat : seats_)
    if (seat->idle_ && !has_bytes(seat->socket_)) ::shutdown(seat->socket_, SHUT_RD);
}

void Seats::cut_all() {
  const std::scoped_lock lock(mutex_);
  for (const Seat* seat : seats_) ::shutdown(seat->socket_, SHUT_RDWR);
}

bool Seats::evict_idle() {
  const std::scoped_lock lock(mutex_);
  return evict_longest_idle();
}

bool Seats::evict_longest_idle() {
  Seat* longest = nullptr;
  for (Seat* seat : seats_) {
    const bool candidate = seat->idle_ && !seat->given_way_;
    if (candidate && (longest == nullptr || seat->idle_since_ < longest->idle_since_))
      longest = seat;
  }
  if (longest == nullptr) return false;
  longest->given_way_ = true;
  --taken_;
  ::shutdown(longest->socket_, SHUT_RDWR);
  return true;
}

}  // namespace holdfast::ingress
