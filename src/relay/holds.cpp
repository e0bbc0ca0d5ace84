#include "relay/holds.hpp"

#include <algorithm>
#include <utility>

namespace holdfast::relay {

std::string_view to_string(HoldReason reason) {
  switch (reason) {
    case HoldReason::parent_missing: return "parent_missing";
    case HoldReason::retry_alone: return "retry_alone";
    case HoldReason::contention: return "contention";
    case HoldReason::timeout: return "timeout";
    case HoldReason::breaks_session: return "breaks_session";
    case HoldReason::poison_flood: return "poison_flood";
  }
  return "unknown";
}

bool is_pause(HoldReason reason) {
  return reason != HoldReason::parent_missing && reason != HoldReason::retry_alone;
}

bool Holds::hold(const std::string& group, Hold hold) {
  const auto [position, added] = holds_.try_emplace(group, hold);
  if (added) return is_pause(hold.reason);
  Hold& held = position->second;
  const bool same = held.reason == hold.reason;
  if (same) {
    hold.since = held.since;
    hold.probes = held.probes + 1;
  }
  held = std::move(hold);
  return !same && is_pause(held.reason);
}

const Hold* Holds::find(const std::string& group) const {
  const auto position = holds_.find(group);
  return position == holds_.end() ? nullptr : &position->second;
}

std::optional<Hold> Holds::release(const std::string& group) {
  auto node = holds_.extract(group);
  if (node.empty()) return std::nullopt;
  return std::move(node.mapped());
}

void Holds::postpone(const std::string& group, SteadyTime probe_at) {
  const auto position = holds_.find(group);
  if (position != holds_.end()) position->second.probe_at = probe_at;
}

void Holds::nothing_to_probe(const std::string& group) {
  const auto position = holds_.find(group);
  if (position != holds_.end()) position->second.nothing_to_probe = true;
}

std::vector<std::string> Holds::due(SteadyTime now) const {
  std::vector<std::pair<SteadyTime, std::string>> found;
  for (const auto& [group, hold] : holds_)
    if (hold.probe_at <= now) found.emplace_back(hold.probe_at, group);
  std::ranges::sort(found);
  std::vector<std::string> groups;
  for (auto& [probe_at, group] : found) groups.push_back(std::move(group));
  return groups;
}

std::optional<SteadyTime> Holds::next_probe() const {
  std::optional<SteadyTime> next;
  for (const auto& [group, hold] : holds_) {
    if (hold.nothing_to_probe) continue;
    if (!next || hold.probe_at < *next) next = hold.probe_at;
  }
  return next;
}

std::vector<PausedSource> Holds::paused_sources() const {
  std::vector<PausedSource> paused;
  for (const auto& [group, hold] : holds_)
    if (is_pause(hold.reason))
      paused.push_back({hold.source, std::string(to_string(hold.reason)), hold.error, hold.since});
  return paused;
}

}  // namespace holdfast::relay
