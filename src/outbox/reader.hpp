#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "holdfast/outbox.hpp"
#include "outbox/list_query.hpp"

namespace holdfast::outbox {

/// A pending entry that is not what was accepted, in its body or headers.
struct DamagedEntry {
  std::int64_t seq = 0;
  Uuid id;
  std::string source;
};
struct Claimed {
  std::vector<Entry> entries;
  std::vector<DamagedEntry> damaged;  ///< Met for the first time; never among the entries.
};

/// A read-only connection with the queries of claim, find and list. It sees a commit only after its
/// sync.
///
/// Threads:  one at a time.
/// Errors:   throws SQLite::Exception, or Error (broken) where a row is damaged.
class Reader {
 public:
  /// Needs:    a connection by open_read_only to a migrated outbox.
  explicit Reader(SQLite::Database database);

  /// Of each body the hash is taken: no flipped bit is delivered as what a sender has sent.
  [[nodiscard]] Claimed claim(const ClaimRequest& request);
  /// An entry before those already claimed is pending again.
  void look_again() {
    passed_seqs_.clear();
    damaged_seqs_.clear();
  }
  [[nodiscard]] std::optional<Entry> find(const Uuid& id);
  [[nodiscard]] SQLite::Database& database() { return database_; }
  /// The range of seqs that a listing has to look at, and the sources that it may name.
  [[nodiscard]] ListScope list_scope();
  /// Appends to `page` what one window of a listing holds, up to the limit of the request.
  void list_window(const ListRequest& request, const ListScope& scope, const SeqWindow& window,
                   std::vector<EntrySummary>& page);

 private:
  class Cursor;
  struct ClaimSource {
    std::int64_t id = 0;
    std::string name;
  };
  [[nodiscard]] std::list<Cursor> open_cursors(const ClaimRequest& request);

  void claim_one(std::int64_t seq, const ClaimRequest& request, std::uint64_t& bytes,
                 Claimed& claimed, bool& full);

  SQLite::Database database_;
  SQLite::Statement find_source_;
  SQLite::Statement find_by_seq_;
  SQLite::Statement find_by_id_;
  SQLite::Statement find_attempts_;
  /// One for each source of a claim: they are read side by side.
  std::vector<SQLite::Statement> cursors_;
  /// By source, shard and number of shards: up to here every pending entry is of other shards. It
  /// stays true until look_again, for new entries come behind it.
  std::map<std::tuple<std::int64_t, std::uint32_t, std::uint32_t>, std::int64_t> passed_seqs_;
  std::set<std::int64_t> damaged_seqs_;  ///< Already handed over as damaged.
};

}  // namespace holdfast::outbox
