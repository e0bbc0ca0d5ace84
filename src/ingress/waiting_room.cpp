#include "ingress/waiting_room.hpp"

#include <malloc.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <exception>
#include <span>

#include "base/check.hpp"

namespace holdfast::ingress {
namespace {

using std::chrono::milliseconds;

/// How long a whole request waits for a thread. Most are free again after one group commit.
constexpr milliseconds thread_patience{1000};
/// A request that has been arriving for this long is slow: it may be made to give way.
constexpr milliseconds slow_after{1000};
/// A connection that has been idle for less than this is about to send: it is the last to give way,
/// or with slow senders at all places everybody new would be turned out before the first byte.
constexpr milliseconds idle_after{250};
constexpr milliseconds crowded_check{100};
/// Connections on their way into the room: their memory is not counted yet.
constexpr std::size_t arrivals_max = 256;

/// Without memory a connection ends without an answer, which is no 2xx; the others live on.
Session::Need advance(Session& session) noexcept {
  try {
    return session.advance();
  } catch (const std::exception&) {
    return Session::Need::end;
  }
}

constexpr const char* no_room = "there is no room for slow requests now; send it again";
constexpr const char* no_thread = "too many requests at once; try again";

}  // namespace

WaitingRoom::WaitingRoom(Limits limits, Dependencies dependencies)
    : limits_(limits),
      dependencies_(std::move(dependencies)),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      bytes_limit_(limits.bytes_max) {
  HOLDFAST_CHECK(epoll_ >= 0 && wake_ >= 0, "no descriptors for the waiting room");
  epoll_event event{.events = EPOLLIN, .data = {.fd = wake_}};
  HOLDFAST_CHECK(::epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event) == 0, "epoll takes an eventfd");
  thread_ = std::jthread([this] { run(); });
}

WaitingRoom::~WaitingRoom() {
  stop();
  ::close(epoll_);
  ::close(wake_);
}

void WaitingRoom::stop() {
  if (!thread_.joinable()) return;
  {
    // Not between the look and the wait of somebody in admit.
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  wake();
  taken_.notify_all();
  thread_.join();
  guests_.clear();
  const std::scoped_lock lock(mutex_);
  arrivals_.clear();
}

void WaitingRoom::wake() const {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wake_, &one, sizeof(one));
}

void WaitingRoom::order(std::atomic<bool>& flag) {
  flag.store(true);
  wake();
}

bool WaitingRoom::evict_idle() {
  if (idle_count_.load() == 0) return false;
  ++evictions_;
  wake();
  return true;
}

void WaitingRoom::admit(std::unique_ptr<Session> session) {
  bool first = false;
  {
    std::unique_lock lock(mutex_);
    taken_.wait(lock, [&] { return arrivals_.size() < arrivals_max || stopping_; });
    first = arrivals_.empty();
    arrivals_.push_back(std::move(session));
  }
  if (first) wake();
}

void WaitingRoom::run() {
  std::array<epoll_event, 256> events;
  while (!stopping_) {
    const int count = ::epoll_wait(epoll_, events.data(), events.size(), timeout_milliseconds());
    for (const auto& event :
         std::span(events).first(static_cast<std::size_t>(std::max(count, 0)))) {
      if (event.data.fd != wake_) {
        attend_safely(event.data.fd);
        continue;
      }
      std::uint64_t orders = 0;
      [[maybe_unused]] const auto read = ::read(wake_, &orders, sizeof(orders));
    }
    try {
      look_after_all();
    } catch (const std::exception&) {
      // No memory for a connection: it is gone then, and those that came with it may be. The rest
      // is done in the next pass, which must not wait for an event: orders announce themselves
      // once.
      wake();
    }
    idle_count_ = idle_.size();
  }
}

void WaitingRoom::look_after_all() {
  take_arrivals();
  obey_orders();
  const auto now = dependencies_.clock.steady_now();
  for (auto* queue : {&idle_, &receiving_, &writing_, &lingering_}) expire(*queue, now);
  refuse_stale(now);
  make_room(now);
  give_memory_back();
}

