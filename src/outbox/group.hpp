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

/// What an operator does to entries.
struct ChangeWork {
  EntryAction action = EntryAction::discard;
  std::vector<Uuid> ids;
  AuditEvent event;                  ///< Written if anything is changed; without number and time.
  std::vector<EntryChange> changes;  ///< Owned by the writer; the answer once it is durable.
  Completion<std::expected<std::vector<EntryChange>, Failure>> answer;
};

/// A line of the audit log, and the operator's pause or its end that it is about, if any.
struct NoteWork {
  AuditEvent event;  ///< Without number and time.
  std::optional<bool> paused;
  std::string source;   ///< Of the pause; empty: everything.
  bool changed = true;  ///< Owned by the writer; false: it was so already.
  Completion<std::expected<bool, Failure>> answer;
};

/// What the writer is asked to do: an append, a settlement, or what operators want.
using Work = std::variant<std::shared_ptr<AppendTicket::Shared>, std::shared_ptr<SettleWork>,
                          std::shared_ptr<ChangeWork>, std::shared_ptr<NoteWork>>;

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
/// Adds to a group, up to the caps.
void take_more(std::deque<Work>& waiting, const GroupCaps& caps, std::vector<Work>& group);

}  // namespace holdfast::outbox
