#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "holdfast/clock.hpp"
#include "outbox/found_rows.hpp"
#include "outbox/sqlite.hpp"

namespace holdfast::outbox {

/// What a salvage came to.
struct SalvageCounts {
  std::uint64_t entries = 0;  ///< In the new file.
  std::uint64_t pending = 0;  ///< Of these, still to be delivered.
  std::uint64_t damaged = 0;  ///< Of these, set aside now with the reason "damaged".
  std::optional<std::uint64_t>
      missing;  ///< By the counters of the old file, if they could be read.
  bool node_kept = false;
};

/// Makes an outbox out of what is found in another.
///
/// Threads:  one at a time.
/// Errors:   throws SQLite::Exception, as when the disk is full.
class SalvageFile {
 public:
  /// Needs:    no file of this name.
  SalvageFile(const std::string& path, WallTime now);
  /// Takes all that `old` holds. Once.
  [[nodiscard]] SalvageCounts fill(const PageFile& old);

 private:
  void take(FoundRow&& row);
  void take_source(std::int64_t id, const Value& name);
  void take_entry(FoundRow&& row);
  void take_meta(const FoundRow& row);
  void copy(const FoundRow& row, const char* sql);
  void take_payload(const FoundRow& row);
  bool insert_entry(const FoundRow& row);
  [[nodiscard]] bool swap_in_rival(const FoundRow& payload);
  void mend_entry(FoundRow& row);
  void set_aside_rivals();
  void adopt_orphans(const PageFile& old);
  void adopt(std::int64_t seq, const std::optional<Uuid>& known_id);
  void settle_states();
  void name_sources();
  void write_meta();

  SQLite::Database database_;
  const WallTime now_;
  SQLite::Statement insert_entry_;
  SQLite::Statement find_entry_;
  SQLite::Statement insert_payload_;
  SQLite::Statement find_payload_;
  std::unordered_set<std::int64_t> untrusted_;  ///< Seqs of rows that were merely found.
  std::unordered_set<std::int64_t> misfits_;    ///< Seqs whose payload is not what was accepted.
  std::unordered_set<std::int64_t> orphans_;    ///< Seqs of payloads without an entry.
  std::vector<FoundRow> rivals_;                ///< Entries whose seq another one has.
  std::optional<FoundRow> meta_;
  Uuid last_id_;
  SalvageCounts counts_;
};

}  // namespace holdfast::outbox
