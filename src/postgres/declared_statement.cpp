#include "postgres/declared_statement.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <format>
#include <span>

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

// What depends on a function has a row for it in pg_depend, unless the function is Postgres's own.
// A generated column is, by version, an expression or a column. A partition and the table that it
// is of are one, and two domains deep are looked at, because nobody makes more.
constexpr std::string_view plain_table_sql = R"sql(
WITH target AS (
  SELECT c.oid FROM pg_catalog.pg_class c
  WHERE c.oid = pg_catalog.to_regclass($1) AND c.relkind IN ('r', 'p') AND NOT c.relhasrules
    AND NOT c.relrowsecurity),
tree AS (
  SELECT t.oid FROM target t
  UNION SELECT p.relid FROM target t, pg_catalog.pg_partition_tree(t.oid) p),
type AS (
  SELECT a.atttypid AS oid FROM pg_catalog.pg_attribute a JOIN tree ON tree.oid = a.attrelid
  UNION SELECT t.typbasetype FROM pg_catalog.pg_attribute a JOIN tree ON tree.oid = a.attrelid
        JOIN pg_catalog.pg_type t ON t.oid = a.atttypid AND t.typtype = 'd'),
part(classid, objid) AS (
  SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, oid FROM tree
  UNION ALL SELECT 'pg_catalog.pg_attrdef'::pg_catalog.regclass, d.oid
            FROM pg_catalog.pg_attrdef d JOIN tree ON tree.oid = d.adrelid
  UNION ALL SELECT 'pg_catalog.pg_constraint'::pg_catalog.regclass, n.oid
            FROM pg_catalog.pg_constraint n
            WHERE n.conrelid IN (SELECT oid FROM tree) OR n.contypid IN (SELECT oid FROM type))
SELECT coalesce(pg_catalog.pg_partition_root(t.oid)::pg_catalog.oid, t.oid) FROM target t
WHERE NOT EXISTS (
    SELECT FROM pg_catalog.pg_trigger g JOIN tree ON tree.oid = g.tgrelid
    WHERE NOT g.tgisinternal AND g.tgenabled <> 'D')
  AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_depend d JOIN part USING (classid, objid)
    WHERE d.refclassid IN ('pg_catalog.pg_proc'::pg_catalog.regclass,
                           'pg_catalog.pg_operator'::pg_catalog.regclass)))sql";

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
      "ORDER BY {}.ordinality\n{}",
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

/// The object id of the table if it is a plain one.
std::expected<std::optional<std::uint32_t>, SqlError> plain_table(Session& session,
                                                                  const std::string& name,
                                                                  SteadyTime deadline) {
  const std::array parameters{Parameter{name, false}};
  const auto rows = session.run(std::string(plain_table_sql), parameters, false, deadline);
  if (!rows) return std::unexpected(rows.error());
  if (rows->size() == 0) return std::nullopt;
  return oid_of(rows->value(0, 0));
}

/// True if the server takes the text for a batch; the transaction goes on either way. VALUES knows
/// the type of its column, and a SELECT does not always: `ROW($1, $2)` for a composite type.
std::expected<bool, SqlError> takes_batch(Session& session, const DeclaredStatement& statement,
                                          std::span<const ParameterType> types,
                                          SteadyTime deadline) {
  std::vector<std::uint32_t> arrays;
  for (const auto& type : types) arrays.push_back(type.array_oid);
  if (const auto set = session.run("SAVEPOINT holdfast_batch", deadline); !set)
    return std::unexpected(set.error());
  const auto described = session.describe(statement.batch_text, arrays, deadline);
  if (!described && described.error().session_dead) return std::unexpected(described.error());
  const auto ended = session.run(described ? "RELEASE SAVEPOINT holdfast_batch"
                                           : "ROLLBACK TO SAVEPOINT holdfast_batch; "
                                             "RELEASE SAVEPOINT holdfast_batch",
                                 deadline);
  if (!ended) return std::unexpected(ended.error());
  return described.has_value();
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
  const auto oids = session.describe(statement.text, {}, deadline);
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
  const auto table = plain_table(session, statement.table, deadline);
  if (!table) return std::unexpected(table.error());
  if (!*table) return description;
  const auto taken = takes_batch(session, statement, description.types, deadline);
  if (!taken) return std::unexpected(taken.error());
  if (*taken) description.batch_table = *table;
  return description;
}

}  // namespace holdfast::postgres