/// The allocator keeps what was freed, and a crowd is rare: once it is gone, the system gets it.
void WaitingRoom::give_memory_back() {
  constexpr std::size_t crowd_bytes = 16 * mib;
  constexpr std::size_t guest_bytes = 2 * kib;
  const auto memory = bytes_ + guests_.size() * guest_bytes;
  memory_max_ = std::max(memory_max_, memory);
  if (memory_max_ < crowd_bytes || memory > crowd_bytes / 8) return;
  memory_max_ = memory;
  guests_.rehash(0);
  ::malloc_trim(0);
}

/// Until the first deadline; all of one stage have the same time, so the first came in first.
int WaitingRoom::timeout_milliseconds() const {
  auto next = SteadyTime::max();
  for (const auto* queue : {&idle_, &receiving_, &writing_, &lingering_})
    if (!queue->empty())
      next = std::min(next, guests_.at(queue->begin()->second).session->deadline());
  constexpr milliseconds longest{60'000};
  if (dependencies_.workers.crowded() || dependencies_.places.excess() > 0)
    return static_cast<int>(crowded_check.count());
  if (next == SteadyTime::max()) return static_cast<int>(longest.count());
  const auto left = std::chrono::ceil<milliseconds>(next - dependencies_.clock.steady_now());
  return static_cast<int>(std::clamp(left, milliseconds(0), longest).count());
}

void WaitingRoom::take_arrivals() {
  std::vector<std::unique_ptr<Session>> arrivals;
  {
    const std::scoped_lock lock(mutex_);
    arrivals.swap(arrivals_);
  }
  taken_.notify_all();
  if (cut_all_) return;
  for (auto& session : arrivals) {
    const auto need = advance(*session);
    settle(std::move(session), need);
    keep_to_memory();
  }
}

void WaitingRoom::obey_orders() {
  if (cut_all_) {
    while (!guests_.empty()) (void)remove(guests_.begin());
    return;
  }
  // A request that has begun to arrive is not idle, though nobody may have read of it yet.
  if (close_idle_) {
    const Queue idle = idle_;
    close_idle_ = false;
    for (const auto& [since, socket] : idle) attend(socket);
  }
  for (auto wanted = evictions_.exchange(0); wanted > 0 && !idle_.empty(); --wanted)
    (void)remove(guests_.find(idle_.begin()->second));
}

void WaitingRoom::attend(int socket) {
  const auto found = guests_.find(socket);
  if (found == guests_.end()) return;
  auto& guest = found->second;
  const auto need = advance(*guest.session);
  const bool stays = need == Session::Need::input || need == Session::Need::output;
  if (stays) {
    guest.session->connection().shrink();
    const auto bytes = guest.session->bytes();
    bytes_ += bytes;
    bytes_ -= guest.bytes;
    guest.bytes = bytes;
    const bool same =
        guest.session->stage() == guest.stage && guest.session->since() == guest.since;
    if (same) return;
  }
  settle(remove(found), need);
}

/// Without memory for what comes next, this connection ends and the others live on.
void WaitingRoom::attend_safely(int socket) noexcept {
  try {
    attend(socket);
    keep_to_memory();
  } catch (const std::exception&) {
    if (const auto found = guests_.find(socket); found != guests_.end()) (void)remove(found);
  }
}

/// Brings a session to where it belongs now; one that ends is destroyed.
void WaitingRoom::settle(std::unique_ptr<Session> session, Session::Need need) {
  switch (need) {
    case Session::Need::end: return;
    case Session::Need::service: serve(std::move(session)); return;
    case Session::Need::input:
    case Session::Need::output: seat(std::move(session), need); return;
  }
}

void WaitingRoom::serve(std::unique_ptr<Session> session) {
  if (dependencies_.workers.offer(session)) return;
  dependencies_.crowded();
  session->refuse(problem({503, no_thread}), session->request().admitted().source);
  const auto need = advance(*session);
  settle(std::move(session), need);
}

void WaitingRoom::seat(std::unique_ptr<Session> session, Session::Need need) {
  const int socket = session->socket();
  const unsigned wanted = need == Session::Need::input ? EPOLLIN : EPOLLOUT;
  session->connection().shrink();
  Guest guest{.session = std::move(session), .stage = {}, .since = {}};
  guest.stage = guest.session->stage();
  guest.since = guest.session->since();
  auto& queue = queue_of(guest.stage);
  // In this order, so that whatever fails leaves nothing behind that names a socket without a
  // guest: a queue that cannot take it takes the guest out again.
  const auto place = guests_.emplace(socket, std::move(guest)).first;
  try {
    queue.emplace(place->second.since, socket);
  } catch (...) {
    guests_.erase(place);
    throw;
  }
  place->second.bytes = place->second.session->bytes();
  bytes_ += place->second.bytes;
  epoll_event event{.events = wanted, .data = {.fd = socket}};
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, socket, &event) != 0) (void)remove(place);
}

