#include "ingress/event_loop.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <exception>
#include <span>

#include "base/check.hpp"
#include "base/thread_name.hpp"

namespace holdfast::ingress {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds crowded_check{100};
/// Connections on their way into the loop: their memory is not counted yet.
constexpr std::size_t arrivals_max = 256;
/// Requests of one connection that are answered at once before others have their turn.
constexpr int answers_max = 16;
/// Told once when something happens: the loop reads until there is no more.
constexpr unsigned input_events = EPOLLIN | EPOLLRDHUP | EPOLLET;

}  // namespace

EventLoop::EventLoop(Limits limits, Dependencies dependencies)
    : limits_(limits),
      dependencies_(std::move(dependencies)),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      bytes_limit_(limits.bytes_max) {
  HOLDFAST_CHECK(epoll_ >= 0, "no descriptor for the event loop");
  const int wake = dependencies_.mailbox->descriptor();
  epoll_event event{.events = EPOLLIN, .data = {.fd = wake}};
  HOLDFAST_CHECK(::epoll_ctl(epoll_, EPOLL_CTL_ADD, wake, &event) == 0, "epoll takes an eventfd");
  thread_ = std::jthread([this] { run(); });
}

EventLoop::~EventLoop() {
  stop();
  ::close(epoll_);
}

