#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "outbox/sqlite.hpp"

namespace holdfast::outbox {

/// Inserts rows into one table, many with one statement: what SQLite does around a statement costs
/// it as much as the row itself, and rows that follow each other are found at the end of the table
/// without a search.
///
/// Threads:  the writer.
/// Errors:   throws SQLite::Exception.
class MultiInsert {
 public:
  /// \param insert  Up to VALUES. With OR ROLLBACK or OR IGNORE: a statement of many rows that may
  ///                be undone alone would keep a copy of each page that it changes.
  /// \param row     One row in brackets, with a `?` for each value.
  MultiInsert(SQLite::Database& database, std::string_view insert, std::string_view row);

  /// Calls `bind_row(statement, index, row)` for each: it binds the values after `index`, and
  /// leaves the last one's there. They must live until this returns.
  template <class Row, class BindRow>
  void insert(std::span<const Row> rows, BindRow&& bind_row);

  static constexpr std::size_t rows_max = 16;

 private:
  /// For the most rows that are no more than these; 16, 8, 4, 2 or 1.
  [[nodiscard]] SQLite::Statement& statement_for(std::size_t& rows);

  std::vector<SQLite::Statement> statements_;  ///< Each for half as many rows as the one before.
};

template <class Row, class BindRow>
void MultiInsert::insert(std::span<const Row> rows, BindRow&& bind_row) {
  while (!rows.empty()) {
    std::size_t count = rows.size();
    auto& statement = statement_for(count);
    const Use use(statement);
    int index = 0;
    for (const Row& row : rows.first(count)) bind_row(statement, index, row);
    statement.exec();
    rows = rows.subspan(count);
  }
}

}  // namespace holdfast::outbox