std::unique_ptr<Session> WaitingRoom::remove(Guests::iterator guest) {
  auto session = std::move(guest->second.session);
  bytes_ -= guest->second.bytes;
  queue_of(guest->second.stage).erase({guest->second.since, guest->first});
  ::epoll_ctl(epoll_, EPOLL_CTL_DEL, guest->first, nullptr);
  guests_.erase(guest);
  return session;
}

void WaitingRoom::expire(Queue& queue, SteadyTime now) {
  while (!queue.empty()) {
    const auto first = guests_.find(queue.begin()->second);
    if (first->second.session->deadline() > now) return;
    auto session = remove(first);
    if (!session->expire()) continue;
    const auto need = advance(*session);
    settle(std::move(session), need);
  }
}

void WaitingRoom::refuse(int socket, const char* why) {
  auto session = remove(guests_.find(socket));
  session->refuse(problem({503, why}));
  const auto need = advance(*session);
  settle(std::move(session), need);
}

/// Whole requests for which no thread was free in time.
void WaitingRoom::refuse_stale(SteadyTime now) {
  if (!dependencies_.workers.crowded()) return;
  for (auto& session : dependencies_.workers.take_older(now - thread_patience)) {
    dependencies_.crowded();
    session->refuse(problem({503, no_thread}), session->request().admitted().source);
    const auto need = advance(*session);
    settle(std::move(session), need);
  }
}

void WaitingRoom::make_room(SteadyTime now) {
  while (lingering_.size() > limits_.lingering_max)
    (void)remove(guests_.find(lingering_.begin()->second));
  keep_to_memory();
  for (auto excess = dependencies_.places.excess(); excess > 0; --excess) {
    if (!idle_.empty() && idle_.begin()->first + idle_after <= now) {
      (void)remove(guests_.find(idle_.begin()->second));
    } else if (!end_slowest(now - slow_after)) {
      return;
    }
  }
}

/// Called after each connection and not once a pass: a pass may read some hundred kilobytes for
/// each of some hundred connections.
void WaitingRoom::keep_to_memory() {
  while (bytes_ > bytes_limit_ && end_slowest(SteadyTime::max())) continue;
}

/// Ends the request, or the reading of an answer, that has taken longest; false if there is none
/// that began by then.
bool WaitingRoom::end_slowest(SteadyTime latest) {
  const bool writer =
      receiving_.empty() || (!writing_.empty() && *writing_.begin() < *receiving_.begin());
  const auto& queue = writer ? writing_ : receiving_;
  if (queue.empty() || queue.begin()->first > latest) return false;
  const int socket = queue.begin()->second;
  if (writer) {
    (void)remove(guests_.find(socket));
  } else {
    refuse(socket, no_room);
  }
  return true;
}

WaitingRoom::Queue& WaitingRoom::queue_of(Session::Stage stage) {
  switch (stage) {
    case Session::Stage::idle: return idle_;
    case Session::Stage::receiving: return receiving_;
    case Session::Stage::writing: return writing_;
    case Session::Stage::lingering: return lingering_;
    case Session::Stage::serving: break;
  }
  HOLDFAST_CHECK(false, "a session that waits has a stage to wait in");
  return idle_;
}

}  // namespace holdfast::ingress
