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
  }
  return "unknown";
}

bool is_pause(HoldReason reason) {
  return reason != HoldReason::parent_missing && reason != HoldReason::retry_alone;
}

bool Holds::hold(const OrderGroup& group, Hold hold) {
  const bool told = !is_pause(hold.reason) || has(group.source, hold.reason);
  const auto [position, added] = holds_.try_emplace(group, hold);
  if (!added) {
    if (position->second.reason == hold.reason) hold.since = position->second.since;
    position->second = std::move(hold);
  }
  return !told;
}

const Hold* Holds::find(const OrderGroup& group) const {
  const auto position = holds_.find(group);
  return position == holds_.end() ? nullptr : &position->second;
}

std::optional<Hold> Holds::release(const OrderGroup& group) {
  auto node = holds_.extract(group);
  if (node.empty()) return std::nullopt;
  return std::move(node.mapped());
}

void Holds::postpone(const OrderGroup& group, SteadyTime probe_at) {
  const auto position = holds_.find(group);
  if (position != holds_.end()) position->second.probe_at = probe_at;
}

void Holds::probe_pauses_at(SteadyTime now) {
  for (auto& [group, hold] : holds_)
    if (is_pause(hold.reason)) hold.probe_at = std::min(hold.probe_at, now);
}

bool Holds::full(const std::string& source) const {
  std::size_t held = 0;
  for (auto position = holds_.lower_bound({source, std::nullopt});
       position != holds_.end() && position->first.source == source; ++position)
    ++held;
  return held >= groups_held_max;
}

bool Holds::has(const std::string& source, HoldReason reason) const {
  return std::ranges::any_of(holds_, [&](const auto& held) {
    return held.first.source == source && held.second.reason == reason;
  });
}

std::vector<OrderGroup> Holds::groups() const {
  std::vector<OrderGroup> groups;
  groups.reserve(holds_.size());
  for (const auto& [group, hold] : holds_) groups.push_back(group);
  return groups;
}

std::vector<OrderGroup> Holds::due(SteadyTime now, const std::set<std::string>& paused) const {
  std::vector<std::pair<SteadyTime, OrderGroup>> found;
  for (const auto& [group, hold] : holds_)
    if (hold.probe_at <= now && !paused.contains(group.source))
      found.emplace_back(hold.probe_at, group);
  std::ranges::sort(found);
  std::vector<OrderGroup> groups;
  for (auto& [probe_at, group] : found) groups.push_back(std::move(group));
  return groups;
}

std::optional<SteadyTime> Holds::next_probe(const std::set<std::string>& paused) const {
  std::optional<SteadyTime> next;
  for (const auto& [group, hold] : holds_) {
    if (paused.contains(group.source)) continue;
    if (!next || hold.probe_at < *next) next = hold.probe_at;
  }
  return next;
}

bool Holds::any_short(const std::set<std::string>& paused) const {
  return std::ranges::any_of(holds_, [&](const auto& held) {
    return !is_pause(held.second.reason) && !paused.contains(held.first.source);
  });
}

bool Holds::any_pause() const {
  return std::ranges::any_of(holds_, [](const auto& held) { return is_pause(held.second.reason); });
}

std::vector<PausedSource> Holds::paused_sources() const {
  std::vector<PausedSource> paused;
  for (const auto& [group, hold] : holds_)
    if (is_pause(hold.reason))
      paused.push_back({group.source, std::string(to_string(hold.reason)), hold.error, hold.since});
  return paused;
}

}  // namespace holdfast::relay
