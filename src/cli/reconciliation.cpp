#include "cli/reconciliation.hpp"

#include <utility>

namespace holdfast::cli {
namespace {

bool is_erased(const EntrySummary& entry) {
  return entry.reason == "erased";
}

}  // namespace

bool Reconciler::wants_answer(const EntrySummary& entry) {
  return entry.state == EntryState::delivered;
}

void Reconciler::add(const EntrySummary& entry, std::optional<bool> held, bool counted) {
  const bool is_held = held.value_or(false);
  const Fate fate = entry.state == EntryState::pending ? Fate::pending
                    : is_held                          ? Fate::held
                    : wants_answer(entry)              ? Fate::missing
                                                       : Fate::aside;
  if (entry.replay_of) copies_[*entry.replay_of].push_back({entry.id, fate});
  if (!counted) return;
  if (!first_seq_) first_seq_ = entry.seq;
  last_seq_ = entry.seq;
  ++result_.accepted;
  if (entry.replay_of) ++result_.replays;
  if (fate == Fate::missing) {
    unheld_.push_back(entry);
  } else if (fate == Fate::held) {
    ++result_.held;
  } else if (is_erased(entry)) {
    ++result_.erased;
  } else if (entry.state == EntryState::pending) {
    ++result_.pending;
  } else if (entry.state == EntryState::dead) {
    ++result_.dead;
  } else {
    ++result_.discarded;
  }
}

/// The copy that is nearest to being held, copies of copies included.
Reconciler::BestCopy Reconciler::best_copy_of(const Uuid& id) const {
  BestCopy best;
  std::vector<Uuid> to_visit{id};
  // Each copy has one original and comes after it, so this ends.
  while (!to_visit.empty()) {
    const auto found = copies_.find(to_visit.back());
    to_visit.pop_back();
    if (found == copies_.end()) continue;
    for (const auto& copy : found->second) {
      if (!best.id || copy.fate < best.fate) best = {copy.fate, copy.id};
      to_visit.push_back(copy.id);
    }
  }
  return best;
}

void Reconciler::judge(const EntrySummary& entry) {
  const auto copy = best_copy_of(entry.id);
  if (copy.id && copy.fate == Fate::held) {
    ++result_.held;
  } else if (copy.id && copy.fate == Fate::pending) {
    ++result_.resent;
  } else if (is_erased(entry)) {
    ++result_.erased;
  } else {
    result_.missing.push_back({entry, copy.id, std::nullopt});
  }
}

Reconciliation Reconciler::finish() {
  for (const auto& entry : std::exchange(unheld_, {})) judge(entry);
  const auto span = first_seq_ ? last_seq_ - *first_seq_ + 1 : 0;
  const auto known = static_cast<std::int64_t>(result_.accepted);
  result_.receipts_gone = span > known ? static_cast<std::uint64_t>(span - known) : 0;
  return std::move(result_);
}

}  // namespace holdfast::cli
