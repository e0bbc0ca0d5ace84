#pragma once

#include <sqlite3.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "options.hpp"

namespace holdfast::bench {

using Database = std::unique_ptr<sqlite3, int (*)(sqlite3*)>;
using Statement = std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)>;

inline void check(int code, sqlite3* database) {
  if (code != SQLITE_OK && code != SQLITE_ROW && code != SQLITE_DONE)
    throw std::runtime_error(std::string("inserting: ") + sqlite3_errmsg(database));
}

inline void run(const Database& database, const std::string& sql) {
  check(sqlite3_exec(database.get(), sql.c_str(), nullptr, nullptr, nullptr), database.get());
}

/// Opens with WAL and FULL.
inline Database open_durably(const std::string& path) {
  sqlite3* opened = nullptr;
  const int code = sqlite3_open(path.c_str(), &opened);
  Database database(opened, sqlite3_close);
  check(code, opened);
  run(database, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
  return database;
}

inline Statement prepare(const Database& database, const std::string& sql) {
  sqlite3_stmt* prepared = nullptr;
  check(sqlite3_prepare_v2(database.get(), sql.c_str(), -1, &prepared, nullptr), database.get());
  return {prepared, sqlite3_finalize};
}

inline void bind_text(sqlite3_stmt* statement, int index, std::string_view text) {
  sqlite3_bind_text(statement, index, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
}

inline void bind_blob(sqlite3_stmt* statement, int index, std::string_view bytes) {
  sqlite3_bind_blob(statement, index, bytes.data(), static_cast<int>(bytes.size()), SQLITE_STATIC);
}

inline void step(const Database& database, const Statement& statement) {
  check(sqlite3_step(statement.get()), database.get());
  check(sqlite3_reset(statement.get()), database.get());
}

/// Calls `insert(from, to)` for numbers up to `entries`, so many at most, `group` a commit. Prints
/// what a row cost.
template <class Insert>
void insert_in_groups(const Database& database, Options& options, std::uint64_t at_once,
                      Insert&& insert) {
  const std::uint64_t entries = options.count("entries", 64'000);
  const std::uint64_t group = options.count("group", 64);
  options.end();
  const auto begin = std::chrono::steady_clock::now();
  for (std::uint64_t done = 0; done < entries;) {
    run(database, "BEGIN");
    for (const auto end = std::min(done + group, entries); done < end;) {
      const auto to = std::min(done + at_once, end);
      insert(done, to);
      done = to;
    }
    run(database, "COMMIT");
  }
  const std::chrono::duration<double> all = std::chrono::steady_clock::now() - begin;
  std::printf("{\"entries\":%llu,\"row_us\":%.3f}\n", static_cast<unsigned long long>(entries),
              all.count() / static_cast<double>(entries) * 1e6);
}

}  // namespace holdfast::bench
