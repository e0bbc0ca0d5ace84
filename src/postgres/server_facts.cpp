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