void EventLoop::stop() {
  if (!thread_.joinable()) return;
  {
    // Not between the look and the wait of somebody in admit.
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  dependencies_.mailbox->wake();
  taken_.notify_all();
  thread_.join();
  guests_.clear();
  const std::scoped_lock lock(mutex_);
  arrivals_.clear();
}

void EventLoop::order(std::atomic<bool>& flag) {
  flag.store(true);
  dependencies_.mailbox->wake();
}

bool EventLoop::evict_idle() {
  if (idle_count_.load() == 0) return false;
  ++evictions_;
  dependencies_.mailbox->wake();
  return true;
}

void EventLoop::admit(std::unique_ptr<Session> session) {
  bool first = false;
  {
    std::unique_lock lock(mutex_);
    taken_.wait(lock, [&] { return arrivals_.size() < arrivals_max || stopping_; });
    first = arrivals_.empty();
    arrivals_.push_back(std::move(session));
  }
  if (first) dependencies_.mailbox->wake();
}

void EventLoop::run() {
  base::name_this_thread("hf-loop");
  while (!stopping_) {
    wait_for_events();
    try {
      take_outcomes();
      attend_again();
      take_arrivals();
      obey_orders();
      look_after_all();
    } catch (const std::exception&) {
      // No memory for a connection: it is gone then, and those that came with it may be. The rest
      // is done in the next pass, which must not wait for an event: orders announce themselves
      // once.
      dependencies_.mailbox->wake();
    }
    idle_count_ = guests_.count(GuestState::idle);
  }
}

void EventLoop::wait_for_events() {
  std::array<epoll_event, 256> events;
  const int count = ::epoll_wait(epoll_, events.data(), events.size(), timeout_milliseconds());
  for (const auto& event : std::span(events).first(static_cast<std::size_t>(std::max(count, 0)))) {
    if (event.data.fd == dependencies_.mailbox->descriptor()) {
      dependencies_.mailbox->clear();
    } else {
      guarded(event.data.fd, [&] { attend(event.data.fd, event.events); });
    }
  }
}

int EventLoop::timeout_milliseconds() const {
  if (!again_.empty()) return 0;
  constexpr milliseconds longest{60'000};
  auto limit = longest;
  if (guests_.count(GuestState::waiting) > 0 || dependencies_.places.excess() > 0)
    limit = crowded_check;
  const auto next = next_deadline();
  if (next == SteadyTime::max()) return static_cast<int>(limit.count());
  const auto left = std::chrono::ceil<milliseconds>(next - dependencies_.clock.steady_now());
  return static_cast<int>(std::clamp(left, milliseconds(0), limit).count());
}

void EventLoop::attend(int socket, std::uint32_t events) {
  if (auto* guest = guests_.find(socket)) {
    guest->session->connection().arrived((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0);
    go_on(*guest);
    keep_to_memory();
  }
}

/// Whoever has the request of a connection brings it back; what has arrived is read then.
void EventLoop::go_on(Guest& guest) {
  if (guest.state == GuestState::serving || guest.state == GuestState::waiting) return;
  settle(guest, guest.session->advance());
}

void EventLoop::attend_again() {
  std::vector<int> sockets;
  sockets.swap(again_);
  for (const int socket : sockets)
    guarded(socket, [&] {
      if (auto* guest = guests_.find(socket)) go_on(*guest);
    });
}

void EventLoop::take_arrivals() {
  std::vector<std::unique_ptr<Session>> arrivals;
  {
    const std::scoped_lock lock(mutex_);
    if (arrivals_.empty()) return;
    arrivals.swap(arrivals_);
  }
  taken_.notify_all();
  if (cut_all_) return;
  for (auto& session : arrivals) {
    const int socket = session->socket();
    guarded(socket, [&] {
      auto& guest = guests_.add(std::move(session));
      settle(guest, guest.session->advance());
    });
    keep_to_memory();
  }
}

void EventLoop::take_outcomes() {
  dependencies_.mailbox->take(outcomes_);
  for (auto& outcome : outcomes_) {
    const auto [socket, number] = outcome.requester;
    guarded(socket, [&] {
      auto* guest = guests_.find(socket);
      // It may have ended meanwhile, or been told that it took too long.
      if (guest == nullptr || guest->number != number) return;
      if (guest->state != GuestState::serving) return;
      guest->session->answer(dependencies_.service.finish(*guest->session, outcome));
      settle(*guest, guest->session->advance());
    });
  }
  if (!outcomes_.empty()) dependencies_.mailbox->served();
  outcomes_.clear();
  start_waiting();
}

void EventLoop::start_waiting() {
  while (guests_.count(GuestState::serving) < limits_.serving_max) {
    auto* guest = guests_.first(GuestState::waiting);
    if (guest == nullptr) return;
    const int socket = guest->session->socket();
    guarded(socket, [&] { settle(*guest, Session::Need::service); });
  }
}

/// Brings a connection to where it belongs now; one that ends is destroyed.
void EventLoop::settle(Guest& guest, Session::Need need) {
  for (int answers = 0; need == Session::Need::service; ++answers) {
    if (answers == answers_max) {
      again_.push_back(guest.session->socket());
      break;
    }
    if (!serve(guest, need)) return;
  }
  if (need == Session::Need::end) {
    (void)guests_.remove(guest);
  } else {
    seat(guest, need);
  }
}

/// True if the request was answered, and `need` is what comes next.
bool EventLoop::serve(Guest& guest, Session::Need& need) {
  auto& session = *guest.session;
  const auto now = dependencies_.clock.steady_now();
  if (guests_.count(GuestState::serving) < limits_.serving_max) {
    auto reply = dependencies_.service.begin(session, guest.number);
    if (!reply) {
      guests_.move(guest, GuestState::serving, now);
      guests_.measure(guest, false);
      return false;
    }
    session.answer(*reply);
  } else if (guests_.count(GuestState::waiting) < limits_.waiting_max) {
    guests_.move(guest, GuestState::waiting, now);
    guests_.measure(guest, false);
    return false;
  } else {
    dependencies_.crowded();
    session.refuse(problem({503, no_place}), session.request().admitted().source);
  }
  need = session.advance();
  return true;
}

void EventLoop::seat(Guest& guest, Session::Need need) {
  auto& session = *guest.session;
  const auto state = [&] {
    switch (session.stage()) {
      case Session::Stage::idle: return GuestState::idle;
      case Session::Stage::receiving:
      case Session::Stage::serving: return GuestState::receiving;
      case Session::Stage::writing: return GuestState::writing;
      case Session::Stage::lingering: break;
    }
    return GuestState::lingering;
  }();
  session.connection().shrink();
  guests_.move(guest, state, session.since());
  guests_.measure(guest, true);
  if (need == Session::Need::input && !session.connection().drained())
    again_.push_back(session.socket());
  if (!watch(guest, need == Session::Need::output)) (void)guests_.remove(guest);
}

/// From the first time on that the connection waits for its peer: one that sends its request at
/// once, and ends with the answer, never does. What has arrived by then is an event at once.
bool EventLoop::watch(Guest& guest, bool output) {
  const unsigned wanted = input_events | (output ? unsigned{EPOLLOUT} : 0U);
  if (guest.watched == wanted) return true;
  const int socket = guest.session->socket();
  epoll_event event{.events = wanted, .data = {.fd = socket}};
  const int operation = guest.watched == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  guest.watched = wanted;
  return ::epoll_ctl(epoll_, operation, socket, &event) == 0;
}

void EventLoop::give_up(int socket, const std::exception& problem) noexcept {
  if (auto* guest = guests_.find(socket)) (void)guests_.remove(*guest);
  try {
    dependencies_.failed(problem.what());
  } catch (const std::exception&) {
    // There is no memory to say so, either.
  }
}

void EventLoop::obey_orders() {
  if (cut_all_) {
    guests_.clear();
    return;
  }
  // A request that has begun to arrive is not idle, though nobody may have read of it yet.
  if (close_idle_.exchange(false))
    for (const int socket : guests_.sockets(GuestState::idle))
      guarded(socket, [&] {
        auto* guest = guests_.find(socket);
        guest->session->connection().arrived(false);
        settle(*guest, guest->session->advance());
      });
  for (auto wanted = evictions_.exchange(0); wanted > 0; --wanted) {
    auto* idle = guests_.first(GuestState::idle);
    if (idle == nullptr) return;
    (void)guests_.remove(*idle);
  }
}

}  // namespace holdfast::ingress
