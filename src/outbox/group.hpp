#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <variant>
#include <vector>

#include "holdfast/outbox.hpp"
#include "outbox/ticket.hpp"

namespace holdfast::outbox {

/// Outcomes on their way to the writer.
struct SettleWork {
  std::vector<Settlement> settlements;
  std::vector<AttemptRecord> attempts;
  Completion<SettleAnswer> answer;
};

/// What an operator asks for one entry: to be pending again, or discarded.
struct ChangeWork {
  Uuid id;
  EntryState to = EntryState::discarded;
  EntryChange change;  ///< Owned by the writer; the answer once it is durable.
  Completion<ChangeAnswer> answer;
};

/// What the writer is asked to do: an append, a settlement or an operator's change.
using Work = std::variant<std::shared_ptr<AppendTicket::Shared>, std::shared_ptr<SettleWork>,
                          std::shared_ptr<ChangeWork>>;

/// All but appends: they are few, bounded by what is there already, and settlements make room.
[[nodiscard]] bool is_append(const Work& work);

/// Memory that a piece of work holds while it waits.
[[nodiscard]] std::uint64_t bytes_of(const Work& work);
/// Refuses a piece of work.
void fail(const Work& work, const Failure& failure);

/// Limits of one group commit: the first bounds how long the first of a group waits for the last,
/// the second the memory and the WAL that one transaction takes.
struct GroupCaps {
  std::size_t works_max = 512;
  std::uint64_t bytes_max = 16 * mib;
};

/// Takes the next group off the front of what waits: in order, up to the caps, at least one if any.
[[nodiscard]] std::vector<Work> take_group(std::deque<Work>& waiting, const GroupCaps& caps);

}  // namespace holdfast::outbox
