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
  auto crowd = Crowd::none;
  if (open_ > limits_.open_max) crowd = Crowd::all;
  if (!exempt && of_address > limits_.per_address_max) crowd = Crowd::address;
  return {Place(*this, key), crowd};
}

void Places::leave(const Place::Key& key) {
  const std::scoped_lock lock(mutex_);
  const auto found = by_address_.find(key);
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
  return open_ > limits_.open_max ? open_ - limits_.open_max : 0;
}

bool Places::wait_until_empty(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  return empty_.wait_for(lock, limit, [&] { return open_ == 0; });
}

}  // namespace holdfast::ingress
