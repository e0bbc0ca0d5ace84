#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <unordered_map>

#include "holdfast/clock.hpp"
#include "ingress/session.hpp"

namespace holdfast::ingress {

/// Where a connection of the event loop is: a stage of its session, or a wait for what others do.
enum class GuestState {
  idle,
  receiving,
  writing,
  lingering,
  waiting,  ///< A whole request for which too many others are served.
  serving,  ///< A whole request that the pool or the writer has.
};

/// One connection of the event loop.
struct Guest {
  std::unique_ptr<Session> session;
  std::uint64_t number = 0;  ///< Never used twice, as a socket is.
  GuestState state = GuestState::idle;
  SteadyTime since;             ///< When that began.
  std::size_t bytes = 0;        ///< Memory of what is not complete, as last measured.
  unsigned watched = 0;         ///< Events that the loop is told of; 0: none yet.
  std::list<int>::iterator at;  ///< In the queue of its state.
};

/// The connections of the event loop, by state, each in the order in which they came to it.
///
/// Threads:  one, the loop's.
class Guests {
 public:
  /// Takes the session in; throws std::bad_alloc, and then it is gone.
  Guest& add(std::unique_ptr<Session> session);
  /// nullptr: no such connection, or no more.
  [[nodiscard]] Guest* find(int socket);
  /// To the end of the queue of a state, unless it is in it since then already.
  void move(Guest& guest, GuestState state, SteadyTime since);
  /// Takes a new measure of its memory; `counted` false: what it has counts elsewhere.
  void measure(Guest& guest, bool counted);
  [[nodiscard]] std::unique_ptr<Session> remove(Guest& guest);
  void clear();

  /// Who has been longest in this state; nullptr: nobody is.
  [[nodiscard]] Guest* first(GuestState state);
  [[nodiscard]] const Guest* first(GuestState state) const;
  [[nodiscard]] std::size_t count(GuestState state) const { return queue(state).size(); }
  [[nodiscard]] std::size_t count() const { return guests_.size(); }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  /// The sockets in one state, as of now.
  [[nodiscard]] std::list<int> sockets(GuestState state) const { return queue(state); }
  /// After a crowd: gives back what its table took.
  void shrink() { guests_.rehash(0); }

 private:
  [[nodiscard]] std::list<int>& queue(GuestState state) {
    return queues_[static_cast<std::size_t>(state)];
  }
  [[nodiscard]] const std::list<int>& queue(GuestState state) const {
    return queues_[static_cast<std::size_t>(state)];
  }

  std::unordered_map<int, Guest> guests_;
  std::array<std::list<int>, 6> queues_;
  std::size_t bytes_ = 0;
  std::uint64_t last_number_ = 0;
};

}  // namespace holdfast::ingress
