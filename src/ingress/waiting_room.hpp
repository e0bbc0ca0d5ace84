#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "holdfast/clock.hpp"
#include "ingress/places.hpp"
#include "ingress/session.hpp"
#include "ingress/workers.hpp"

namespace holdfast::ingress {

/// Holds every connection that has nothing to do for a thread: idle ones, those whose request or
/// reading of our answer is slow, those that were refused. One thread looks after all of them, so
/// that a slow sender costs a descriptor and some memory, and never a place among the threads;
/// docs/decisions/0012.
///
/// Where it gets too full, who has waited longest gives way: idle connections first, then requests
/// that have been arriving, and answers that have been read, for more than a second.
///
/// Threads:  any, but start and stop: one owner.
class WaitingRoom {
 public:
  struct Limits {
    std::size_t bytes_max = 0;      ///< Memory of requests that are not complete, all together.
    std::size_t lingering_max = 0;  ///< Connections that were told to go, and have not gone yet.
  };
  struct Dependencies {
    Places& places;
    Workers& workers;
    const Clock& clock;
    std::function<void()> crowded;  ///< A whole request found no thread in time.
  };
  WaitingRoom(Limits limits, Dependencies dependencies);
  ~WaitingRoom();
  WaitingRoom(const WaitingRoom&) = delete;
  WaitingRoom& operator=(const WaitingRoom&) = delete;

  /// From now on; who is too slow for less room is told so at the next look.
  void set_bytes_max(std::size_t bytes_max) { bytes_limit_ = bytes_max; }

  /// Takes the connection; it comes out again through Workers::offer, or ends here.
  ///
  /// Blocks:   while the room's thread is some hundred connections behind: what it has not seen it
  ///           cannot count.
  void admit(std::unique_ptr<Session> session);
  /// Lets an idle connection give way; false if there is none.
  bool evict_idle();
  /// Ends the connections that wait for a request, after Session::Context::closing was set.
  void close_idle() { order(close_idle_); }
  /// Ends all, and whatever comes later.
  void cut_all() { order(cut_all_); }
  void stop();

 private:
  using Queue = std::set<std::pair<SteadyTime, int>>;  ///< When its stage began; its socket.
  struct Guest {
    std::unique_ptr<Session> session;
    Session::Stage stage;
    SteadyTime since;
    std::size_t bytes = 0;
  };
  using Guests = std::unordered_map<int, Guest>;

  void run();
  [[nodiscard]] int timeout_milliseconds() const;
  void wake() const;
  void order(std::atomic<bool>& flag);
  void take_arrivals();
  void obey_orders();
  void look_after_all();
  void attend(int socket);
  void attend_safely(int socket) noexcept;
  void settle(std::unique_ptr<Session> session, Session::Need need);
  void serve(std::unique_ptr<Session> session);
  void seat(std::unique_ptr<Session> session, Session::Need need);
  [[nodiscard]] std::unique_ptr<Session> remove(Guests::iterator guest);
  void expire(Queue& queue, SteadyTime now);
  void refuse(int socket, const char* why);
  void refuse_stale(SteadyTime now);
  void make_room(SteadyTime now);
  void give_memory_back();
  void keep_to_memory();
  [[nodiscard]] bool end_slowest(SteadyTime latest);
  [[nodiscard]] Queue& queue_of(Session::Stage stage);

  // Constant after construction.
  const Limits limits_;
  const Dependencies dependencies_;
  const int epoll_;
  const int wake_;  ///< An eventfd: something was put in below.
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
  Queue idle_, receiving_, writing_, lingering_;
  std::size_t bytes_ = 0;       ///< Of all guests.
  std::size_t memory_max_ = 0;  ///< Of all guests at once, since memory was given back.
  std::jthread thread_;
};

}  // namespace holdfast::ingress
