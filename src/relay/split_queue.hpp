#pragma once

#include <string>
#include <vector>

#include "holdfast/entry.hpp"
#include "holdfast/outbox.hpp"

/// Splitting a refused batch until the bad entry stands alone.
namespace holdfast::relay {

using Batch = std::vector<Entry>;

/// What the entry must keep its place in.
[[nodiscard]] inline OrderGroup group_of(const Entry& entry) {
  return {entry.source, entry.order_hash};
}

/// The parts of one claimed batch that are still to be delivered, always in commit order: whatever
/// is split or put back comes out before everything that lies behind it.
/// With k bad entries of n it costs at most about 2k log2(n) + 2k transactions.
///
/// Threads:  one at a time.
class SplitQueue {
 public:
  explicit SplitQueue(Batch batch);
  [[nodiscard]] bool empty() const { return parts_.empty(); }
  /// Removes and returns the first part.
  /// Needs:    not empty.
  [[nodiscard]] Batch take();
  /// The part just taken comes again as it was.
  void put_back(Batch part);
  /// The part just taken comes again in two halves.
  /// Needs:    at least two entries.
  void put_back_halves(Batch part);
  /// All entries of a source come behind those of the others, as one part.
  void set_apart(const std::string& source);
  /// Leaves out all entries of a group: one before them has to wait, and they keep their order.
  void drop_group(const OrderGroup& group);
  /// Leaves out all entries of a source.
  void drop_source(const std::string& source);

 private:
  template <class Dropped>
  void drop(Dropped dropped);

  std::vector<Batch> parts_;  ///< The last one is the first to come, none is empty.
};

}  // namespace holdfast::relay
