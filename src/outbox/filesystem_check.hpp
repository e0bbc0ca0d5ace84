#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "holdfast/log.hpp"

namespace holdfast::outbox {

enum class FilesystemVerdict {
  fine,    ///< Local, as far as is known.
  warn,    ///< Works, but what is stored goes away with the machine or the container.
  unsafe,  ///< Locks, shared memory or fsync cannot be trusted: no WAL on it.
};

struct FilesystemKind {
  FilesystemVerdict verdict = FilesystemVerdict::fine;
  std::string_view name;  ///< Empty if fine.
};

/// Judges the f_type of statfs. Unknown types count as local disks.
/// Source:   statfs(2); sqlite.org/wal.html ("does not work over a network filesystem").
[[nodiscard]] FilesystemKind classify_filesystem(std::uint64_t f_type);

/// Applies the verdict to the folder of the outbox: throws Error (refused) or logs a warning.
void check_filesystem(const std::string& folder, bool allow_unsafe, const LogSink& log);

/// The same with a known type, for tests.
void apply_filesystem(FilesystemKind kind, const std::string& folder, bool allow_unsafe,
                      const LogSink& log);

}  // namespace holdfast::outbox
