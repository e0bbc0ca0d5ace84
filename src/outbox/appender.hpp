#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/uuid.hpp"
#include "holdfast/outbox.hpp"
#include "outbox/key_index.hpp"
#include "outbox/meta.hpp"
#include "outbox/multi_insert.hpp"
#include "outbox/ticket.hpp"

namespace holdfast::outbox {

/// What is known of a key before anything is written.
struct KnownKey {
  Uuid first_id;
  std::int64_t seq = 0;    ///< Row whose commit makes the answer durable.
  bool same_body = false;  ///< False: the body differs from the first copy's.
  bool body_kept = false;  ///< A differing body is already kept as a conflict.
};

/// Finds duplicates and inserts rows, inside the transaction that its owner opened. Rows are put
/// together before they are inserted: until `flush`, or the next that are too many.
///
/// Threads:  the writer.
/// Errors:   throws SQLite::Exception.
class Appender {
 public:
  /// Needs:    `keys` outlives it.
  Appender(SQLite::Database& database, const Uuid& last_id, KeyIndex& keys);
  ~Appender();
  Appender(const Appender&) = delete;
  Appender& operator=(const Appender&) = delete;

  /// The first copy of the entry's key, be it committed or in this transaction; nullopt if new.
  [[nodiscard]] std::optional<KnownKey> find_known(const AppendTicket::Shared& append);
  /// Inserts the entry as pending; counts it in `meta`.
  ///
  /// Needs:    `append` lives until the next flush.
  Uuid insert(const AppendTicket::Shared& append, WallTime now, Meta& meta);
  /// Keeps the differing body of a known key as a discarded entry.
  void insert_conflict(const AppendTicket::Shared& append, const Uuid& first_id, WallTime now,
                       Meta& meta);
  /// Changes `meta` and nothing else, by an id that nobody gets.
  void skip_id(WallTime now, Meta& meta) { meta.last_id = ids_.next(now); }
  /// Inserts what is still put together. Before others look at the rows, and before the commit.
  void flush();
  /// Forgets what a transaction that was rolled back has put into memory.
  void forget();

 private:
  struct Row;
  Uuid insert_row(Row row, WallTime now, Meta& meta);
  [[nodiscard]] std::optional<std::int64_t> find_source_id(const std::string& name);
  [[nodiscard]] std::int64_t source_id(const std::string& name);
  [[nodiscard]] std::optional<std::int64_t> find_conflict(const AppendTicket::Shared& append,
                                                          const Uuid& first_id,
                                                          std::int64_t source);

  KeyIndex& keys_;
  base::UuidV7Generator ids_;
  std::map<std::string, std::int64_t> source_ids_;
  SQLite::Statement find_source_;
  SQLite::Statement insert_source_;
  SQLite::Statement find_entry_;
  MultiInsert insert_entries_;
  MultiInsert insert_new_entries_;  ///< Without what only others have.
  MultiInsert insert_payloads_;
  std::unique_ptr<std::vector<Row>> rows_;  ///< Not inserted yet.
};

}  // namespace holdfast::outbox
