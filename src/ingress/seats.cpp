#include "ingress/seats.hpp"

#include <sys/socket.h>

namespace holdfast::ingress {

Seats::Seat::Seat(Seats& seats, int socket) : seats_(seats), socket_(socket) {
  seats_.state_.with([&](State& state) {
    if (state.taken >= seats_.max_ && !evict_longest_idle(state)) return;
    ++state.taken;
    taken_ = true;
    place_ = state.seats.insert(state.seats.end(), this);
  });
}

Seats::Seat::~Seat() {
  if (!taken_) return;
  seats_.state_.with([&](State& state) {
    state.seats.erase(place_);
    if (!given_way_) --state.taken;
  });
}

void Seats::Seat::wait_for_request() {
  seats_.state_.with([&](State& state) {
    idle_ = true;
    idle_since_ = ++state.turn;
    // Bytes that have arrived already can still be read after this; new ones end the wait.
    if (state.closing) ::shutdown(socket_, SHUT_RD);
  });
}

bool Seats::Seat::begin_request() {
  return seats_.state_.with([&](State&) {
    idle_ = false;
    return !given_way_;
  });
}

std::size_t Seats::count() const {
  return state_.with([](const State& state) { return state.taken; });
}

bool Seats::closing() const {
  return state_.with([](const State& state) { return state.closing; });
}

void Seats::close_idle() {
  state_.with([](State& state) {
    state.closing = true;
    for (const Seat* seat : state.seats)
      if (seat->idle_) ::shutdown(seat->socket_, SHUT_RD);
  });
}

void Seats::cut_all() {
  state_.with([](State& state) {
    for (const Seat* seat : state.seats) ::shutdown(seat->socket_, SHUT_RDWR);
  });
}

bool Seats::evict_idle() {
  return state_.with([](State& state) { return evict_longest_idle(state); });
}

bool Seats::evict_longest_idle(State& state) {
  Seat* longest = nullptr;
  for (Seat* seat : state.seats) {
    const bool candidate = seat->idle_ && !seat->given_way_;
    if (candidate && (longest == nullptr || seat->idle_since_ < longest->idle_since_))
      longest = seat;
  }
  if (longest == nullptr) return false;
  longest->given_way_ = true;
  --state.taken;
  ::shutdown(longest->socket_, SHUT_RDWR);
  return true;
}

}  // namespace holdfast::ingress
