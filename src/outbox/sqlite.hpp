#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "holdfast/clock.hpp"
#include "holdfast/entry.hpp"
#include "holdfast/failure.hpp"

/// The small layer over SQLiteCpp that the rest of this folder shares.
namespace holdfast::outbox {

/// What a result code of SQLite asks of us.
enum class Reaction {
  busy,       ///< Another process holds a lock: rolled back, go on.
  no_room,    ///< SQLITE_FULL: the commit mark was not written; rolled back, go on.
  no_memory,  ///< Rolled back, go on.
  stop,       ///< I/O error, damage, or what must not happen: durability is uncertain.
};
[[nodiscard]] Reaction reaction_to(int sqlite_code);

/// A failure of the writing connection: overloaded, or broken for Reaction::stop.
[[nodiscard]] Failure write_failure(std::string_view doing, const SQLite::Exception& error);
/// A failure of a reading connection: unavailable, or broken where the file is damaged or
/// unreadable.
[[nodiscard]] Failure read_failure(std::string_view doing, const SQLite::Exception& error);
/// A failure to open the file: refused, or broken with what to do about a damaged file.
[[nodiscard]] Failure open_failure(const std::string& path, const SQLite::Exception& error);

enum class Immutable { no, yes };
/// A URI that opens the file read-only and never makes it; any byte may be in the path.
/// Immutable::yes also leaves -wal and -shm alone; only for a file that has no WAL to read.
[[nodiscard]] std::string read_only_uri(std::string_view path, Immutable immutable = Immutable::no);

/// Opens a read-only connection that neither checkpoints nor removes the WAL when it closes.
[[nodiscard]] SQLite::Database open_read_only(const std::string& uri, const std::string& vfs);

/// A blob that outlives the statement's use.
struct Blob {
  std::string_view bytes;
};

// All binds but of numbers refer to the caller's memory: it must live until the statement is reset.
void bind(SQLite::Statement& statement, int index, std::int64_t value);
void bind(SQLite::Statement& statement, int index, Blob value);
void bind(SQLite::Statement& statement, int index, const std::string& value);
void bind(SQLite::Statement& statement, int index, const Uuid& value);
void bind(SQLite::Statement& statement, int index, const std::array<std::uint8_t, 32>& value);
void bind(SQLite::Statement& statement, int index, WallTime value);
void bind(SQLite::Statement& statement, int index, std::nullptr_t);
template <class T>
void bind(SQLite::Statement& statement, int index, const std::optional<T>& value) {
  if (value) {
    bind(statement, index, *value);
  } else {
    bind(statement, index, nullptr);
  }
}

/// Binds the values after `index`, and leaves the last one's there.
template <class... Args>
void bind_after(int& index, SQLite::Statement& statement, const Args&... args) {
  (bind(statement, ++index, args), ...);
}

template <class... Args>
void bind_all(SQLite::Statement& statement, const Args&... args) {
  int index = 0;
  bind_after(index, statement, args...);
}

/// Resets a cached statement at the end of its use, whatever happened in between.
class Use {
 public:
  template <class... Args>
  explicit Use(SQLite::Statement& statement, const Args&... args) : statement_(statement) {
    statement_.tryReset();
    bind_all(statement_, args...);
  }
  ~Use() { statement_.tryReset(); }
  Use(const Use&) = delete;
  Use& operator=(const Use&) = delete;
  [[nodiscard]] bool step() { return statement_.executeStep(); }
  [[nodiscard]] SQLite::Column column(int index) const { return statement_.getColumn(index); }
  [[nodiscard]] bool is_null(int index) const { return statement_.isColumnNull(index); }

 private:
  SQLite::Statement& statement_;
};

/// Runs a cached statement that returns no rows; the number of rows changed.
template <class... Args>
int run(SQLite::Statement& statement, const Args&... args) {
  const Use use(statement, args...);
  return statement.exec();
}

[[nodiscard]] Uuid uuid_from(const SQLite::Column& column);
[[nodiscard]] WallTime time_from(const SQLite::Column& column);
[[nodiscard]] std::optional<std::string> text_from(const SQLite::Column& column);
[[nodiscard]] std::int64_t query_number(SQLite::Database& database, const char* sql);

}  // namespace holdfast::outbox
