#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "outbox/key_rows.hpp"

/// Runs of the index of keys as they are in the file; docs/decisions/0020.
namespace holdfast::outbox {

/// Hash and seq of each key of some entries that followed each other, in blocks by the first bits
/// of the hash. Nothing in it changes once it is in the file, but for what is counted as gone.
struct KeyRun {
  std::int64_t id = 0;
  std::int64_t level = 0;
  std::int64_t first_seq = 0;  ///< Of the entries that it covers, with a key or not.
  std::int64_t last_seq = 0;
  unsigned block_bits = 0;  ///< So many bits of a hash number the block.
  std::int64_t keys = 0;
  std::int64_t gone = 0;  ///< Of these the entry was removed since.

  [[nodiscard]] std::size_t blocks() const { return std::size_t{1} << block_bits; }
  [[nodiscard]] std::size_t block_of(std::int64_t hash) const {
    return key_prefix(hash, block_bits);
  }
  bool operator==(const KeyRun&) const = default;
};

/// The least bits for which a block of so many keys fits a page, nearly always.
[[nodiscard]] unsigned block_bits_for(std::size_t keys);

[[nodiscard]] std::string encode_key_block(std::span<const KeyRows::Row> rows);
/// Where a block of a run is in the table. The way back throws as below for what no run has.
[[nodiscard]] std::int64_t key_block_id(std::int64_t run, std::size_t block);
[[nodiscard]] std::int64_t run_of_key_block(std::int64_t block_id);

/// Reads runs.
///
/// Threads:  that of the connection.
/// Errors:   throws SQLite::Exception; SQLITE_CORRUPT for a run that is not whole.
class KeyRunReader {
 public:
  /// Needs:    `database` outlives it.
  explicit KeyRunReader(SQLite::Database& database);

  /// All runs that count, the oldest first: none has a higher level than an older one.
  [[nodiscard]] std::vector<KeyRun> load();
  /// Adds the seqs of a hash; their entries may be gone.
  void find(const KeyRun& run, std::int64_t hash, std::vector<std::int64_t>& seqs);
  /// Adds the rows of all hashes whose first `bits` are `prefix`.
  void read(const KeyRun& run, unsigned bits, std::size_t prefix, KeyRows::Part& rows);

 private:
  SQLite::Statement load_;
  SQLite::Statement find_;
  SQLite::Statement read_;
};

/// True if each entry that the index should have by now is in it. Reads all of both.
[[nodiscard]] bool all_keys_are_indexed(SQLite::Database& database);

}  // namespace holdfast::outbox
