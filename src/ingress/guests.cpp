#include "ingress/guests.hpp"

#include <utility>

#include "base/check.hpp"

namespace holdfast::ingress {

Guest& Guests::add(std::unique_ptr<Session> session) {
  const int socket = session->socket();
  // In this order, so that whatever fails leaves nothing behind that names a socket without a
  // guest.
  std::list<int> place{socket};
  const auto [found, added] = guests_.try_emplace(socket);
  HOLDFAST_CHECK(added, "a socket is open once");
  auto& guest = found->second;
  guest.session = std::move(session);
  guest.number = ++last_number_;
  guest.since = guest.session->since();
  guest.at = place.begin();
  queue(guest.state).splice(queue(guest.state).end(), place);
  return guest;
}

Guest* Guests::find(int socket) {
  const auto found = guests_.find(socket);
  return found == guests_.end() ? nullptr : &found->second;
}

void Guests::move(Guest& guest, GuestState state, SteadyTime since) {
  if (guest.state == state && guest.since == since) return;
  auto& into = queue(state);
  into.splice(into.end(), queue(guest.state), guest.at);
  guest.state = state;
  guest.since = since;
}

void Guests::measure(Guest& guest, bool counted) {
  const auto bytes = counted ? guest.session->bytes() : 0;
  bytes_ += bytes;
  bytes_ -= guest.bytes;
  guest.bytes = bytes;
}

std::unique_ptr<Session> Guests::remove(Guest& guest) {
  auto session = std::move(guest.session);
  bytes_ -= guest.bytes;
  queue(guest.state).erase(guest.at);
  guests_.erase(session->socket());
  return session;
}

void Guests::clear() {
  guests_.clear();
  for (auto& each : queues_) each.clear();
  bytes_ = 0;
}

Guest* Guests::first(GuestState state) {
  const auto& waiting = queue(state);
  return waiting.empty() ? nullptr : find(waiting.front());
}

const Guest* Guests::first(GuestState state) const {
  const auto& waiting = queue(state);
  return waiting.empty() ? nullptr : &guests_.at(waiting.front());
}

}  // namespace holdfast::ingress
