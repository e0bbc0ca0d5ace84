#include "relay/source_pauses.hpp"

#include <algorithm>
#include <utility>

namespace holdfast::relay {

std::string_view to_string(SourcePauseReason reason) {
  switch (reason) {
    case SourcePauseReason::poison_flood: return "poison_flood";
    case SourcePauseReason::configuration: return "configuration";
    case SourcePauseReason::contention: return "contention";
    case SourcePauseReason::timeout: return "timeout";
  }
  return "unknown";
}

bool is_block(SourcePauseReason reason) {
  return reason == SourcePauseReason::contention || reason == SourcePauseReason::timeout;
}

SourcePauses::Pass::Pass(SourcePauses& pauses, std::uint32_t machine)
    : pauses_(pauses), machine_(machine) {
  pauses_.state_.with([&](State& state) { state.passes[machine_] = state.pauses; });
}

SourcePauses::Pass::~Pass() {
  pauses_.end_pass(machine_);
}

void SourcePauses::end_pass(std::uint32_t machine) {
  const bool waited_for = state_.with([&](State& state) {
    bool waited = false;
    const auto pass = state.passes.extract(machine);
    for (auto& [source, record] : state.records) {
      if (record.number > pass.mapped()) waited = true;
      if (record.prober == machine) record.prober.reset();
    }
    return waited;
  });
  if (waited_for) wake_.raise();
}

SourcePauses::View SourcePauses::view() const {
  return state_.with([](const State& state) {
    View view{state.pauses, {}};
    for (const auto& [source, record] : state.records) view.paused.insert(source);
    for (const auto& [source, since] : state.by_operator) view.paused.insert(source);
    return view;
  });
}

std::uint64_t SourcePauses::pauses() const {
  return state_.with([](const State& state) { return state.pauses; });
}

bool SourcePauses::died(const std::string& source, SteadyTime now) {
  return state_.with([&](State& state) { return state.flood.died(source, now); });
}

void SourcePauses::delivered(std::span<const Entry> batch) {
  state_.with([&](State& state) {
    for (const Entry& entry : batch) {
      state.flood.delivered(entry.source);
      state.blocks.clear(entry.source);
    }
  });
}

bool SourcePauses::blocked(const std::set<OrderGroup>& groups) {
  return state_.with([&](State& state) { return state.blocks.blocked(groups); });
}

bool SourcePauses::pause_by_operator(const std::string& source, WallTime now) {
  return state_.with([&](State& state) {
    const bool added = state.by_operator.try_emplace(source, now).second;
    if (added) ++state.pauses;
    return added;
  });
}

bool SourcePauses::resume_by_operator(const std::string& source) {
  const bool ended = state_.with([&](State& state) { return state.by_operator.erase(source) > 0; });
  if (ended) wake_.raise();
  return ended;
}

std::uint32_t SourcePauses::pause(const std::string& source, SourcePause pause) {
  const auto tries = state_.with([&](State& state) {
    const auto [position, added] = state.records.try_emplace(source);
    Record& record = position->second;
    const bool same = !added && record.pause.reason == pause.reason;
    pause.tries = 1;
    if (same) {
      pause.since = record.pause.since;
      pause.tries = record.pause.tries + 1;
      pause.probed = std::move(record.pause.probed);
    }
    state.blocks.clear(source);
    if (added) record.number = ++state.pauses;
    record.pause = std::move(pause);
    record.prober.reset();
    record.nothing_to_probe = false;
    return record.pause.tries;
  });
  wake_.raise();
  return tries;
}

std::optional<SourcePause> SourcePauses::resume(const std::string& source) {
  auto ended = state_.with([&](State& state) -> std::optional<SourcePause> {
    auto node = state.records.extract(source);
    if (node.empty()) return std::nullopt;
    return std::move(node.mapped().pause);
  });
  if (ended) wake_.raise();
  return ended;
}

bool SourcePauses::probe_soon(const std::string& source, SteadyTime now) {
  const bool paused = state_.with([&](State& state) {
    const auto found = state.records.find(source);
    if (found == state.records.end()) return false;
    found->second.pause.probe_at = std::min(found->second.pause.probe_at, now);
    found->second.nothing_to_probe = false;
    return true;
  });
  if (paused) wake_.raise();
  return paused;
}

void SourcePauses::postpone(const std::string& source, SteadyTime probe_at) {
  state_.with([&](State& state) {
    const auto position = state.records.find(source);
    if (position == state.records.end()) return;
    position->second.pause.probe_at = probe_at;
    position->second.prober.reset();
  });
  wake_.raise();
}

void SourcePauses::probe_elsewhere(const OrderGroup& group) {
  state_.with([&](State& state) {
    const auto position = state.records.find(group.source);
    if (position == state.records.end()) return;
    auto& probed = position->second.pause.probed;
    if (probed.size() >= probed_groups_max || std::ranges::contains(probed, group)) probed.clear();
    probed.insert(std::ranges::lower_bound(probed, group), group);
  });
}

void SourcePauses::nothing_to_probe(const std::string& source) {
  state_.with([&](State& state) {
    const auto position = state.records.find(source);
    if (position == state.records.end()) return;
    position->second.nothing_to_probe = true;
    position->second.prober.reset();
  });
}

void SourcePauses::probe_all_at(SteadyTime now) {
  state_.with([&](State& state) {
    for (auto& [source, record] : state.records)
      record.pause.probe_at = std::min(record.pause.probe_at, now);
  });
}

std::vector<std::string> SourcePauses::due(SteadyTime now) const {
  return state_.with([&](const State& state) {
    std::vector<std::string> due;
    for (const auto& [source, record] : state.records)
      if (record.pause.probe_at <= now && !state.by_operator.contains(source))
        due.push_back(source);
    return due;
  });
}

std::optional<SourcePause> SourcePauses::take_probe(const std::string& source,
                                                    std::uint32_t machine) {
  return state_.with([&](State& state) -> std::optional<SourcePause> {
    const auto position = state.records.find(source);
    if (position == state.records.end()) return std::nullopt;
    Record& record = position->second;
    if (record.prober || may_be_elsewhere(state, record, machine)) return std::nullopt;
    record.prober = machine;
    return record.pause;
  });
}

/// A pass that began before the pause may still hold entries of the source.
bool SourcePauses::may_be_elsewhere(const State& state, const Record& record,
                                    std::optional<std::uint32_t> machine) {
  return std::ranges::any_of(state.passes, [&](const auto& pass) {
    return pass.first != machine && pass.second < record.number;
  });
}

std::optional<SteadyTime> SourcePauses::next_probe() const {
  return state_.with([](const State& state) {
    std::optional<SteadyTime> next;
    for (const auto& [source, record] : state.records) {
      if (record.nothing_to_probe || record.prober) continue;
      if (state.by_operator.contains(source)) continue;
      if (may_be_elsewhere(state, record, std::nullopt)) continue;
      if (!next || record.pause.probe_at < *next) next = record.pause.probe_at;
    }
    return next;
  });
}

std::vector<PausedSource> SourcePauses::paused_sources() const {
  return state_.with([](const State& state) {
    std::vector<PausedSource> paused;
    for (const auto& [source, since] : state.by_operator)
      paused.push_back({source, std::string(paused_by_operator), "", since});
    for (const auto& [source, record] : state.records)
      if (!state.by_operator.contains(source))
        paused.push_back({source, std::string(to_string(record.pause.reason)), record.pause.error,
                          record.pause.since});
    return paused;
  });
}

}  // namespace holdfast::relay
