#include "postgres/migrations.hpp"

#include <algorithm>
#include <format>
#include <map>
#include <utility>

#include "base/encoding.hpp"
#include "postgres/limits.hpp"
#include "postgres_migrations.hpp"

namespace holdfast::postgres {
namespace {

/// Any constant of ours: all that is needed is that no other program takes it.
constexpr std::int64_t migration_lock = 0x686F6C6466617374;  // "holdfast"
constexpr std::string_view undefined_table = "42P01";

// Read from the catalogue by name, not through to_regclass, which needs USAGE and quoting. The
// unique indexes must cover exactly these columns and every row, or ON CONFLICT would let a
// duplicate in.
constexpr std::string_view inspect_sql = R"sql(
SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1),
  COALESCE((SELECT pg_catalog.string_agg(c.relname, ',') FROM pg_catalog.pg_class c
            JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = $1 AND c.relkind IN ('r', 'p')), ''),
  COALESCE((SELECT pg_catalog.string_agg(k.columns, ';') FROM pg_catalog.pg_index i
            JOIN pg_catalog.pg_class c ON c.oid = i.indrelid
            JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            CROSS JOIN LATERAL (
              SELECT pg_catalog.string_agg(a.attname, ',' ORDER BY a.attname) AS columns
              FROM pg_catalog.pg_attribute a
              WHERE a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)) k
            WHERE n.nspname = $1 AND c.relname = 'inbox' AND i.indisunique AND i.indisvalid
              AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL
              AND i.indnatts = i.indnkeyatts), '')
)sql";

struct Inspection {
  bool schema_exists = false;
  std::string tables;          ///< ",inbox,users,"
  std::string unique_indexes;  ///< ";id;dedupe_key,source;"
  [[nodiscard]] bool has_table(std::string_view name) const {
    return tables.contains(std::format(",{},", name));
  }
  [[nodiscard]] bool has_unique(std::string_view columns) const {
    return unique_indexes.contains(std::format(";{};", columns));
  }
};

constexpr std::array tables_needed{"inbox", "users", "messages", "message_statuses"};

std::expected<Inspection, SqlError> inspect(Session& session, const std::string& schema,
                                            SteadyTime deadline) {
  const std::array parameters{Parameter{schema, false}};
  const auto rows = session.run(std::string(inspect_sql), parameters, false, deadline);
  if (!rows) return std::unexpected(rows.error());
  return Inspection{rows->value(0, 0) == "t", std::format(",{},", rows->value(0, 1).value_or("")),
                    std::format(";{};", rows->value(0, 2).value_or(""))};
}

SqlError unfit(std::string cause, std::string_view reaction) {
  return {std::string(undefined_table), "",
          std::format("checking the tables in Postgres: {}; {}", cause, reaction), false};
}

/// What a batch would trip over.
std::expected<void, SqlError> check(const Inspection& found) {
  for (const char* table : tables_needed)
    if (!found.has_table(table))
      return std::unexpected(
          unfit(std::format("table {} is missing", table), "run `holdfast migrate apply`"));
  static constexpr std::array<std::pair<const char*, const char*>, 2> unique{
      {{"id", "(id)"}, {"dedupe_key,source", "(source, dedupe_key)"}}};
  for (const auto& [sorted, columns] : unique)
    if (!found.has_unique(sorted))
      return std::unexpected(
          unfit(std::format("table inbox has no unique index on {}", columns),
                std::format("add UNIQUE {} to it, or drop it and run `holdfast migrate apply`",
                            columns)));
  return {};
}

/// Steps that are not recorded. A recorded step of another content means another product's table or
/// a changed release: nothing is run then.
std::expected<std::vector<Migration>, SqlError> pending(Session& session, const std::string& schema,
                                                        const Inspection& found,
                                                        SteadyTime deadline) {
  std::map<std::string, std::string, std::less<>> applied;
  if (found.has_table("schema_migrations")) {
    const auto rows = session.run(
        "SELECT name, sha256 FROM " + quote_identifier(schema) + ".schema_migrations ORDER BY name",
        deadline);
    if (!rows) return std::unexpected(rows.error());
    for (int row = 0; row < rows->size(); ++row)
      applied[std::string(rows->value(row, 0).value_or(""))] = rows->value(row, 1).value_or("");
  }
  std::vector<Migration> steps;
  // A table that was dropped by hand is made again: each step leaves alone what is there.
  const bool incomplete = !std::ranges::all_of(
      tables_needed, [&](const char* table) { return found.has_table(table); });
  for (auto& step : all_migrations(schema)) {
    const auto known = applied.find(step.name);
    if (known != applied.end() && known->second != step.sha256)
      return std::unexpected(
          unfit(std::format("migration {} is recorded with another content", step.name),
                "use the release that made this schema, or another schema"));
    if (known == applied.end() || incomplete) steps.push_back(std::move(step));
  }
  return steps;
}

