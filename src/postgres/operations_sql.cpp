#include "postgres/operations_sql.hpp"

#include <format>
#include <string_view>
#include <type_traits>

#include "postgres/limits.hpp"

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

/// A column: a member of each row.
template <class Member>
struct Column {
  ElementType type;
  Member member;
};

template <class Row, class Member>
BinaryArray array_of(const std::vector<Row>& rows, Column<Member> column) {
  BinaryArray array(column.type);
  for (const auto& row : rows) {
    if constexpr (std::is_same_v<Member, std::string Row::*>) {
      array.add(std::string_view(row.*column.member));
    } else {
      array.add(row.*column.member);
    }
  }
  return array;
}

template <class Row, class... Member>
OperationStatement statement(const std::string& sql, const std::vector<Row>& rows,
                             Column<Member>... columns) {
  OperationStatement made{&sql, {}};
  made.columns.reserve(sizeof...(columns));
  (made.columns.push_back(array_of(rows, columns)), ...);
  return made;
}

}  // namespace

OperationStatements::OperationStatements(const std::string& schema) {
  const std::string quoted = quote_identifier(schema);
  users_sql_ = std::format(users_format, quoted);
  messages_sql_ = std::format(messages_format, quoted);
  statuses_sql_ = std::format(statuses_format, quoted);
}

OperationStatement OperationStatements::users(const std::vector<UserRow>& rows) const {
  using enum ElementType;
  return statement(
      users_sql_, rows, Column{text, &UserRow::provider}, Column{text, &UserRow::external_id},
      Column{text, &UserRow::phone_number}, Column{text, &UserRow::display_name},
      Column{timestamptz, &UserRow::first_seen_at}, Column{timestamptz, &UserRow::last_seen_at});
}

OperationStatement OperationStatements::messages(const std::vector<MessageRow>& rows) const {
  using enum ElementType;
  return statement(
      messages_sql_, rows, Column{text, &MessageRow::provider},
      Column{text, &MessageRow::message_id}, Column{text, &MessageRow::user_external_id},
      Column{text, &MessageRow::direction}, Column{text, &MessageRow::kind},
      Column{text, &MessageRow::text_body}, Column{jsonb, &MessageRow::media},
      Column{text, &MessageRow::context_message_id}, Column{timestamptz, &MessageRow::sent_at},
      Column{jsonb, &MessageRow::raw}, Column{uuid, &MessageRow::entry_id});
}

OperationStatement OperationStatements::statuses(const std::vector<StatusRow>& rows) const {
  using enum ElementType;
  return statement(statuses_sql_, rows, Column{text, &StatusRow::provider},
                   Column{text, &StatusRow::message_id}, Column{text, &StatusRow::recipient},
                   Column{text, &StatusRow::status}, Column{timestamptz, &StatusRow::at},
                   Column{jsonb, &StatusRow::error}, Column{uuid, &StatusRow::entry_id});
}

}  // namespace holdfast::postgres
