#pragma once

#include "fixture.hpp"
#include "support/pgbouncer.hpp"

namespace holdfast::postgres {

/// A cluster with a source "activities" of declared statements.
struct StatementFixture : Fixture {
  using Fixture::Fixture;

  void declare(std::vector<WriteStatement> statements, const std::string& source = "activities") {
    SourceConfig declared;
    declared.name = source;
    declared.statements = std::move(statements);
    sources.push_back(std::move(declared));
  }
  /// All rows of a query, columns and rows apart by "|" and ";".
  [[nodiscard]] std::string rows(const std::string& sql) const {
    std::string text;
    for (const auto& row : cluster.query(sql)) {
      if (!text.empty()) text += ';';
      for (std::size_t i = 0; i < row.size(); ++i) text += (i == 0 ? "" : "|") + row[i];
    }
    return text;
  }
  [[nodiscard]] std::size_t logged(std::string_view text) const {
    const std::string log = cluster.log_text();
    std::size_t found = 0;
    for (std::size_t at = 0; (at = log.find(text, at)) != std::string::npos; ++at) ++found;
    return found;
  }
};

/// Entries 1, 2, … of one source, each with a number "v".
inline std::vector<Entry> numbered(int count, const std::string& source = "activities") {
  std::vector<Entry> batch;
  for (int v = 1; v <= count; ++v)
    batch.push_back(make_entry(v, {}, std::format(R"({{"v":{}}})", v), source));
  return batch;
}

/// Entries 1 … n of one source with these bodies.
inline std::vector<Entry> entries_of(const std::vector<std::string>& bodies) {
  std::vector<Entry> batch;
  for (const auto& body : bodies)
    batch.push_back(make_entry(static_cast<std::int64_t>(batch.size()) + 1, {}, body));
  return batch;
}

inline DeliveryFailure failure_of(Destination& destination, std::span<const Entry> batch) {
  auto outcome = destination.deliver(batch);
  REQUIRE_FALSE(outcome.has_value());
  return outcome.error();
}

}  // namespace holdfast::postgres
