#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "holdfast/outbox.hpp"
#include "outbox/list_query.hpp"

namespace holdfast::outbox {

/// A read-only connection with the queries of claim, find and list. It sees a commit only after its
/// sync.
///
/// Threads:  one at a time.
/// Errors:   throws SQLite::Exception, or Error (broken) where a row is damaged.
class Reader {
 public:
  /// Needs:    a connection by open_read_only to a migrated outbox.
  explicit Reader(SQLite::Database database);

  [[nodiscard]] std::vector<Entry> claim(const ClaimRequest& request);
  [[nodiscard]] std::optional<Entry> find(const Uuid& id);
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

  SQLite::Database database_;
  SQLite::Statement find_source_;
  SQLite::Statement find_by_seq_;
  SQLite::Statement find_by_id_;
  SQLite::Statement find_attempts_;
  /// One for each source of a claim: they are read side by side.
  std::vector<SQLite::Statement> cursors_;
  /// By source, shard and number of shards: up to here every pending entry is of other shards. It
  /// stays true, for new entries come behind it.
  std::map<std::tuple<std::int64_t, std::uint32_t, std::uint32_t>, std::int64_t> passed_seqs_;
};

}  // namespace holdfast::outbox
