#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "base/guarded.hpp"
#include "base/histogram.hpp"
#include "holdfast/clock.hpp"
#include "holdfast/health.hpp"

namespace holdfast::ingress {

/// What was answered, for the metrics.
///
/// Threads:  any.
class Traffic {
 public:
  void count(std::string_view source, int status, std::chrono::duration<double> took) {
    seconds_.observe(took.count());
    requests_.with([&](auto& requests) { ++requests[{std::string(source), status}]; });
  }
  /// Without connections and bytes, which others know.
  [[nodiscard]] IngressStats snapshot() const { return {requests_.copy(), seconds_.snapshot()}; }

 private:
  base::Guarded<std::map<std::pair<std::string, int>, std::uint64_t>> requests_;
  base::Histogram seconds_{base::seconds_bounds};
};

/// Bytes of bodies that are in memory at the same time, up to a limit.
///
/// Threads:  any.
class ByteBudget {
 public:
  explicit ByteBudget(std::uint64_t max) : max_(max) {}
  [[nodiscard]] std::uint64_t used() const { return used_.load(std::memory_order_relaxed); }

  /// A part of the budget, given back at the end of its life.
  class Share {
   public:
    explicit Share(ByteBudget& budget) : budget_(budget) {}
    ~Share() { give_back(); }
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;
    /// False if the budget does not have them: nothing was taken then.
    [[nodiscard]] bool take(std::uint64_t bytes) {
      if (!budget_.take(bytes)) return false;
      bytes_ += bytes;
      return true;
    }
    void give_back() {
      budget_.used_.fetch_sub(std::exchange(bytes_, 0), std::memory_order_relaxed);
    }

   private:
    ByteBudget& budget_;
    std::uint64_t bytes_ = 0;
  };

 private:
  bool take(std::uint64_t bytes) {
    auto used = used_.load(std::memory_order_relaxed);
    do {
      if (bytes > max_ - used) return false;
    } while (!used_.compare_exchange_weak(used, used + bytes, std::memory_order_relaxed));
    return true;
  }

  const std::uint64_t max_;
  std::atomic<std::uint64_t> used_{0};
};

/// Lets one event through in each period, so that a flood of requests is no flood of log lines.
///
/// Threads:  any.
class Occasionally {
 public:
  /// True for the first call of a period.
  [[nodiscard]] bool now(SteadyTime time) {
    auto next = next_.load(std::memory_order_relaxed);
    const auto at = time.time_since_epoch().count();
    return at >= next &&
           next_.compare_exchange_strong(next, at + SteadyTime::duration(period).count());
  }

 private:
  static constexpr std::chrono::seconds period{10};
  std::atomic<SteadyTime::rep> next_{SteadyTime::duration::min().count()};
};

}  // namespace holdfast::ingress