/// Everything that one transaction has to do; the caller commits or rolls back.
std::expected<std::vector<std::string>, SqlError> migrate_locked(Session& session,
                                                                 const std::string& schema,
                                                                 SteadyTime deadline) {
  std::vector<std::string> names;
  const auto locked = session.run(
      std::format("SELECT pg_catalog.pg_advisory_xact_lock({})", migration_lock), deadline);
  if (!locked) return std::unexpected(locked.error());
  // Another process may have done the work while this one waited.
  const auto found = inspect(session, schema, deadline);
  if (!found) return std::unexpected(found.error());
  const auto steps = pending(session, schema, *found, deadline);
  if (!steps) return std::unexpected(steps.error());
  const std::string quoted = quote_identifier(schema);
  std::string sql;
  // Asked for only where it is needed: IF NOT EXISTS wants the privilege even for a schema that
  // exists.
  if (!found->schema_exists) sql += std::format("CREATE SCHEMA {};\n", quoted);
  if (!found->has_table("schema_migrations"))
    sql += std::format(
        "CREATE TABLE {}.schema_migrations (name text PRIMARY KEY, sha256 text NOT NULL, "
        "applied_at timestamptz NOT NULL DEFAULT now());\n",
        quoted);
  for (const auto& step : *steps) {
    sql += step.sql;
    sql += std::format(
        "\nINSERT INTO {}.schema_migrations (name, sha256) VALUES ('{}', '{}') ON CONFLICT DO "
        "NOTHING;\n",
        quoted, step.name, step.sha256);
    names.push_back(step.name);
  }
  if (steps->empty()) return names;
  if (const auto done = session.run(sql, deadline); !done) return std::unexpected(done.error());
  return names;
}

std::expected<std::vector<std::string>, SqlError> migrate(Session& session,
                                                          const std::string& schema,
                                                          const Clock& clock, SteadyTime deadline) {
  const auto left = std::chrono::floor<std::chrono::milliseconds>(deadline - clock.steady_now());
  if (const auto begun = session.run(begin_statement(left), deadline); !begun)
    return std::unexpected(begun.error());
  auto names = migrate_locked(session, schema, deadline);
  if (!names) {
    // The first error is the one that counts.
    if (!names.error().session_dead && !session.run("ROLLBACK", deadline))
      names.error().session_dead = true;
    return names;
  }
  const auto committed = session.run("COMMIT", deadline);
  if (!committed) return std::unexpected(committed.error());
  if (committed->tag() != "COMMIT")
    return std::unexpected(SqlError{"40000", "", "the migration was rolled back", true});
  return names;
}

}  // namespace

std::vector<Migration> all_migrations(const std::string& schema) {
  static constexpr std::string_view placeholder = "@schema@";
  std::vector<Migration> steps;
  for (const auto& file : postgres_migrations) {
    std::string sql(file.text);
    const std::string quoted = quote_identifier(schema);
    for (std::size_t at = 0; (at = sql.find(placeholder, at)) != std::string::npos;
         at += quoted.size())
      sql.replace(at, placeholder.size(), quoted);
    steps.push_back({std::string(file.name), base::sha256_hex(file.text), std::move(sql)});
  }
  return steps;
}

std::expected<std::vector<Migration>, SqlError> pending_migrations(Session& session,
                                                                   const std::string& schema,
                                                                   SteadyTime deadline) {
  const auto found = inspect(session, schema, deadline);
  if (!found) return std::unexpected(found.error());
  return pending(session, schema, *found, deadline);
}

std::expected<std::vector<std::string>, SqlError> ensure_schema(Session& session,
                                                                const SchemaOptions& options,
                                                                const Clock& clock,
                                                                SteadyTime deadline) {
  auto found = inspect(session, options.schema, deadline);
  if (!found) return std::unexpected(found.error());
  std::vector<std::string> names;
  if (options.migrate) {
    const auto steps = pending(session, options.schema, *found, deadline);
    if (!steps) return std::unexpected(steps.error());
    if (!steps->empty()) {
      auto run = migrate(session, options.schema, clock, deadline);
      if (!run) return std::unexpected(run.error());
      names = std::move(*run);
      found = inspect(session, options.schema, deadline);
      if (!found) return std::unexpected(found.error());
    }
  }
  if (const auto fit = check(*found); !fit) return std::unexpected(fit.error());
  return names;
}

}  // namespace holdfast::postgres
