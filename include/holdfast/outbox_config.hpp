#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "holdfast/bytes.hpp"

namespace holdfast {

/// Where the outbox is, how large it may grow, and how long it keeps what is done with.
/// Who reads it from a file gets the ranges checked; who fills it by hand keeps to them.
struct OutboxConfig {
  /// The SQLite file; made with mode 0600 where there is none, in a folder that exists, on a local
  /// file system. "holdfast.db" in the working folder. Beside it lie -wal, -shm, .lock and .state.
  std::string path = "holdfast.db";
  /// Used pages plus WAL, in bytes. 8 GiB, days of an outage for most; 1 MiB to 16 TiB. A new entry
  /// counts twice, for it is in the file and in the WAL until the next checkpoint. Less: 503 sooner
  /// in an outage of Postgres. More: the disk fills up first, and disk_reserve_bytes stops it.
  std::uint64_t max_size_bytes = 8 * gib;
  /// Free bytes of the disk that are never used. 256 MiB, for the system and its logs; 0 (none) to
  /// 16 TiB. Less: other programs meet a full disk. More: 503 sooner.
  std::uint64_t disk_reserve_bytes = 256 * mib;
  /// How long payloads of delivered entries stay. 24 h, to look at and replay those of yesterday;
  /// 0 to 3,650 days. Less: nothing to look at afterwards. More: a larger file, and personal data
  /// that is kept longer. They go earlier where room is short.
  std::chrono::milliseconds keep_delivered{std::chrono::hours(24)};
  /// How long discarded entries stay. 7 days, so that a mistake may be noticed a week later; 0 to
  /// 3,650 days. Less: less time to notice it. More: a larger file.
  std::chrono::milliseconds keep_discarded{std::chrono::hours(24 * 7)};
  /// How long after its delivery an entry's receipt recognises a repeat; at least as long as its
  /// payload is kept. 24 h, as most providers repeat within that, and Postgres's unique key covers
  /// what is older; 0 to 3,650 days. Less: late repeats are answered as new, and travel to Postgres
  /// once more. More: a larger file, by about 200 bytes a receipt.
  std::chrono::milliseconds dedupe_window{std::chrono::hours(24)};
  /// Opens on NFS, CIFS, FUSE, 9p and the like, too. False: locks and flushes may lie there, so
  /// that with true accepted writes may be lost.
  bool allow_unsafe_filesystem = false;
};

}  // namespace holdfast
