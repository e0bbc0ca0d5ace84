#include "base/backoff.hpp"

#include "base/check.hpp"

namespace holdfast::base {

std::chrono::milliseconds backoff_ceiling(std::chrono::milliseconds initial,
                                          std::chrono::milliseconds cap, std::uint32_t doublings) {
  HOLDFAST_CHECK(initial.count() >= 0 && cap.count() >= 0, "a delay is not negative");
  // An outage of days reaches any number of doublings: shifting by 63 or more is undefined, and
  // shifting the cap down instead of the initial up cannot overflow.
  if (doublings >= 63 || initial.count() > (cap.count() >> doublings)) return cap;
  return std::chrono::milliseconds(initial.count() << doublings);
}

std::chrono::milliseconds Jitter::up_to(std::chrono::milliseconds ceiling) {
  std::uniform_int_distribution<std::chrono::milliseconds::rep> draw(0, ceiling.count());
  return std::chrono::milliseconds(draw(engine_));
}

}  // namespace holdfast::base
