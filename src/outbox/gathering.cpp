#include "outbox/gathering.hpp"

#include <algorithm>

namespace holdfast::outbox {
namespace {

/// Of a fast disk. While such a sync runs the next group arrives, and both processors have work;
/// waiting for all would leave one of them idle, and was slower whenever it was measured.
constexpr std::chrono::microseconds fast_sync{250};
constexpr std::chrono::milliseconds wait_max{10};
/// A handful that comes later than this is a trickle, for which nobody waits.
constexpr int handfuls_a_sync = 4;
/// One sync that took long says little about the next.
constexpr int smoothing = 8;

}  // namespace

void Gathering::begun(SteadyTime now) {
  until_ = now + std::clamp<std::chrono::nanoseconds>(sync_ - fast_sync, {}, wait_max);
}

void Gathering::committed(std::size_t appends, std::size_t waiting, std::chrono::nanoseconds sync) {
  sync_ += (sync - sync_) / smoothing;
  expected_ = appends + waiting;
}

SteadyTime Gathering::handful_until(SteadyTime now) const {
  return std::min(until_, now + sync_ / handfuls_a_sync);
}

std::size_t Gathering::wanted(std::size_t appends) const {
  if (expected_ <= appends) return 0;
  return std::clamp<std::size_t>((expected_ - appends) / 2, 1, handful_max);
}

}  // namespace holdfast::outbox
