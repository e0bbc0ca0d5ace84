#include "outbox/sqlite.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <cstring>
#include <format>

#include "base/check.hpp"

namespace holdfast::outbox {
namespace {

constexpr int primary_code_mask = 0xFF;
/// Readers wait at most this long for a lock, which in WAL mode is held for a recovery only.
constexpr int read_busy_timeout_ms = 1000;

std::string describe(const SQLite::Exception& error) {
  return std::format("{} (SQLite {})", sqlite3_errstr(error.getErrorCode() & primary_code_mask),
                     std::max(error.getErrorCode(), error.getExtendedErrorCode()));
}

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' ||
         c == '-' || c == '.' || c == '_' || c == '~';
}

int size_of(std::string_view bytes) {
  HOLDFAST_CHECK(bytes.size() < 0x7FFFFFFF,
                 "a value larger than SQLite takes; submit refuses those");
  return static_cast<int>(bytes.size());
}

}  // namespace

Reaction reaction_to(int sqlite_code) {
  switch (sqlite_code & primary_code_mask) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return Reaction::busy;
    case SQLITE_FULL: return Reaction::no_room;
    case SQLITE_NOMEM: return Reaction::no_memory;
    default: return Reaction::stop;
  }
}

Failure write_failure(std::string_view doing, const SQLite::Exception& error) {
  const auto say = [&](std::string_view advice) {
    return std::format("{}: {}; {}", doing, describe(error), advice);
  };
  switch (reaction_to(error.getErrorCode())) {
    case Reaction::busy:
      return {FailureKind::overloaded, say("end the other program that writes to the outbox file")};
    case Reaction::no_room:
      return {FailureKind::overloaded, say("free disk space; intake comes back by itself")};
    case Reaction::no_memory:
      return {FailureKind::overloaded, say("give the process more memory; intake goes on")};
    case Reaction::stop: break;
  }
  return {FailureKind::broken,
          say("the process must stop; look at the disk and the kernel log, then start it again")};
}

Failure read_failure(std::string_view doing, const SQLite::Exception& error) {
  if (reaction_to(error.getErrorCode()) != Reaction::stop)
    return {FailureKind::unavailable, std::format("{}: {}; try again", doing, describe(error))};
  return {FailureKind::broken,
          std::format("{}: {}; look at the disk and the kernel log, and check the "
                      "file with `PRAGMA integrity_check`",
                      doing, describe(error))};
}

Failure open_failure(const std::string& path, const SQLite::Exception& error) {
  const auto say = [&](std::string_view advice) {
    return std::format("opening outbox {}: {}; {}", path, describe(error), advice);
  };
  switch (error.getErrorCode() & primary_code_mask) {
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return {
          FailureKind::refused,
          say("let this user read and write the file and its folder, or set another outbox.path")};
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {FailureKind::refused, say("end the other programs that have the file open")};
    case SQLITE_FULL: return {FailureKind::refused, say("free disk space and start again")};
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return {FailureKind::broken,
              say("it is damaged or no outbox: keep it, move it aside together with its -wal file, "
                  "save "
                  "its entries with `sqlite3 FILE .recover`, and start again with a new one")};
    default:
      return {FailureKind::broken,
              say("look at the disk and the kernel log before starting again")};
  }
}

std::string read_only_uri(std::string_view path, Immutable immutable) {
  std::string uri = "file:";
  for (const char c : path) {
    if (is_unreserved(c)) {
      uri += c;
    } else {
      uri += std::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  uri += "?mode=ro";
  if (immutable == Immutable::yes) uri += "&immutable=1";
  return uri;
}

SQLite::Database open_read_only(const std::string& uri, const std::string& vfs) {
  SQLite::Database database(uri, SQLite::OPEN_READONLY | SQLite::OPEN_URI | SQLite::OPEN_NOMUTEX,
                            read_busy_timeout_ms, vfs);
  sqlite3_db_config(database.getHandle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  database.exec("PRAGMA query_only = ON; PRAGMA mmap_size = 0; PRAGMA cache_size = -8192");
  return database;
}

void bind(SQLite::Statement& statement, int index, std::int64_t value) {
  statement.bind(index, value);
}

void bind(SQLite::Statement& statement, int index, Blob value) {
  // A null pointer would be bound as NULL; an empty blob needs an address.
  statement.bindNoCopy(index,
                       value.bytes.empty() ? "" : static_cast<const void*>(value.bytes.data()),
                       size_of(value.bytes));
}

void bind(SQLite::Statement& statement, int index, const std::string& value) {
  static_cast<void>(size_of(value));
  statement.bindNoCopy(index, value);
}

void bind(SQLite::Statement& statement, int index, const Uuid& value) {
  statement.bindNoCopy(index, static_cast<const void*>(value.bytes.data()),
                       static_cast<int>(value.bytes.size()));
}

void bind(SQLite::Statement& statement, int index, const std::array<std::uint8_t, 32>& value) {
  statement.bindNoCopy(index, static_cast<const void*>(value.data()),
                       static_cast<int>(value.size()));
}

void bind(SQLite::Statement& statement, int index, WallTime value) {
  statement.bind(index, static_cast<std::int64_t>(value.time_since_epoch().count()));
}

void bind(SQLite::Statement& statement, int index, std::nullptr_t) {
  statement.bind(index);
}

Uuid uuid_from(const SQLite::Column& column) {
  Uuid id;
  const void* bytes = column.getBlob();
  if (bytes == nullptr || column.getBytes() != static_cast<int>(id.bytes.size()))
    throw Error(
        {FailureKind::broken,
         "reading the outbox: an id has not 16 bytes; the file is damaged: the daemon's next start "
         "looks at all of it and salvages it"});
  std::memcpy(id.bytes.data(), bytes, id.bytes.size());
  return id;
}

WallTime time_from(const SQLite::Column& column) {
  return WallTime(std::chrono::milliseconds(column.getInt64()));
}

std::optional<std::string> text_from(const SQLite::Column& column) {
  if (column.isNull()) return std::nullopt;
  return column.getString();
}

std::int64_t query_number(SQLite::Database& database, const char* sql) {
  return database.execAndGet(sql).getInt64();
}

}  // namespace holdfast::outbox
