#include "postgres/operations.hpp"

#include <array>
#include <format>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "postgres/binary_array.hpp"
#include "postgres/limits.hpp"
#include "postgres/operations_rows.hpp"
#include "postgres/operations_twilio.hpp"
#include "postgres/operations_whatsapp.hpp"

namespace holdfast::postgres {
namespace {

// Of two sightings the later one names the user, and of the same second the greater name wins:
// where every sighting has a name, any order ends in the same row. After a later one without a name
// an older name may stand. LEAST, GREATEST and coalesce pass over nulls.
constexpr std::string_view users_format = R"sql(
INSERT INTO {}.users AS u (provider, external_id, phone_number, display_name, first_seen_at,
                           last_seen_at)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[],
                     $6::timestamptz[])
ON CONFLICT (provider, external_id) DO UPDATE SET
  phone_number = CASE
    WHEN excluded.last_seen_at = u.last_seen_at
      THEN greatest(excluded.phone_number COLLATE "C", u.phone_number)
    WHEN excluded.last_seen_at < u.last_seen_at
      THEN coalesce(u.phone_number, excluded.phone_number)
    ELSE coalesce(excluded.phone_number, u.phone_number) END,
  display_name = CASE
    WHEN excluded.last_seen_at = u.last_seen_at
      THEN greatest(excluded.display_name COLLATE "C", u.display_name)
    WHEN excluded.last_seen_at < u.last_seen_at
      THEN coalesce(u.display_name, excluded.display_name)
    ELSE coalesce(excluded.display_name, u.display_name) END,
  first_seen_at = least(u.first_seen_at, excluded.first_seen_at),
  last_seen_at = greatest(u.last_seen_at, excluded.last_seen_at))sql";

constexpr std::string_view messages_format = R"sql(
INSERT INTO {}.messages (provider, message_id, user_external_id, direction, kind, text_body, media,
                         context_message_id, sent_at, raw, entry_id)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
                     $7::jsonb[], $8::text[], $9::timestamptz[], $10::jsonb[], $11::uuid[])
ON CONFLICT (provider, message_id) DO NOTHING)sql";

constexpr std::string_view statuses_format = R"sql(
INSERT INTO {}.message_statuses (provider, message_id, recipient, status, at, error, entry_id)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[],
                     $6::jsonb[], $7::uuid[])
ON CONFLICT (provider, message_id, recipient, status) DO NOTHING)sql";

/// One column of a statement: what `value` gives of each row.
template <class Row, class Value>
BinaryArray column(const std::vector<Row>& rows, ElementType type, Value value) {
  BinaryArray array(type);
  for (const auto& row : rows) {
    if constexpr (std::is_same_v<Value, std::string Row::*>) {
      array.add(std::string_view(row.*value));
    } else {
      array.add(row.*value);
    }
  }
  return array;
}

template <std::size_t count>
std::expected<void, SqlError> run(Session& session, const std::string& sql,
                                  const std::array<BinaryArray, count>& columns,
                                  SteadyTime deadline) {
  std::vector<Parameter> parameters;
  for (const auto& array : columns) parameters.push_back({array.bytes()});
  if (const auto done = session.run(sql, parameters, false, deadline); !done)
    return std::unexpected(done.error());
  return {};
}

std::expected<void, SqlError> write_users(Session& session, const std::string& sql,
                                          const std::vector<UserRow>& rows, SteadyTime deadline) {
  if (rows.empty()) return {};
  using enum ElementType;
  return run(
      session, sql,
      std::array{column(rows, text, &UserRow::provider), column(rows, text, &UserRow::external_id),
                 column(rows, text, &UserRow::phone_number),
                 column(rows, text, &UserRow::display_name),
                 column(rows, timestamptz, &UserRow::first_seen_at),
                 column(rows, timestamptz, &UserRow::last_seen_at)},
      deadline);
}

std::expected<void, SqlError> write_messages(Session& session, const std::string& sql,
                                             const std::vector<MessageRow>& rows,
                                             SteadyTime deadline) {
  if (rows.empty()) return {};
  using enum ElementType;
  return run(
      session, sql,
      std::array{
          column(rows, text, &MessageRow::provider), column(rows, text, &MessageRow::message_id),
          column(rows, text, &MessageRow::user_external_id),
          column(rows, text, &MessageRow::direction), column(rows, text, &MessageRow::kind),
          column(rows, text, &MessageRow::text_body), column(rows, jsonb, &MessageRow::media),
          column(rows, text, &MessageRow::context_message_id),
          column(rows, timestamptz, &MessageRow::sent_at), column(rows, jsonb, &MessageRow::raw),
          column(rows, uuid, &MessageRow::entry_id)},
      deadline);
}

std::expected<void, SqlError> write_statuses(Session& session, const std::string& sql,
                                             const std::vector<StatusRow>& rows,
                                             SteadyTime deadline) {
  if (rows.empty()) return {};
  using enum ElementType;
  return run(
      session, sql,
      std::array{column(rows, text, &StatusRow::provider),
                 column(rows, text, &StatusRow::message_id),
                 column(rows, text, &StatusRow::recipient), column(rows, text, &StatusRow::status),
                 column(rows, timestamptz, &StatusRow::at), column(rows, jsonb, &StatusRow::error),
                 column(rows, uuid, &StatusRow::entry_id)},
      deadline);
}

OperationRows rows_of(Operations operations, const Entry& entry) {
  switch (operations) {
    case Operations::whatsapp: return whatsapp_rows(entry);
    case Operations::twilio: return twilio_rows(entry);
    case Operations::none: break;
  }
  return {};
}

}  // namespace

OperationsWriter::OperationsWriter(const std::string& schema) {
  const std::string quoted = quote_identifier(schema);
  users_sql_ = std::format(users_format, quoted);
  messages_sql_ = std::format(messages_format, quoted);
  statuses_sql_ = std::format(statuses_format, quoted);
}

std::expected<void, SqlError> OperationsWriter::write(Session& session, Operations operations,
                                                      std::span<const Entry* const> entries,
                                                      SteadyTime deadline) const {
  OperationRows rows;
  for (const auto* entry : entries) rows.append(rows_of(operations, *entry));
  rows = merged(std::move(rows));
  return write_users(session, users_sql_, rows.users, deadline)
      .and_then([&] { return write_messages(session, messages_sql_, rows.messages, deadline); })
      .and_then([&] { return write_statuses(session, statuses_sql_, rows.statuses, deadline); });
}

}  // namespace holdfast::postgres
