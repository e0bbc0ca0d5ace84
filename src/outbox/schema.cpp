#include "outbox/schema.hpp"

#include <charconv>
#include <format>

#include "base/check.hpp"
#include "holdfast/failure.hpp"
#include "outbox/files.hpp"
#include "outbox/sqlite.hpp"
#include "outbox_migrations.hpp"

namespace holdfast::outbox {
namespace {

/// "0001_initial.sql" is migration 1.
std::int64_t number_of(const EmbeddedFile& migration) {
  std::int64_t number = 0;
  std::from_chars(migration.name.data(), migration.name.data() + migration.name.size(), number);
  HOLDFAST_CHECK(number > 0, "the name of a migration starts with its number");
  return number;
}

}  // namespace

std::int64_t latest_version() {
  return number_of(outbox_migrations.back());
}

FileKind check_ours(SQLite::Database& database, const std::string& path) {
  const auto id = query_number(database, "PRAGMA application_id");
  const auto version = query_number(database, "PRAGMA user_version");
  // No program of ours has made so many; a flipped bit does.
  constexpr std::int64_t version_max = 9999;
  if (id == application_id && (version < 0 || version > version_max))
    throw Error({FailureKind::broken,
                 std::format("opening outbox {}: the version in its header is damaged", path)});
  if (id == application_id && version > latest_version())
    throw Error(
        {FailureKind::refused,
         std::format("opening outbox {}: its schema is version {}, this program knows up to {}; "
                     "start the newer program that wrote it (the file was not changed)",
                     path, version, latest_version())});
  if (id == application_id) return FileKind::ours;
  // A power cut while the file was made leaves an empty database without our mark.
  const auto objects = query_number(database, "SELECT count(*) FROM sqlite_schema");
  if (id == 0 && version == 0 && objects == 0) return FileKind::fresh;
  if (query_number(database,
                   "SELECT count(*) FROM sqlite_schema WHERE name = 'payload' AND sql LIKE "
                   "'%remote_address TEXT NOT NULL%headers BLOB NOT NULL%'") > 0)
    throw Error({FailureKind::broken,
                 std::format("opening outbox {}: the mark in its header is damaged", path)});
  throw Error(
      {FailureKind::refused,
       std::format("opening outbox {}: it is a database of another program; set outbox.path to "
                   "another file (this one was not changed)",
                   path)});
}

FileKind inspect_file(const std::string& path, const std::string& vfs) {
  if (file_size(path) == 0) return FileKind::fresh;
  // Without a WAL to read, immutable keeps SQLite from making -wal and -shm beside a foreign file.
  const auto immutable = file_size(path + "-wal") == 0 ? Immutable::yes : Immutable::no;
  auto database = open_read_only(read_only_uri(path, immutable), vfs);
  return check_ours(database, path);
}

void migrate(SQLite::Database& database) {
  for (const auto& migration : outbox_migrations) {
    const auto number = number_of(migration);
    if (number <= query_number(database, "PRAGMA user_version")) continue;
    SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
    database.exec(std::string(migration.text));
    database.exec(std::format("PRAGMA application_id = {}; PRAGMA user_version = {}",
                              application_id, number));
    transaction.commit();
  }
}

std::map<std::string, std::uint32_t> usual_roots() {
  SQLite::Database database(":memory:", SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
  migrate(database);
  std::map<std::string, std::uint32_t> roots;
  SQLite::Statement select(database, "SELECT name, rootpage FROM sqlite_schema");
  while (select.executeStep())
    roots.emplace(select.getColumn(0).getString(), select.getColumn(1).getUInt());
  return roots;
}

}  // namespace holdfast::outbox
