#include <malloc.h>

#include <algorithm>

#include "ingress/event_loop.hpp"

/// The part of the event loop that decides who has to go: by a deadline, or for want of room.
namespace holdfast::ingress {
namespace {

using std::chrono::milliseconds;

/// How long a whole request waits until one of those that are served ends.
constexpr milliseconds waiting_patience{1000};
/// A request that has been arriving for this long is slow: it may be made to give way.
constexpr milliseconds slow_after{1000};
/// A connection that has been idle for less than this is about to send: it is the last to give way,
/// or with slow senders at all places everybody new would be turned out before the first byte.
constexpr milliseconds idle_after{250};

constexpr const char* no_room = "there is no room for slow requests now; send it again";

constexpr GuestState states[] = {GuestState::idle,      GuestState::receiving, GuestState::writing,
                                 GuestState::lingering, GuestState::waiting,   GuestState::serving};

}  // namespace

void EventLoop::look_after_all() {
  const auto now = dependencies_.clock.steady_now();
  expire_all(now);
  make_room(now);
  give_memory_back();
}

SteadyTime EventLoop::deadline_of(const Guest& guest) const {
  if (guest.state == GuestState::waiting) return guest.since + waiting_patience;
  if (guest.state == GuestState::serving) return guest.since + limits_.append_timeout;
  return guest.session->deadline();
}

/// All of one state have the same time, so the first came in first.
SteadyTime EventLoop::next_deadline() const {
  auto next = SteadyTime::max();
  for (const auto state : states)
    if (const auto* guest = guests_.first(state)) next = std::min(next, deadline_of(*guest));
  return next;
}

void EventLoop::expire_all(SteadyTime now) {
  for (const auto state : states) {
    auto* guest = guests_.first(state);
    while (guest != nullptr && deadline_of(*guest) <= now) {
      guarded(guest->session->socket(), [&] { expire(*guest); });
      guest = guests_.first(state);
    }
  }
}

void EventLoop::expire(Guest& guest) {
  auto& session = *guest.session;
  if (guest.state == GuestState::serving) {
    session.answer(dependencies_.service.time_out(session));
  } else if (guest.state == GuestState::waiting) {
    dependencies_.crowded();
    session.refuse(problem({503, no_place}), session.request().admitted().source);
  } else if (!session.expire()) {
    (void)guests_.remove(guest);
    return;
  }
  settle(guest, session.advance());
}

void EventLoop::refuse(Guest& guest, const char* why) {
  guest.session->refuse(problem({503, why}));
  settle(guest, guest.session->advance());
}

void EventLoop::make_room(SteadyTime now) {
  while (guests_.count(GuestState::lingering) > limits_.lingering_max)
    (void)guests_.remove(*guests_.first(GuestState::lingering));
  keep_to_memory();
  for (auto excess = dependencies_.places.excess(); excess > 0; --excess) {
    auto* idle = guests_.first(GuestState::idle);
    if (idle != nullptr && idle->since + idle_after <= now) {
      (void)guests_.remove(*idle);
    } else if (!end_slowest(now - slow_after)) {
      return;
    }
  }
}

/// Called after each connection and not once a pass: a pass may read some hundred kilobytes for
/// each of some hundred connections.
void EventLoop::keep_to_memory() {
  while (guests_.bytes() > bytes_limit_ && end_slowest(SteadyTime::max())) continue;
}

/// Ends the request, or the reading of an answer, that has taken longest; false if there is none
/// that began by then.
bool EventLoop::end_slowest(SteadyTime latest) {
  auto* slowest = guests_.first(GuestState::receiving);
  auto* writer = guests_.first(GuestState::writing);
  if (slowest == nullptr || (writer != nullptr && writer->since < slowest->since)) slowest = writer;
  if (slowest == nullptr || slowest->since > latest) return false;
  if (slowest == writer) {
    (void)guests_.remove(*slowest);
  } else {
    refuse(*slowest, no_room);
  }
  return true;
}

/// The allocator keeps what was freed, and a crowd is rare: once it is gone, the system gets it.
void EventLoop::give_memory_back() {
  constexpr std::size_t crowd_bytes = 16 * mib;
  constexpr std::size_t guest_bytes = 2 * kib;
  const auto memory = guests_.bytes() + guests_.count() * guest_bytes;
  memory_max_ = std::max(memory_max_, memory);
  if (memory_max_ < crowd_bytes || memory > crowd_bytes / 8) return;
  memory_max_ = memory;
  guests_.shrink();
  ::malloc_trim(0);
}

}  // namespace holdfast::ingress
