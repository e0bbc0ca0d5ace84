#include "outbox/multi_insert.hpp"

#include <algorithm>
#include <bit>
#include <format>

namespace holdfast::outbox {

MultiInsert::MultiInsert(SQLite::Database& database, std::string_view insert,
                         std::string_view row) {
  for (std::size_t rows = rows_max; rows > 0; rows /= 2) {
    std::string sql = std::format("{} VALUES {}", insert, row);
    for (std::size_t i = 1; i < rows; ++i) sql += std::format(", {}", row);
    statements_.emplace_back(database, sql);
  }
}

SQLite::Statement& MultiInsert::statement_for(std::size_t& rows) {
  rows = std::bit_floor(std::min(rows, rows_max));
  return statements_[static_cast<std::size_t>(std::countr_zero(rows_max) - std::countr_zero(rows))];
}

}  // namespace holdfast::outbox
