#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "holdfast/entry.hpp"

/// What was accepted against what Postgres holds: pure, but for the question to Postgres.
namespace holdfast::cli {

/// An accepted entry that Postgres does not hold.
struct MissingEntry {
  EntrySummary entry;
  /// A later copy of it is dead, discarded or missing itself: that one is what to decide about.
  std::optional<Uuid> copy;
  std::optional<Uuid> sent_again_as;
  [[nodiscard]] bool can_be_sent_again() const { return entry.payload_kept && !copy; }
};

/// The counts; each entry of the range is in one of those from `held` on.
struct Reconciliation {
  std::uint64_t accepted = 0;
  std::uint64_t replays = 0;  ///< Of these, copies that an operator has made.
  std::uint64_t held = 0;
  std::uint64_t pending = 0;
  std::uint64_t dead = 0;
  std::uint64_t discarded = 0;
  std::uint64_t erased = 0;  ///< Not held, and its payload was erased by an operator.
  std::uint64_t resent = 0;  ///< Not held, but a copy of it is pending.
  std::vector<MissingEntry> missing;
  /// Places in the order of acceptance between the first and the last entry of the range of which
  /// nothing is kept any more.
  std::uint64_t receipts_gone = 0;
};

/// Goes through entries oldest first, and judges once all were seen, since a copy comes after what
/// it is a copy of.
///
/// Threads:  one at a time.
class Reconciler {
 public:
  /// `held` are the answers of Postgres for those of which wants_answer() is true, in their order.
  /// `counted` is false for an entry behind the range, which may be a copy of one in it.
  void add(const EntrySummary& entry, std::optional<bool> held, bool counted);
  /// True if only Postgres knows what became of it.
  [[nodiscard]] static bool wants_answer(const EntrySummary& entry);
  [[nodiscard]] Reconciliation finish();

 private:
  enum class Fate { held, pending, aside, missing };
  struct Copy {
    Uuid id;
    Fate fate = Fate::missing;
  };
  struct BestCopy {
    Fate fate = Fate::missing;
    std::optional<Uuid> id;
  };
  [[nodiscard]] BestCopy best_copy_of(const Uuid& id) const;
  void judge(const EntrySummary& entry);

  Reconciliation result_;
  std::vector<EntrySummary> unheld_;          ///< Delivered ones that Postgres does not hold.
  std::map<Uuid, std::vector<Copy>> copies_;  ///< By the id that they are a copy of.
  std::optional<std::int64_t> first_seq_;
  std::int64_t last_seq_ = 0;
};

}  // namespace holdfast::cli
