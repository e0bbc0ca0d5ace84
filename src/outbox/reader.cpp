#include "outbox/reader.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <format>
#include <utility>

#include "base/check.hpp"
#include "outbox/key_run.hpp"
#include "outbox/rows.hpp"
#include "outbox/sqlite.hpp"

namespace holdfast::outbox {
namespace {

std::string entry_sql(const char* condition) {
  return std::format(
      "SELECT {}, {} FROM entry CROSS JOIN source ON source.id = entry.source_id "
      "LEFT JOIN payload ON payload.seq = entry.seq WHERE {}",
      summary_columns, payload_columns, condition);
}

/// A claim of no more is that of a backlog that has nearly gone.
constexpr std::size_t few_entries = 64;
/// The largest batch that a configuration may ask for.
constexpr std::size_t many_entries = 10'000;

/// One read snapshot over several statements.
class Snapshot {
 public:
  explicit Snapshot(SQLite::Database& database) : database_(database) {
    // The end of the last one may have found no memory.
    if (sqlite3_get_autocommit(database_.getHandle()) == 0) database_.exec("ROLLBACK");
    database_.exec("BEGIN");
  }
  ~Snapshot() { database_.tryExec("ROLLBACK"); }
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;

 private:
  SQLite::Database& database_;
};

/// Binds a numbered parameter if the statement has it.
template <class T>
void bind_if(SQLite::Statement& statement, int index, const std::optional<T>& value) {
  if (value) bind(statement, index, *value);
}

}  // namespace

/// The pending entries of one source that a claim may have, in order.
class Reader::Cursor {
 public:
  Cursor(SQLite::Statement& statement, const ClaimSource& source, const ClaimRequest& request,
         std::int64_t& passed_seq)
      : use_(statement, source.id, std::max(request.after_seq, passed_seq)),
        group_{source.name, std::nullopt},
        request_(request),
        ungrouped_is_ours_(is_ours()) {
    advance();
    if (request.after_seq <= passed_seq) passed_seq = std::max(passed_seq, others_up_to_);
  }
  void advance() {
    seq_.reset();
    while (!seq_ && use_.step())
      if (const auto seq = use_.column(0).getInt64(); may_be_claimed(seq)) seq_ = seq;
  }
  [[nodiscard]] std::optional<std::int64_t> seq() const { return seq_; }

 private:
  [[nodiscard]] bool is_ours() const {
    return shard_of(group_, request_.shard.count) == request_.shard.index;
  }
  [[nodiscard]] bool may_be_claimed(std::int64_t seq) {
    const bool ungrouped = use_.is_null(1);
    group_.order_hash = ungrouped ? std::nullopt : std::optional(use_.column(1).getInt64());
    const bool ours = ungrouped ? ungrouped_is_ours_ : is_ours();
    met_ours_ = met_ours_ || ours;
    if (!met_ours_) others_up_to_ = seq;
    return ours && (!request_.only || group_ == *request_.only) &&
           !std::ranges::binary_search(request_.except, group_) &&
           !std::ranges::binary_search(request_.except_seqs, seq);
  }

