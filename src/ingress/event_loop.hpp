#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "holdfast/clock.hpp"
#include "ingress/guests.hpp"
#include "ingress/mailbox.hpp"
#include "ingress/places.hpp"
#include "ingress/service.hpp"
#include "ingress/session.hpp"

namespace holdfast::ingress {

/// To a whole request that others leave no place for.
inline constexpr const char* no_place = "too many requests at once; try again";

/// Holds every connection, on one thread with epoll: reads requests, has them served, answers. It
/// waits for nothing else, so that a slow sender or a slow disk costs a descriptor and some memory,
/// and never a thread; docs/decisions/0012 and 0017.
///
/// Where it gets too full, who has waited longest gives way: idle connections first, then requests
/// that have been arriving, and answers that have been read, for more than a second.
///
/// Threads:  any, but stop: one owner.
class EventLoop {
 public:
  struct Limits {
    std::size_t serving_max = 0;    ///< Requests that are served at once.
    std::size_t waiting_max = 0;    ///< Whole ones beyond, which wait for one of those to end.
    std::size_t bytes_max = 0;      ///< Memory of requests that are not complete, all together.
    std::size_t lingering_max = 0;  ///< Connections that were told to go, and have not gone yet.
    std::chrono::milliseconds append_timeout{};
  };
  struct Dependencies {
    Places& places;
    Service& service;
    std::shared_ptr<Mailbox> mailbox;
    const Clock& clock;
    std::function<void()> crowded;  ///< A whole request found no place in time.
    /// A connection ended without an answer, which is no 2xx: why, in practice out of memory.
    std::function<void(const char*)> failed;
  };
  EventLoop(Limits limits, Dependencies dependencies);
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  /// From now on; who is too slow for less room is told so at the next look.
  void set_bytes_max(std::size_t bytes_max) { bytes_limit_ = bytes_max; }

  /// Takes the connection, for good.
  ///
  /// Blocks:   while the loop is some hundred connections behind: what it has not seen it cannot
  ///           count.
  void admit(std::unique_ptr<Session> session);
  /// Lets an idle connection give way; false if there is none.
  bool evict_idle();
  /// Ends the connections that wait for a request, after Session::Context::closing was set.
  void close_idle() { order(close_idle_); }
  /// Ends all, and whatever comes later.
  void cut_all() { order(cut_all_); }
  void stop();

 private:
  void run();
  void wait_for_events();
  [[nodiscard]] int timeout_milliseconds() const;
  [[nodiscard]] SteadyTime next_deadline() const;
  void order(std::atomic<bool>& flag);
  void attend(int socket, std::uint32_t events);
  void go_on(Guest& guest);
  void attend_again();
  void take_arrivals();
  void take_outcomes();
  void start_waiting();
  void settle(Guest& guest, Session::Need need);
  [[nodiscard]] bool serve(Guest& guest, Session::Need& need);
  void seat(Guest& guest, Session::Need need);
  [[nodiscard]] bool watch(Guest& guest, bool output);
  void obey_orders();
  // Who has to go: event_loop_crowd.cpp.
  void look_after_all();
  void expire_all(SteadyTime now);
  void expire(Guest& guest);
  [[nodiscard]] SteadyTime deadline_of(const Guest& guest) const;
  void refuse(Guest& guest, const char* why);
  void make_room(SteadyTime now);
  void keep_to_memory();
  void give_memory_back();
  [[nodiscard]] bool end_slowest(SteadyTime latest);
  /// Without memory for what comes next, this connection ends and the others live on.
  template <class F>
  void guarded(int socket, F&& function) noexcept;
  void give_up(int socket, const std::exception& problem) noexcept;

  // Constant after construction.
  const Limits limits_;
  const Dependencies dependencies_;
  const int epoll_;
  // Atomic: any thread.
  std::atomic<std::size_t> bytes_limit_;  ///< Limits::bytes_max, unless it was set since.
  std::atomic<bool> close_idle_{false};
  std::atomic<bool> cut_all_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<std::size_t> evictions_{0};
  std::atomic<std::size_t> idle_count_{0};
  // Guarded by mutex_: any thread.
  std::mutex mutex_;
  std::condition_variable taken_;  ///< Arrivals were taken.
  std::vector<std::unique_ptr<Session>> arrivals_;
  // Owned by its own thread.
  Guests guests_;
  std::vector<int> again_;         ///< Sockets that have more to do, without an event.
  std::vector<Outcome> outcomes_;  ///< As taken last.
  std::size_t memory_max_ = 0;     ///< Of all guests at once, since memory was given back.
  std::jthread thread_;
};

template <class F>
void EventLoop::guarded(int socket, F&& function) noexcept {
  try {
    std::forward<F>(function)();
  } catch (const std::exception& problem) {
    give_up(socket, problem);
  }
}

}  // namespace holdfast::ingress
