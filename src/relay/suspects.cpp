#include "relay/suspects.hpp"

#include <algorithm>

#include "relay/split_queue.hpp"

namespace holdfast::relay {

Suspect& Suspects::of(const Entry& entry) {
  const OrderGroup group = group_of(entry);
  if (suspects_.size() >= suspects_max && !suspects_.contains(group)) forget_oldest();
  Suspect& suspect = suspects_[group];
  if (suspect.seq != entry.seq) suspect = {.seq = entry.seq};
  return suspect;
}

void Suspects::forget_oldest() {
  suspects_.erase(std::ranges::min_element(suspects_, {},
                                           [](const auto& suspect) { return suspect.second.seq; }));
}

void Suspects::forgive_missing_parents() {
  for (auto& [group, suspect] : suspects_) suspect.foreign_key_tries = 0;
}

std::vector<std::pair<OrderGroup, std::int64_t>> Suspects::session_breakers() const {
  std::vector<std::pair<OrderGroup, std::int64_t>> found;
  for (const auto& [group, suspect] : suspects_)
    if (suspect.sessions_broken >= sessions_broken_suspicious)
      found.emplace_back(group, suspect.seq);
  return found;
}

bool FloodWatch::died(const std::string& source, SteadyTime now) {
  auto& deaths = deaths_[source];
  deaths.push_back(now);
  if (deaths.size() > flood_deaths) deaths.pop_front();
  return deaths.size() == flood_deaths && now - deaths.front() <= flood_window;
}

bool BlockWatch::blocked(const std::set<OrderGroup>& groups) {
  Record& record = records_[groups.begin()->source];
  if (groups.size() == 1)
    record.alone.insert(*groups.begin());
  else
    ++record.several;
  return record.alone.size() + record.several >= source_blocks_max;
}

}  // namespace holdfast::relay
