#include "postgres/server_facts.hpp"

#include <array>
#include <charconv>
#include <format>

#include "postgres/command_session.hpp"
#include "postgres/limits.hpp"

namespace holdfast::postgres {
namespace {

constexpr std::string_view facts_sql = R"sql(
SELECT pg_catalog.current_setting('server_version_num'),
  pg_catalog.current_setting('server_version'),
  pg_catalog.floor(EXTRACT(epoch FROM pg_catalog.clock_timestamp()) * 1000)::bigint,
  current_user,
  pg_catalog.pg_is_in_recovery() OR pg_catalog.current_setting('transaction_read_only') = 'on',
  pg_catalog.current_setting('synchronous_commit'),
  pg_catalog.current_setting('fsync') = 'on',
  EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1),
  EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
          WHERE n.nspname = $1 AND c.relname = 'inbox'),
  COALESCE((SELECT pg_catalog.has_schema_privilege(oid, 'CREATE') FROM pg_catalog.pg_namespace
            WHERE nspname = $1),
           pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE'))
)sql";

// USAGE on the schema is a right of its own, without which the others are of no use.
constexpr std::string_view lacks_format = R"sql(
SELECT w.privilege || ' on ' || w.relation
FROM (VALUES ('inbox', 'INSERT', true), ('inbox', 'SELECT', true),
             ('schema_migrations', 'SELECT', true), ('users', 'INSERT', {0}),
             ('users', 'UPDATE', {0}), ('messages', 'INSERT', {0}),
             ('message_statuses', 'INSERT', {0})) AS w(relation, privilege, wanted)
JOIN pg_catalog.pg_class c ON c.relname = w.relation
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace AND n.nspname = $1
WHERE w.wanted AND NOT pg_catalog.has_table_privilege(c.oid, w.privilege)
UNION ALL
SELECT 'USAGE on the schema' FROM pg_catalog.pg_namespace
WHERE nspname = $1 AND NOT pg_catalog.has_schema_privilege(oid, 'USAGE')
)sql";

// What migrations/postgres makes and deliveries use. Names of columns in a key are sorted. A key
// must cover every row, or ON CONFLICT would let a duplicate in.
constexpr std::string_view tables_sql = R"sql(
WITH wanted(relation, names, keys) AS (VALUES
  ('inbox', 'id,source,dedupe_key,node,seq,received_at,stored_at,method,target,remote_address,'
            'content_type,headers,body,payload,flags,traceparent', 'id;dedupe_key,source'),
  ('users', 'provider,external_id,phone_number,display_name,first_seen_at,last_seen_at',
            'external_id,provider'),
  ('messages', 'provider,message_id,user_external_id,direction,kind,text_body,media,'
               'context_message_id,sent_at,raw,entry_id', 'message_id,provider'),
  ('message_statuses', 'provider,message_id,recipient,status,at,error,entry_id',
                       'message_id,provider,recipient,status')),
present AS (
  SELECT w.relation, w.names, w.keys, c.oid
  FROM wanted w LEFT JOIN (
    pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace AND n.nspname = $1)
    ON c.relname = w.relation AND c.relkind IN ('r', 'p'))
SELECT 'missing', relation FROM present WHERE oid IS NULL
UNION ALL
SELECT 'unfit', p.relation || ' has no column ' || name
FROM present p, pg_catalog.unnest(pg_catalog.string_to_array(p.names, ',')) name
WHERE p.oid IS NOT NULL AND NOT EXISTS (
  SELECT FROM pg_catalog.pg_attribute a
  WHERE a.attrelid = p.oid AND a.attname = name AND a.attnum > 0 AND NOT a.attisdropped)
UNION ALL
SELECT 'unfit',
  p.relation || ' has no unique index on (' || pg_catalog.replace(key, ',', ', ') || ')'
FROM present p, pg_catalog.unnest(pg_catalog.string_to_array(p.keys, ';')) key
WHERE p.oid IS NOT NULL AND NOT EXISTS (
  SELECT FROM pg_catalog.pg_index i
  WHERE i.indrelid = p.oid AND i.indisunique AND i.indisvalid AND i.indimmediate
    AND i.indpred IS NULL AND i.indexprs IS NULL AND i.indnatts = i.indnkeyatts
    AND key = (SELECT pg_catalog.string_agg(a.attname, ',' ORDER BY a.attname)
               FROM pg_catalog.pg_attribute a
               WHERE a.attrelid = p.oid AND a.attnum = ANY (i.indkey)))
)sql";

std::int64_t number(std::string_view text) {
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::expected<ServerFacts, SqlError> ask(Session& session, const std::string& schema,
                                         bool uses_operations, const Clock& clock,
                                         SteadyTime deadline) {
  ServerFacts facts;
  const auto link = session.link();
  facts.is_local = link.is_local;
  facts.has_tls = link.has_tls;
  facts.tls_version = link.tls_version;
  facts.sslmode = link.sslmode;
  // The first statement on a session pays for more than the way.
  if (const auto woken = session.run("SELECT 1", deadline); !woken)
    return std::unexpected(woken.error());
  const std::array parameters{Parameter{schema, false}};
  const auto began = clock.steady_now();
  const auto rows = session.run(std::string(facts_sql), parameters, false, deadline);
  if (!rows) return std::unexpected(rows.error());
  const auto took = clock.steady_now() - began;
  const auto text = [&](int column) { return std::string(rows->value(0, column).value_or("")); };
  facts.round_trip = std::chrono::duration_cast<std::chrono::milliseconds>(took);
  const WallTime theirs{std::chrono::milliseconds(number(text(2)))};
  facts.clock_ahead = theirs - (clock.wall_now() - facts.round_trip / 2);
  facts.version = static_cast<int>(number(text(0)));
  facts.version_text = text(1);
  facts.user = text(3);
  facts.read_only = text(4) == "t";
  facts.synchronous_commit = text(5);
  facts.fsync = text(6) == "t";
  facts.schema_exists = text(7) == "t";
  facts.inbox_exists = text(8) == "t";
  facts.can_create = text(9) == "t";
  const auto lacks = session.run(std::format(lacks_format, uses_operations ? "true" : "false"),
                                 parameters, false, deadline);
  if (!lacks) return std::unexpected(lacks.error());
  for (int row = 0; row < lacks->size(); ++row)
    facts.lacks.emplace_back(lacks->value(row, 0).value_or(""));
  const auto tables = session.run(std::string(tables_sql), parameters, false, deadline);
  if (!tables) return std::unexpected(tables.error());
  for (int row = 0; row < tables->size(); ++row) {
    auto& found = tables->value(row, 0) == "missing" ? facts.missing_tables : facts.unfit;
    found.emplace_back(tables->value(row, 1).value_or(""));
  }
  return facts;
}

}  // namespace

std::expected<ServerFacts, Failure> look_at_server(const DestinationConfig& config,
                                                   bool uses_operations, const Clock& clock) {
  return with_session("looking at the server", config, clock,
                      [&](Session& session, SteadyTime deadline) {
                        return ask(session, config.schema, uses_operations, clock, deadline);
                      });
}

}  // namespace holdfast::postgres