  Use use_;
  OrderGroup group_;  ///< Of the row that the statement is at.
  const ClaimRequest& request_;
  const bool ungrouped_is_ours_;
  bool met_ours_ = false;
  std::int64_t others_up_to_ = 0;  ///< Nothing of this shard is at or before this seq.
  std::optional<std::int64_t> seq_;
};

Reader::Reader(SQLite::Database database)
    : database_(std::move(database)),
      find_source_(database_, "SELECT id FROM source WHERE name = ?"),
      find_by_seq_(database_, entry_sql("entry.seq = ?")),
      find_by_id_(database_, entry_sql("entry.id = ?")),
      find_attempts_(
          database_,
          "SELECT at, sqlstate, class, error FROM attempt WHERE seq = ? ORDER BY number") {}

Claimed Reader::claim(const ClaimRequest& request) {
  const Snapshot snapshot(database_);
  std::list<Cursor> cursors = open_cursors(request);
  const std::size_t entries_max = std::max<std::uint32_t>(request.entries_max, 1);
  Claimed claimed;
  std::uint64_t bytes = 0;
  bool full = false;
  while (!full && claimed.entries.size() < entries_max) {
    Cursor* next = nullptr;
    for (auto& cursor : cursors)
      if (cursor.seq() && (next == nullptr || *cursor.seq() < *next->seq())) next = &cursor;
    if (next == nullptr) break;
    // An entry is large to move. Where there are so many, there are probably as many as are wanted.
    if (claimed.entries.size() == few_entries)
      claimed.entries.reserve(std::min(entries_max, many_entries));
    claim_one(*next->seq(), request, bytes, claimed, full);
    next->advance();
  }
  return claimed;
}

void Reader::claim_one(std::int64_t seq, const ClaimRequest& request, std::uint64_t& bytes,
                       Claimed& claimed, bool& full) {
  if (damaged_seqs_.contains(seq)) return;
  Use row(find_by_seq_, seq);
  if (!row.step()) throw_damaged(seq, "is in the index of pending ones but not there");
  Entry entry;
  read_summary(row, entry);
  bytes += static_cast<std::uint64_t>(entry.body_bytes);
  // The body has not been read yet: SQLite loads its pages with the column.
  full = !claimed.entries.empty() && bytes > request.bytes_max;
  if (full) return;
  const auto payload = read_payload(row, entry);
  // Not set aside: a salvage may find it in a page that no tree leads to any more.
  if (payload == PayloadState::missing) throw_damaged(seq, "is pending without a payload");
  if (payload == PayloadState::whole) {
    claimed.entries.push_back(std::move(entry));
  } else {
    damaged_seqs_.insert(seq);
    claimed.damaged.push_back({seq, entry.id, entry.source});
  }
}

std::list<Reader::Cursor> Reader::open_cursors(const ClaimRequest& request) {
  HOLDFAST_CHECK(request.shard.index < request.shard.count, "a shard is one of all");
  std::vector<ClaimSource> sources;
  for (const auto& name : request.sources) {
    Use find(find_source_, name);
    if (find.step()) sources.push_back({find.column(0).getInt64(), name});
  }
  std::ranges::sort(sources, {}, &ClaimSource::id);
  const auto repeated = std::ranges::unique(sources, {}, &ClaimSource::id);
  sources.erase(repeated.begin(), repeated.end());
  while (cursors_.size() < sources.size())
    cursors_.emplace_back(database_,
                          "SELECT seq, order_hash FROM entry INDEXED BY entry_pending "
                          "WHERE state = 0 AND source_id = ? AND seq > ? ORDER BY seq");
  std::list<Cursor> cursors;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    auto& passed_seq = passed_seqs_[{sources[i].id, request.shard.index, request.shard.count}];
    cursors.emplace_back(cursors_[i], sources[i], request, passed_seq);
  }
  return cursors;
}

std::optional<Entry> Reader::find(const Uuid& id) {
  const Snapshot snapshot(database_);
  Use row(find_by_id_, id);
  if (!row.step()) return std::nullopt;
  Entry entry;
  read_summary(row, entry);
  const auto payload = read_payload(row, entry);
  entry.payload_damaged =
      payload == PayloadState::damaged || (payload == PayloadState::missing && entry.payload_kept);
  if (payload == PayloadState::missing) entry.payload_kept = false;
  Use attempt(find_attempts_, entry.seq);
  while (attempt.step())
    entry.attempts.push_back({time_from(attempt.column(0)), attempt.column(1).getString(),
                              attempt.column(2).getString(), attempt.column(3).getString()});
  return entry;
}

ListScope Reader::list_scope() {
  const Snapshot snapshot(database_);
  ListScope scope;
  // Each is one step down the b-tree; min and max in one query would be a scan.
  scope.first_seq = query_number(database_, "SELECT ifnull(min(seq), 1) FROM entry");
  scope.last_seq = query_number(database_, "SELECT ifnull(max(seq), 0) FROM entry");
  SQLite::Statement sources(database_, "SELECT name, id FROM source");
  while (sources.executeStep())
    scope.sources.emplace(sources.getColumn(0).getString(), sources.getColumn(1).getInt64());
  return scope;
}

void Reader::list_window(const ListRequest& request, const ListScope& scope,
                         const SeqWindow& window, std::vector<EntrySummary>& page) {
  // What leaves memory for the index between two reads would be in neither.
  const Snapshot snapshot(database_);
  std::vector<std::int64_t> indexed;
  if (const auto hashes = wanted_hashes(request, scope); !hashes.empty()) {
    KeyRunReader keys(database_);
    for (const auto& run : keys.load())
      for (const auto hash : hashes) keys.find(run, hash, indexed);
  }
  const std::string sql = list_sql(request, scope, indexed);
  if (sql.empty()) return;
  const auto limit = std::min(request.limit, list_limit_max);
  SQLite::Statement select(database_, sql);
  bind_if(select, 4, request.dedupe_key);
  bind_if(select, 5, request.sqlstate);
  bind_if(select, 6, request.since);
  bind_if(select, 7, request.until);
  const auto left = static_cast<std::int64_t>(limit) - static_cast<std::int64_t>(page.size());
  Use row(select, window.low, window.high, left);
  while (row.step()) read_summary(row, page.emplace_back());
}

}  // namespace holdfast::outbox
