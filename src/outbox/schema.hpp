#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstdint>
#include <map>
#include <string>

namespace holdfast::outbox {

/// "HFST": marks the file as an outbox in its SQLite header (PRAGMA application_id).
inline constexpr std::int64_t application_id = 0x48465354;

/// The newest migration that this program knows; PRAGMA user_version of an up-to-date file.
[[nodiscard]] std::int64_t latest_version();

enum class FileKind { fresh, ours };

/// Looks at a file, read-only and without leaving a trace, before anything may write to it.
/// Errors:   throws Error (refused) if it is not ours or newer than this program;
///           SQLite::Exception.
[[nodiscard]] FileKind inspect_file(const std::string& path, const std::string& vfs);

/// Checks application_id and user_version as seen by an open connection; `path` is for the message.
/// Errors:   throws Error (refused; broken where ours has impossible ones).
[[nodiscard]] FileKind check_ours(SQLite::Database& database, const std::string& path);

/// Applies what is missing, each migration in one transaction with its user_version.
/// Errors:   throws SQLite::Exception; the file stays at the last complete version.
void migrate(SQLite::Database& database);

/// The root pages of tables and indexes, by name, in a file that no VACUUM has rearranged: where to
/// look when the first page, which says it, is lost.
[[nodiscard]] std::map<std::string, std::uint32_t> usual_roots();

}  // namespace holdfast::outbox
