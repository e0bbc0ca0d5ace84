#include <algorithm>
#include <format>
#include <utility>

#include "auditor.hpp"
#include "trace.hpp"

/// What comes to Postgres: each batch before it is judged, and each row behind it.
namespace holdfast::simulation {
namespace {

OrderGroup group_of(const EntrySummary& entry) {
  return {entry.source, entry.order_hash};
}

std::string about(const EntrySummary& entry) {
  return std::format("seq {} of {}", entry.seq, entry.source);
}

std::uint32_t shard_in(const World& world, const Entry& entry) {
  return holdfast::shard_of(group_of(entry), world.settings().destination.connections);
}

}  // namespace

const Write* Auditor::write_of(const Entry& entry) const {
  const auto body = bodies_.find(entry.body_sha256);
  return body == bodies_.end() ? nullptr : &writes_.at(body->second);
}

void Auditor::operator_paused(const std::optional<std::string>& source, bool paused) {
  if (!source) {
    all_paused_ = paused;
  } else if (paused) {
    paused_.insert(*source);
  } else {
    paused_.erase(*source);
  }
}

/// In each group what is sent is the beginning of what is pending, in its order: nothing overtakes,
/// and nothing is sent that is settled already. What Postgres has taken with the batch just before
/// may still be pending, where the outbox could not be written meanwhile.
void Auditor::on_batch(World& world, std::span<const Entry> batch) {
  demand(!all_paused_, "nothing is sent while an operator has paused everything");
  std::map<OrderGroup, std::vector<const Entry*>> groups;
  for (const auto& entry : batch) {
    demand(!paused_.contains(entry.source), "nothing of a paused source is sent", entry.source);
    const Write* const write = write_of(entry);
    demand(write != nullptr && entry.body.size() == static_cast<std::size_t>(entry.body_bytes),
           "what is sent is what was accepted", about(entry));
    groups[group_of(entry)].push_back(&entry);
  }
  const auto taken = std::exchange(taken_[shard_in(world, batch.front())], {});
  const auto pending = list_all(*world.outbox, EntryState::pending);
  if (!pending) return;
  std::map<OrderGroup, std::size_t> sent;
  for (const auto& entry : *pending) {
    const auto group = groups.find(group_of(entry));
    if (group == groups.end()) continue;
    auto& count = sent[group->first];
    if (count == group->second.size()) continue;
    if (group->second[count]->seq != entry.seq && taken.contains(entry.seq)) continue;
    demand(group->second[count]->seq == entry.seq, "nothing overtakes within its group",
           std::format("{} before seq {}", about(*group->second[count]), entry.seq));
    ++count;
  }
  for (const auto& [group, entries] : groups)
    demand(sent[group] == entries.size(), "only what is pending is sent", about(*entries.back()));
}

void Auditor::on_taken(const World& world, std::span<const Entry> batch) {
  auto& taken = taken_[shard_in(world, batch.front())];
  for (const auto& entry : batch) taken.insert(entry.seq);
}

void Auditor::on_refused_alone(const Entry& entry, DeliveryClass delivery_class) {
  const auto found = records_.find(entry.id);
  if (found == records_.end()) return;
  Record& record = found->second;
  if (delivery_class == DeliveryClass::data) ++record.data_alone;
  if (delivery_class == DeliveryClass::foreign_key) ++record.parent_alone;
  if (delivery_class == DeliveryClass::timeout) ++record.timeout_alone;
}

bool Auditor::arrived(const EntrySummary& entry) const {
  if (arrived_.contains(entry.id)) return true;
  if (!entry.dedupe_key) return false;
  const auto held = keys_.find({entry.source, *entry.dedupe_key});
  if (held == keys_.end()) return false;
  return entry.state != EntryState::delivered || entry.duplicate_of == held->second;
}

void Auditor::look_at_rows(const World& world) {
  for (const auto& row : world.destination.rows_from(rows_)) {
    look_at_row(row);
    ++rows_;
  }
  for (const auto& [source, rows] : rows_of_)
    demand(world.destination.counter(source) == rows, "each effect is there exactly once", source);
}

void Auditor::look_at_row(const support::FakeDestination::Row& row) {
  const auto found = records_.find(row.id);
  demand(found != records_.end(), "Postgres gets only what is in the outbox",
         std::format("seq {}", row.seq));
  const Record& record = found->second;
  demand(record.last.state == EntryState::pending, "only what is pending is sent",
         about(record.last));
  demand(arrived_.insert(row.id).second, "each entry is one row", about(record.last));
  if (row.dedupe_key)
    demand(keys_.try_emplace({row.source, *row.dedupe_key}, row.id).second, "each key is one row",
           about(record.last));
  ++rows_of_[row.source];
  const int write = record.write;
  demand(++rows_of_write_[write] <= sends_.at(write), "a write is there as often as it was sent",
         about(record.last));
  auto& last_seq = last_seq_[{row.source, row.order_hash}];
  // One that an operator made pending again comes late; on_batch sees that it comes first then.
  demand(row.seq > last_seq || record.by_operator, "a group arrives in commit order",
         about(record.last));
  last_seq = std::max(last_seq, row.seq);
}

void Auditor::look_at_the_end(World& world) {
  look(world);
  for (const auto& [id, record] : records_) {
    const auto state = record.last.state;
    demand(!record.listed || state != EntryState::pending, "everything settles in the end",
           about(record.last));
    const bool aside = state == EntryState::dead || state == EntryState::discarded;
    if (!aside) demand(arrived(record.last), "everything accepted arrives", about(record.last));
    if (!record.listed) continue;
    const auto entry = world.outbox->find(id);
    demand(entry && *entry, "an entry can be read", about(record.last));
    std::map<std::string, int> charged;
    for (const auto& attempt : (*entry)->attempts) ++charged[attempt.error_class];
    demand(charged["data"] <= record.data_alone && charged["foreign_key"] <= record.parent_alone &&
               charged["timeout"] <= record.timeout_alone && charged.size() == 3,
           "only what Postgres said of this entry alone is charged", about(record.last));
  }
}

}  // namespace holdfast::simulation
