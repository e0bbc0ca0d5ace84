#include "relay/suspects.hpp"

#include "relay/split_queue.hpp"

namespace holdfast::relay {

Suspect& Suspects::of(const Entry& entry) {
  Suspect& suspect = suspects_[group_of(entry)];
  if (suspect.seq != entry.seq) suspect = {entry.seq, entry.source};
  return suspect;
}

void Suspects::forgive_missing_parents() {
  for (auto& [group, suspect] : suspects_) suspect.foreign_key_tries = 0;
}

std::map<std::string, std::string> Suspects::session_breakers() const {
  std::map<std::string, std::string> found;
  for (const auto& [group, suspect] : suspects_)
    if (suspect.sessions_broken >= sessions_broken_suspicious) found.emplace(group, suspect.source);
  return found;
}

bool FloodWatch::died(const std::string& source, SteadyTime now) {
  auto& deaths = deaths_[source];
  deaths.push_back(now);
  if (deaths.size() > flood_deaths) deaths.pop_front();
  return deaths.size() == flood_deaths && now - deaths.front() <= flood_window;
}

}  // namespace holdfast::relay
