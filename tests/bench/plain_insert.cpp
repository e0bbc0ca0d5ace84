#include "plain_insert.hpp"

#include <sqlite3.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>

#include "sample.hpp"

namespace holdfast::bench {
namespace {

using Database = std::unique_ptr<sqlite3, int (*)(sqlite3*)>;
using Statement = std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)>;

void check(int code, sqlite3* database) {
  if (code != SQLITE_OK && code != SQLITE_ROW && code != SQLITE_DONE)
    throw std::runtime_error(std::string("inserting: ") + sqlite3_errmsg(database));
}

void run(const Database& database, const char* sql) {
  check(sqlite3_exec(database.get(), sql, nullptr, nullptr, nullptr), database.get());
}

void bind_text(sqlite3_stmt* statement, int index, std::string_view text) {
  sqlite3_bind_text(statement, index, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
}

}  // namespace

int insert_plainly(Options& options) {
  const auto path = options.text("file", "");
  const auto entries = options.count("entries", 64'000);
  const auto group = options.count("group", 64);
  const auto body_bytes = options.count("body", 700);
  options.end();
  sqlite3* opened = nullptr;
  const int code = sqlite3_open(path.c_str(), &opened);
  const Database database(opened, sqlite3_close);
  check(code, opened);
  run(database,
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE IF NOT EXISTS entry ("
      "seq INTEGER PRIMARY KEY, received_at INTEGER, target TEXT, content_type TEXT, headers BLOB, "
      "body BLOB)");
  sqlite3_stmt* prepared = nullptr;
  check(sqlite3_prepare_v2(opened,
                           "INSERT INTO entry (received_at, target, content_type, headers, body) "
                           "VALUES (?, ?, ?, ?, ?)",
                           -1, &prepared, nullptr),
        opened);
  const Statement insert(prepared, sqlite3_finalize);
  const auto begin = std::chrono::steady_clock::now();
  for (std::size_t done = 0; done < entries;) {
    run(database, "BEGIN");
    for (std::size_t i = 0; i < group && done < entries; ++i, ++done) {
      const auto body = sample_body(done, body_bytes);
      sqlite3_bind_int64(prepared, 1, static_cast<sqlite3_int64>(done));
      bind_text(prepared, 2, sample_target);
      bind_text(prepared, 3, sample_type);
      bind_text(prepared, 4, "4:Host,9:127.0.0.1,12:Content-Type,16:application/json,");
      bind_text(prepared, 5, body);
      check(sqlite3_step(prepared), opened);
      check(sqlite3_reset(prepared), opened);
    }
    run(database, "COMMIT");
  }
  const std::chrono::duration<double> all = std::chrono::steady_clock::now() - begin;
  std::printf("{\"entries\":%zu,\"row_us\":%.3f}\n", entries,
              all.count() / static_cast<double>(entries) * 1e6);
  return 0;
}

}  // namespace holdfast::bench
