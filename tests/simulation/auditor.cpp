#include "auditor.hpp"

#include <algorithm>
#include <format>

#include "base/encoding.hpp"
#include "trace.hpp"

/// What was promised, and whether the outbox keeps it. What comes to Postgres:
/// auditor_postgres.cpp.
namespace holdfast::simulation {
namespace {

std::string about(const EntrySummary& entry) {
  return std::format("seq {} of {}, {}", entry.seq, entry.source, to_string(entry.state));
}

bool keeps_payload(EntryState state) {
  return state == EntryState::pending || state == EntryState::dead;
}

bool is_conflict(const EntrySummary& entry) {
  return entry.state == EntryState::discarded && entry.reason == "key_conflict";
}

}  // namespace

std::optional<std::vector<EntrySummary>> list_all(Outbox& outbox, std::optional<EntryState> state) {
  std::vector<EntrySummary> all;
  for (;;) {
    ListRequest request;
    request.state = state;
    request.oldest_first = true;
    request.limit = list_limit_max;
    if (!all.empty()) request.beyond_seq = all.back().seq;
    auto page = outbox.list(request);
    if (!page) return std::nullopt;
    const bool last = page->size() < list_limit_max;
    all.insert(all.end(), page->begin(), page->end());
    if (last) return all;
  }
}

void Auditor::sent(const Write& write) {
  bodies_[base::sha256(body_of(write))] = write.number;
  writes_[write.number] = write;
  ++sends_[write.number];
}

std::optional<Uuid> Auditor::first_copy(const Write& write) const {
  const auto key = dedupe_key_of(write);
  if (!key) return std::nullopt;
  const auto found = first_copies_.find({write.source, *key});
  return found == first_copies_.end() ? std::nullopt : std::optional(found->second);
}

int Auditor::write_under(const Uuid& id) const {
  if (const auto fresh = fresh_.find(id); fresh != fresh_.end()) return fresh->second;
  const auto known = records_.find(id);
  return known == records_.end() ? 0 : known->second.write;
}

void Auditor::acknowledged(const Write& write, const Uuid& id, std::optional<bool> duplicate) {
  ++accepted_;
  const auto known = first_copy(write);
  const bool is_new = write_under(id) == 0;
  const auto name = std::format("write {} of {}", write.number, write.source);
  if (duplicate) demand(*duplicate == !is_new, "only a known key is called a duplicate", name);
  if (is_new) {
    // The receipt of the first copy may have gone a moment ago, but nothing else may.
    if (known) receipts_gone_.push_back(*known);
    demand(id > highest_id_, "ids grow in commit order",
           std::format("{}: {} after {}", name, id.to_string(), highest_id_.to_string()));
    highest_id_ = id;
    fresh_.emplace(id, write.number);
    if (const auto key = dedupe_key_of(write)) first_copies_[{write.source, *key}] = id;
    return;
  }
  demand(known == id, "a duplicate is answered with the id of its first copy", name);
  if (write_under(id) != write.number) conflicts_.insert(write.number);
}

void Auditor::operator_changed(const Uuid& id, EntryState to) {
  Record& record = records_.at(id);
  record.by_operator = true;
  record.last.state = to;
}

void Auditor::operator_asked(const Uuid& id, EntryState to) {
  Record& record = records_.at(id);
  record.by_operator = true;
  record.asked = to;
}

std::vector<Uuid> Auditor::ids_in(EntryState state) const {
  std::vector<Uuid> ids;
  for (const auto& [id, record] : records_)
    if (record.listed && record.last.state == state) ids.push_back(id);
  return ids;
}

void Auditor::look(World& world) {
  look_at_rows(world);
  if (!world.alive()) return;
  const auto list = list_all(*world.outbox);
  if (!list) return;  // A disk that cannot be read now; what it holds shows later.
  look_at_list(*list);
  look_at_expected();
  look_at_stats(world, *list);
}

void Auditor::look_at_list(const std::vector<EntrySummary>& list) {
  std::set<Uuid> listed;
  first_copies_.clear();
  const EntrySummary* before = nullptr;
  for (const auto& entry : list) {
    demand(before == nullptr || (entry.seq > before->seq && entry.id > before->id),
           "ids grow in commit order",
           std::format("{} after seq {}, ids {} and {}", about(entry), before ? before->seq : 0,
                       before ? before->id.to_string() : "", entry.id.to_string()));
    before = &entry;
    listed.insert(entry.id);
    const auto [position, added] = records_.try_emplace(entry.id);
    Record& record = position->second;
    if (added) {
      look_at_new(entry);
      record.write = bodies_.at(entry.body_sha256);
    } else {
      look_at_change(record, entry);
    }
    demand(entry.payload_kept || !keeps_payload(entry.state),
           "what is pending or dead keeps its payload", about(entry));
    record.last = entry;
    record.listed = true;
    if (entry.dedupe_key && !entry.conflicts_with)
      first_copies_[{entry.source, *entry.dedupe_key}] = entry.id;
  }
  if (before != nullptr) {
    highest_seq_ = std::max(highest_seq_, before->seq);
    highest_listed_id_ = std::max(highest_listed_id_, before->id);
    highest_id_ = std::max(highest_id_, before->id);
  }
  for (auto& [id, record] : records_) {
    if (!record.listed || listed.contains(id)) continue;
    record.listed = false;
    look_at_gone(record);
  }
}

void Auditor::look_at_new(const EntrySummary& entry) {
  demand(entry.seq > highest_seq_, "a seq is given once", about(entry));
  demand(entry.id > highest_listed_id_, "ids grow in commit order", about(entry));
  const auto body = bodies_.find(entry.body_sha256);
  demand(body != bodies_.end(), "only what was sent is stored", about(entry));
  const Write& write = writes_.at(body->second);
  demand(write.source == entry.source && dedupe_key_of(write) == entry.dedupe_key,
         "an entry has the source and the key of its write", about(entry));
  demand(entry.state == EntryState::pending || is_conflict(entry),
         "a new entry is pending, or a kept conflict", about(entry));
}

void Auditor::look_at_change(const Record& record, const EntrySummary& now) const {
  using enum EntryState;
  const EntrySummary& was = record.last;
  demand(was.seq == now.seq && was.source == now.source && was.body_sha256 == now.body_sha256 &&
             was.order_hash == now.order_hash && was.dedupe_key == now.dedupe_key,
         "an entry stays what it is", about(now));
  if (now.state == delivered)
    demand(arrived(now), "delivered means that Postgres has it", about(now));
  if (was.state == now.state || record.asked == now.state) return;
  demand(was.state == pending, "only an operator changes what is settled", about(now));
  demand(now.state != discarded, "only an operator discards", about(now));
  if (now.state != dead) return;
  demand(record.data_alone >= 2 || record.parent_alone >= 3,
         "dead only after refusals that met this entry alone", about(now));
  demand(now.sqlstate.has_value() && now.reason == "data_error", "a dead entry says why",
         about(now));
}

void Auditor::look_at_gone(const Record& record) const {
  demand(record.last.state != EntryState::dead, "what is dead is never removed",
         about(record.last));
  if (record.last.state != EntryState::pending) return;
  demand(arrived(record.last), "what is pending is never removed", about(record.last));
}

void Auditor::look_at_expected() {
  for (const auto& [id, write] : fresh_) {
    const auto found = records_.find(id);
    demand(found != records_.end(), "2xx means on disk", std::format("write {}", write));
    demand(found->second.write == write, "an id is that of its write", about(found->second.last));
    found->second.acknowledged = true;
  }
  fresh_.clear();
  for (const auto& id : receipts_gone_)
    demand(!records_.at(id).listed, "a known key is answered as a duplicate",
           about(records_.at(id).last));
  receipts_gone_.clear();
  // Some providers count their tries in the body, so one body of a write stands for all. One that
  // was kept before may have been removed since, when its time was over.
  for (const int number : conflicts_)
    demand(std::ranges::any_of(records_,
                               [&](const auto& known) { return known.second.write == number; }),
           "the differing body of a known key is kept", std::format("write {}", number));
  conflicts_.clear();
}

void Auditor::look_at_stats(const World& world, const std::vector<EntrySummary>& list) const {
  std::array<std::uint64_t, 4> entries{};
  std::uint64_t pending_bytes = 0;
  for (const auto& entry : list) {
    ++entries[static_cast<std::size_t>(entry.state)];
    if (entry.state == EntryState::pending)
      pending_bytes += static_cast<std::uint64_t>(entry.body_bytes);
  }
  const OutboxStats stats = world.outbox->stats();
  demand(stats.entries == entries, "the counts of the outbox are those of its rows",
         std::format("{} and {} pending", stats.entries[0], entries[0]));
  demand(stats.pending_body_bytes == pending_bytes, "the pending bytes are those of its rows");
  // Outcomes are not limited, for they make room: they go to the WAL until it is emptied.
  constexpr std::uint64_t slack_bytes = 5 * mib;
  demand(stats.bytes <= stats.bytes_max + slack_bytes, "the outbox keeps to max_size",
         std::format("{} of {} bytes", stats.bytes, stats.bytes_max));
}

}  // namespace holdfast::simulation
