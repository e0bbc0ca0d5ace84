#pragma once

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <utility>

#include "ingress/network.hpp"

namespace holdfast::ingress {

/// Counts the open connections, all together and by address. One address may hold only a part of
/// them, so that one hostile or broken sender cannot be all of our senders. Addresses of IPv6 are
/// counted by their first 64 bits, because whoever has one of those has all of them.
///
/// Threads:  any; a Place one at a time.
class Places {
 public:
  struct Limits {
    std::size_t open_max = 0;
    std::size_t per_address_max = 0;
  };
  /// The place of one connection, given back at the end of its life.
  class Place {
   public:
    Place(Place&& other) noexcept
        : places_(std::exchange(other.places_, nullptr)), key_(other.key_), going_(other.going_) {}
    ~Place() {
      if (places_ != nullptr) places_->leave(*this);
    }
    /// Whoever has it was told to go and will soon: nobody else has to give way because of it.
    void set_going() {
      if (!std::exchange(going_, true)) places_->add_going();
    }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    Place& operator=(Place&&) = delete;

   private:
    friend class Places;
    using Key = std::array<std::uint8_t, 16>;
    Place(Places& places, const Key& key, bool going)
        : places_(&places), key_(key), going_(going) {}
    Places* places_;
    Key key_;
    bool going_;
  };
  enum class Crowd { none, address, all };
  struct Entered {
    Place place;
    Crowd crowd;  ///< What is above its limit with this connection.
  };

  explicit Places(Limits limits) : limits_(limits) {}

  /// Counts a connection, also above a limit: whom that concerns is told so, which takes a moment.
  /// `exempt`: the limit of its address does not apply. Above that limit it is going from the
  /// start.
  [[nodiscard]] Entered enter(const IpAddress& peer, bool exempt);
  [[nodiscard]] std::size_t count() const;
  /// Connections above open_max, without those that are going.
  [[nodiscard]] std::size_t excess() const;
  /// Blocks:   until no connection is left, at most `limit`. Returns false if not so.
  [[nodiscard]] bool wait_until_empty(std::chrono::milliseconds limit);

 private:
  void leave(const Place& place);
  void add_going();
  [[nodiscard]] std::size_t excess_locked() const;

  // Constant after construction.
  const Limits limits_;
  // Guarded by mutex_: any thread.
  mutable std::mutex mutex_;
  std::condition_variable empty_;
  std::map<Place::Key, std::size_t> by_address_;
  std::size_t open_ = 0;
  std::size_t going_ = 0;  ///< Of them.
};

}  // namespace holdfast::ingress
