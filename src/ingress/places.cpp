#include "ingress/places.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace holdfast::ingress {

Places::Entered Places::enter(const IpAddress& peer, bool exempt) {
  auto key = peer.bytes;
  constexpr std::size_t network_bytes = 8;
  if (!peer.is_ipv4()) std::fill(key.begin() + network_bytes, key.end(), std::uint8_t{0});
  const std::scoped_lock lock(mutex_);
  const auto of_address = ++by_address_[key];
  ++open_;
  const bool too_many = !exempt && of_address > limits_.per_address_max;
  if (too_many) ++going_;
  auto crowd = excess_locked() > 0 ? Crowd::all : Crowd::none;
  if (too_many) crowd = Crowd::address;
  return {Place(*this, key, too_many), crowd};
}

void Places::leave(const Place& place) {
  const std::scoped_lock lock(mutex_);
  const auto found = by_address_.find(place.key_);
  if (place.going_) --going_;
  HOLDFAST_CHECK(found != by_address_.end() && open_ > 0, "a place is given back once");
  if (--found->second == 0) by_address_.erase(found);
  if (--open_ == 0) empty_.notify_all();
}

std::size_t Places::count() const {
  const std::scoped_lock lock(mutex_);
  return open_;
}

std::size_t Places::excess() const {
  const std::scoped_lock lock(mutex_);
  return excess_locked();
}

std::size_t Places::excess_locked() const {
  const auto staying = open_ - going_;
  return staying > limits_.open_max ? staying - limits_.open_max : 0;
}

void Places::add_going() {
  const std::scoped_lock lock(mutex_);
  ++going_;
}

bool Places::wait_until_empty(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  return empty_.wait_for(lock, limit, [&] { return open_ == 0; });
}

}  // namespace holdfast::ingress
