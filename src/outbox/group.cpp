#include "outbox/group.hpp"

namespace holdfast::outbox {
namespace {

/// What the objects around a payload take; keeps a flood of tiny entries bounded too.
constexpr std::uint64_t work_overhead_bytes = 256;

}  // namespace

std::uint64_t bytes_of(const Work& work) {
  if (const auto* append = std::get_if<std::shared_ptr<AppendTicket::Shared>>(&work))
    return work_overhead_bytes + (*append)->stored_bytes;
  if (const auto* settle = std::get_if<std::shared_ptr<SettleWork>>(&work))
    return work_overhead_bytes +
           ((*settle)->settlements.size() + (*settle)->attempts.size()) * sizeof(Settlement);
  if (const auto* change = std::get_if<std::shared_ptr<ChangeWork>>(&work))
    return work_overhead_bytes + (*change)->ids.size() * (sizeof(Uuid) + sizeof(EntryChange));
  return work_overhead_bytes;
}

bool is_append(const Work& work) {
  return std::holds_alternative<std::shared_ptr<AppendTicket::Shared>>(work);
}

void fail(const Work& work, const Failure& failure) {
  if (const auto* append = std::get_if<std::shared_ptr<AppendTicket::Shared>>(&work)) {
    (*append)->settle(std::unexpected(failure));
  } else {
    std::visit([&](const auto& shared) { shared->answer.set(std::unexpected(failure)); }, work);
  }
}

std::vector<Work> take_group(std::deque<Work>& waiting, const GroupCaps& caps) {
  std::vector<Work> group;
  take_more(waiting, caps, group);
  return group;
}

void take_more(std::deque<Work>& waiting, const GroupCaps& caps, std::vector<Work>& group) {
  if (waiting.empty()) return;
  std::uint64_t bytes = 0;
  for (const auto& work : group) bytes += bytes_of(work);
  while (!waiting.empty() && group.size() < caps.works_max) {
    const std::uint64_t next = bytes_of(waiting.front());
    if (!group.empty() && bytes + next > caps.bytes_max) break;
    bytes += next;
    group.push_back(std::move(waiting.front()));
    waiting.pop_front();
  }
}

}  // namespace holdfast::outbox
