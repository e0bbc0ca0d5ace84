#include "postgres/declared_statement.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <format>

#include "base/sql_statement.hpp"

namespace holdfast::postgres {
namespace {

// A domain counts as what it is made of, but keeps its own array, so that its checks are made.
// unnest would take rows and arrays further apart than one value an entry.
constexpr std::string_view types_sql = R"sql(
WITH RECURSIVE chain(oid, base) AS (
  SELECT oid, oid FROM pg_catalog.pg_type WHERE oid = ANY ($1::pg_catalog.oid[])
  UNION ALL
  SELECT c.oid, t.typbasetype FROM chain c JOIN pg_catalog.pg_type t ON t.oid = c.base
  WHERE t.typtype = 'd')
SELECT c.oid, CASE WHEN b.typtype IN ('c', 'p') OR e.oid IS NOT NULL THEN 0 ELSE t.typarray END,
       t.typdelim, b.oid IN (114, 3802), e.oid IS NOT NULL, coalesce(e.typdelim, ','),
       coalesce(e.oid IN (114, 3802), false)
FROM chain c
JOIN pg_catalog.pg_type t ON t.oid = c.oid
JOIN pg_catalog.pg_type b ON b.oid = c.base AND b.typtype <> 'd'
LEFT JOIN pg_catalog.pg_type e ON e.typarray = b.oid)sql";

constexpr std::string_view plain_table_sql = R"sql(
SELECT c.oid FROM pg_catalog.pg_class c
WHERE c.oid = pg_catalog.to_regclass($1) AND c.relkind IN ('r', 'p') AND NOT c.relhasrules
  AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_trigger g
    WHERE NOT g.tgisinternal AND g.tgenabled <> 'D'
      AND (g.tgrelid = c.oid
           OR g.tgrelid IN (SELECT p.relid FROM pg_catalog.pg_partition_tree(c.oid) p))))sql";

constexpr std::string_view alias = "holdfast_batch";

std::string batch_text(std::string_view text, const base::BatchShape& shape,
                       std::size_t parameters) {
  std::string arrays;
  std::string columns;
  for (std::size_t n = 1; n <= parameters; ++n) {
    arrays += std::format("{}pg_catalog.unnest(${})", n == 1 ? "" : ", ", n);
    columns += std::format("p{}, ", n);
  }
  // In the order of the entries: the last of several updates of a row wins, and sequences count on.
  return std::format(
      "{}SELECT {}\nFROM ROWS FROM ({}) WITH ORDINALITY AS {}({}ordinality)\n"
      "ORDER BY {}.ordinality{}",
      text.substr(0, shape.values_at), base::values_with_columns(text, shape, alias), arrays, alias,
      columns, alias, text.substr(shape.values_end));
}

std::expected<DeclaredStatement, std::string> read(const WriteStatement& written) {
  const auto read = base::read_sql_statement(written.statement);
  if (!read) return std::unexpected(read.error());
  DeclaredStatement statement;
  statement.text = written.statement;
  if (read->parameters != written.parameters.size())
    return std::unexpected(
        std::format("it has {} parameters and {} values; write one value for each of $1, $2, …",
                    read->parameters, written.parameters.size()));
  for (const auto& parameter : written.parameters) {
    auto selector = base::parse_selector(parameter);
    if (!selector) return std::unexpected(selector.error());
    statement.selectors.push_back(std::move(*selector));
  }
  if (!written.when.empty()) {
    auto condition = base::parse_condition(written.when);
    if (!condition) return std::unexpected(condition.error());
    statement.when = std::move(*condition);
  }
  if (read->batch && read->parameters > 0) {
    statement.batch_text = batch_text(written.statement, *read->batch, read->parameters);
    statement.table = read->batch->table;
  }
  return statement;
}

std::uint32_t oid_of(std::optional<std::string_view> text) {
  std::uint32_t oid = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), oid);
  return oid;
}

std::expected<std::vector<ParameterType>, SqlError> types_of(Session& session,
                                                             const std::vector<std::uint32_t>& oids,
                                                             SteadyTime deadline) {
  std::vector<ParameterType> types(oids.size());
  if (oids.empty()) return types;
  ArrayLiteral wanted(',');
  for (const auto oid : oids) wanted.add(std::to_string(oid));
  const std::string literal = wanted.text();
  const std::array parameters{Parameter{literal, false}};
  const auto rows = session.run(std::string(types_sql), parameters, false, deadline);
  if (!rows) return std::unexpected(rows.error());
  const auto character = [&](int row, int column) {
    const auto text = rows->value(row, column).value_or(",");
    return text.empty() ? ',' : text.front();
  };
  for (int row = 0; row < rows->size(); ++row) {
    const auto oid = oid_of(rows->value(row, 0));
    for (std::size_t n = 0; n < oids.size(); ++n)
      if (oids[n] == oid)
        types[n] = {oid,
                    oid_of(rows->value(row, 1)),
                    character(row, 2),
                    rows->value(row, 3) == "t",
                    rows->value(row, 4) == "t",
                    character(row, 5),
                    rows->value(row, 6) == "t"};
  }
  return types;
}

}  // namespace

std::expected<std::vector<DeclaredStatement>, Failure> read_statements(const SourceConfig& source) {
  std::vector<DeclaredStatement> statements;
  for (const auto& written : source.statements) {
    auto statement = read(written);
    if (!statement)
      return std::unexpected(
          Failure{FailureKind::refused,
                  std::format("reading statement {} of source \"{}\": {}", statements.size() + 1,
                              source.name, statement.error())});
    statements.push_back(std::move(*statement));
  }
  return statements;
}

std::expected<StatementDescription, SqlError> describe_statement(Session& session,
                                                                 const DeclaredStatement& statement,
                                                                 SteadyTime deadline) {
  const auto oids = session.describe(statement.text, deadline);
  if (!oids) return std::unexpected(oids.error());
  if (oids->size() != statement.selectors.size())
    return std::unexpected(
        SqlError{"42P02", "",
                 std::format("the server counts {} parameters where {} are given", oids->size(),
                             statement.selectors.size()),
                 false});
  StatementDescription description;
  auto types = types_of(session, *oids, deadline);
  if (!types) return std::unexpected(types.error());
  description.types = std::move(*types);
  const auto is_unnested = [](const ParameterType& type) { return type.array_oid != 0; };
  if (statement.batch_text.empty() || !std::ranges::all_of(description.types, is_unnested))
    return description;
  const std::array parameters{Parameter{statement.table, false}};
  const auto rows = session.run(std::string(plain_table_sql), parameters, false, deadline);
  if (!rows) return std::unexpected(rows.error());
  if (rows->size() > 0) description.batch_table = oid_of(rows->value(0, 0));
  return description;
}

}  // namespace holdfast::postgres
