#include "relay/apart.hpp"

#include <algorithm>

#include "base/check.hpp"
#include "relay/breaker.hpp"

namespace holdfast::relay {

void ApartSources::shrink(const std::string& source, std::uint32_t entries_max) {
  sources_[source] = {std::clamp(entries_max, 1U, full_), 0};
}

void ApartSources::delivered(const std::string& source) {
  const auto position = sources_.find(source);
  if (position == sources_.end()) return;
  Share& share = position->second;
  // One entry alone is how it begins again after a lock; larger parts were found by halving, and to
  // try one that is too large costs everybody time.
  if (share.entries_max > 1 && share.entries_max < full_ && ++share.good < ceiling_patience) return;
  const std::uint32_t factor = share.entries_max == 1 ? ramp_factor : 2;
  if (share.entries_max > full_ / factor)
    sources_.erase(position);
  else
    share = {share.entries_max * factor, 0};
}

std::uint32_t ApartSources::entries_max(const std::string& source) const {
  const auto position = sources_.find(source);
  HOLDFAST_CHECK(position != sources_.end(), "the source is apart");
  return position->second.entries_max;
}

}  // namespace holdfast::relay
