#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "holdfast/entry.hpp"
#include "holdfast/export.hpp"
#include "holdfast/failure.hpp"

namespace holdfast {

/// How far a file system can be trusted with an outbox.
enum class FilesystemTrust {
  fine,       ///< Local, as far as is known.
  goes_away,  ///< What is stored ends with the machine or the container.
  unsafe,     ///< Locks or fsync cannot be relied on.
};

/// One of the files of an outbox.
struct OutboxFile {
  std::string path;         ///< With links resolved.
  std::uint64_t bytes = 0;  ///< Its size.
  std::uint32_t mode = 0;   ///< The permission bits.
};

/// What can be seen of an outbox and its place, with a daemon or without.
struct OutboxFacts {
  std::string folder;      ///< Where its files are, with links resolved.
  std::string filesystem;  ///< "NFS"; empty for one that nothing is known against.
  FilesystemTrust trust = FilesystemTrust::fine;  ///< What `filesystem` means for an outbox.
  std::uint64_t used_bytes = 0;       ///< Pages in use, without the WAL; 0 before the first start.
  std::uint64_t wal_bytes = 0;        ///< Size of the WAL's file.
  std::uint64_t disk_free_bytes = 0;  ///< Of the folder's disk.
  std::vector<OutboxFile> files;      ///< Those that are there.
  std::optional<Uuid> node;           ///< Of the outbox itself; none before the first start.
  std::optional<int> daemon_pid;      ///< Of the last daemon that has locked it; it may have ended.
  bool is_locked = false;             ///< A process that this one can see has it open now.
};

/// Looks at an outbox and its place, and changes nothing.
///
/// Threads:  any.
/// Errors:   refused (no such folder, not ours), unavailable, broken.
[[nodiscard]] HOLDFAST_EXPORT std::expected<OutboxFacts, Failure> look_at_outbox(
    const std::string& path);

/// What a check of an outbox has found.
struct IntegrityFindings {
  std::optional<std::string> damage;  ///< The first thing found.
  bool complete = true;               ///< False: the time ended before all was read.
};
/// Reads the tables and indexes of an outbox and says whether they are what they must be.
///
/// Threads:  any.
/// Blocks:   for `limit`, which is also how long the WAL cannot be emptied; nullopt: until all was
///           read, about a minute for 10 GiB.
/// Errors:   as look_at_outbox. Damage is no error but a finding.
[[nodiscard]] HOLDFAST_EXPORT std::expected<IntegrityFindings, Failure> check_outbox(
    const std::string& path, std::optional<std::chrono::milliseconds> limit);

}  // namespace holdfast
