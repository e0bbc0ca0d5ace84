#include "support/fake_clock.hpp"

namespace holdfast::support {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

FakeClock::FakeClock()
    : wall_start_(SystemClock().wall_now()), steady_start_(SystemClock().steady_now()) {}

WallTime FakeClock::wall_now() const {
  const auto passed = std::chrono::duration_cast<milliseconds>(nanoseconds(passed_.load()));
  return wall_start_ + passed + milliseconds(wall_offset_.load());
}

SteadyTime FakeClock::steady_now() const {
  return steady_start_ + std::chrono::duration_cast<SteadyTime::duration>(
                             nanoseconds(passed_.load() - booted_at_.load()));
}

void FakeClock::advance(milliseconds time) {
  passed_ += nanoseconds(time).count();
}

void FakeClock::advance_to(SteadyTime time) {
  const auto now = steady_now();
  if (time > now) passed_ += nanoseconds(time - now).count();
}

void FakeClock::jump_wall(milliseconds time) {
  wall_offset_ += time.count();
}

void FakeClock::reboot() {
  booted_at_ = passed_.load();
}

}  // namespace holdfast::support
