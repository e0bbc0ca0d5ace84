#include "relay/economy.hpp"

#include <algorithm>

namespace holdfast::relay {

Economy::Economy(std::chrono::milliseconds window, std::uint32_t machines, base::WakeSignal& wake)
    : window_(window), wake_(wake) {
  state_.with([&](State& state) { state.inside.resize(machines); });
}

Economy::Entered Economy::enter(std::uint32_t machine, std::uint64_t pending_bytes,
                                SteadyTime now) {
  const Entered entered = state_.with([&](State& state) {
    if (state.open && state.inside[machine]) return Entered::yes;
    if (!is_due(state, pending_bytes, now)) return Entered::no;
    // All are inside at once: a machine that is done at once must not end the drain before the
    // others have looked.
    std::ranges::fill(state.inside, true);
    state.open = true;
    state.has_entry = false;
    state.deadline = now + window_;
    ++state.drains;
    return Entered::opened;
  });
  if (entered == Entered::opened) wake_.raise();
  return entered;
}

bool Economy::is_due(State& state, std::uint64_t pending_bytes, SteadyTime now) {
  // An operator may have discarded some of what was left.
  state.left_bytes = std::min(state.left_bytes, pending_bytes);
  const std::uint64_t gathered = pending_bytes - state.left_bytes;
  const bool full = !state.open && state.has_entry && gathered >= economy_flush_bytes;
  return full || (state.deadline && *state.deadline <= now);
}

void Economy::leave(std::uint32_t machine, std::uint64_t pending_bytes) {
  const bool shut = state_.with([&](State& state) {
    state.inside[machine] = false;
    if (!state.open || std::ranges::find(state.inside, true) != state.inside.end()) return false;
    state.open = false;
    state.deadline.reset();
    state.left_bytes = pending_bytes;
    return true;
  });
  // What came between the last claim of a machine and this is the first of the next window.
  if (shut) wake_.raise();
}

bool Economy::waits_for_entry() const {
  return state_.with([](const State& state) { return !state.open && !state.has_entry; });
}

void Economy::gather(std::chrono::milliseconds age, SteadyTime now) {
  const auto waited = std::clamp(age, std::chrono::milliseconds(0), window_);
  state_.with([&](State& state) {
    if (state.open) return;
    state.has_entry = true;
    const SteadyTime end = now + (window_ - waited);
    state.deadline = state.deadline ? std::min(*state.deadline, end) : end;
  });
}

void Economy::remember_pauses(SteadyTime now) {
  state_.with([&](State& state) {
    if (!state.open && !state.deadline) state.deadline = now + window_;
  });
}

std::optional<SteadyTime> Economy::deadline() const {
  return state_.with([](const State& state) { return state.deadline; });
}

std::optional<SteadyTime> Economy::next_contact() const {
  return state_.with([](const State& state) { return state.open ? std::nullopt : state.deadline; });
}

std::uint64_t Economy::drains() const {
  return state_.with([](const State& state) { return state.drains; });
}

}  // namespace holdfast::relay
