#include "outbox/meta.hpp"

#include <cstdint>
#include <optional>

#include "base/uuid.hpp"
#include "holdfast/failure.hpp"
#include "outbox/sqlite.hpp"

namespace holdfast::outbox {
namespace {

std::optional<Meta> read_meta(SQLite::Database& database) {
  SQLite::Statement select(database,
                           "SELECT node, next_seq, last_id, pending, delivered, dead, discarded, "
                           "pending_bytes FROM meta");
  Use use(select);
  if (!use.step()) return std::nullopt;
  Meta meta{uuid_from(use.column(0)), use.column(1).getInt64(), uuid_from(use.column(2)), {}, 0};
  for (std::size_t i = 0; i < meta.entries.size(); ++i)
    meta.entries[i] = static_cast<std::uint64_t>(use.column(static_cast<int>(3 + i)).getInt64());
  meta.pending_bytes = static_cast<std::uint64_t>(use.column(7).getInt64());
  return meta;
}

}  // namespace

void Meta::add_pending(std::uint64_t body_bytes) {
  ++count(EntryState::pending);
  pending_bytes += body_bytes;
}

void Meta::move(std::uint64_t body_bytes, EntryState from, EntryState to, std::uint64_t moved) {
  // No defect but damage: the next start finds it and salvages the file.
  const auto require = [](bool fits) {
    if (!fits)
      throw Error({FailureKind::broken,
                   "writing to the outbox: its counters do not fit its entries, the file is "
                   "damaged; start again, which salvages it"});
  };
  require(count(from) >= moved);
  count(from) -= moved;
  count(to) += moved;
  if (from == EntryState::pending) {
    require(pending_bytes >= body_bytes);
    pending_bytes -= body_bytes;
  }
  if (to == EntryState::pending) pending_bytes += body_bytes;
}

Meta load_meta(SQLite::Database& database) {
  // max() over the primary key is one step down the b-tree, not a scan.
  const auto last_seq = query_number(database, "SELECT ifnull(max(seq), 0) FROM entry");
  auto meta = read_meta(database);
  if (!meta && last_seq == 0) {
    meta = Meta{base::random_uuid(), 1, Uuid{}, {}, 0};
    SQLite::Statement insert(database, "INSERT INTO meta VALUES (1, ?, 1, ?, 0, 0, 0, 0, 0)");
    run(insert, meta->node, meta->last_id);
  }
  if (!meta || meta->next_seq <= last_seq)
    throw Error({FailureKind::broken,
                 "opening the outbox: its counters do not fit its entries, the file is damaged: "
                 "the daemon's "
                 "start salvages it"});
  return *meta;
}

MetaWriter::MetaWriter(SQLite::Database& database)
    : update_(database,
              "UPDATE meta SET next_seq = ?, last_id = ?, pending = ?, delivered = ?, dead = ?, "
              "discarded = ?, pending_bytes = ?") {}

void MetaWriter::save(const Meta& meta) {
  const auto count = [&](EntryState state) { return static_cast<std::int64_t>(meta.count(state)); };
  run(update_, meta.next_seq, meta.last_id, count(EntryState::pending),
      count(EntryState::delivered), count(EntryState::dead), count(EntryState::discarded),
      static_cast<std::int64_t>(meta.pending_bytes));
}

}  // namespace holdfast::outbox
