// A webhook becomes rows of users, messages and statuses: none of them may be one that Postgres
// refuses for its content, or a whole batch would wait for one sender's whim.

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/encoding.hpp"
#include "fuzz/target.hpp"
#include "postgres/operations_json.hpp"
#include "postgres/operations_rows.hpp"
#include "postgres/operations_twilio.hpp"
#include "postgres/operations_whatsapp.hpp"

namespace holdfast::fuzz {
namespace {

using namespace holdfast::postgres;

void check_text(const std::optional<std::string>& text) {
  if (text) HOLDFAST_CHECK(base::is_utf8(*text) && !text->contains('\0'), "text for Postgres");
}
void check_key(const std::string& key) {
  HOLDFAST_CHECK(!key.empty() && key.size() <= operation_key_bytes_max, "a key fits an index");
  check_text(key);
}
void check_json(const std::optional<std::string>& text) {
  if (!text) return;
  check_text(text);
  HOLDFAST_CHECK(nlohmann::json::accept(*text) || JsonTape::read(*text).has_value(), "it is JSON");
  HOLDFAST_CHECK(!text->contains('\0'), "and has no NUL");
}
void check_time(WallTime time) {
  // timestamptz holds 4713 BC to 294276 AD.
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
  HOLDFAST_CHECK(seconds > -210'000'000'000 && seconds < 9'000'000'000'000, "a time of Postgres");
}

void check_rows(const OperationRows& rows) {
  for (const auto& user : rows.users) {
    check_key(user.external_id);
    check_text(user.display_name);
    check_text(user.phone_number);
    if (user.phone_number)
      HOLDFAST_CHECK(user.phone_number->starts_with('+') && user.phone_number->size() <= 16,
                     "E.164");
    check_time(user.first_seen_at);
    check_time(user.last_seen_at);
  }
  for (const auto& message : rows.messages) {
    check_key(message.message_id);
    check_text(message.user_external_id);
    check_text(message.kind);
    check_text(message.text_body);
    check_text(message.context_message_id);
    check_json(message.media);
    check_json(message.raw);
    check_time(message.sent_at);
  }
  for (const auto& status : rows.statuses) {
    check_key(status.message_id);
    check_key(status.status);
    check_text(status.recipient);
    HOLDFAST_CHECK(status.recipient.size() <= operation_key_bytes_max, "a key fits an index");
    check_json(status.error);
    check_time(status.at);
  }
}

void check_merged(const OperationRows& rows) {
  OperationRows twice = rows;
  twice.append(rows);
  const auto once = merged(rows);
  const auto both = merged(twice);
  HOLDFAST_CHECK(once.users.size() == both.users.size() &&
                     once.messages.size() == both.messages.size() &&
                     once.statuses.size() == both.statuses.size(),
                 "a repeat makes no row");
  for (std::size_t i = 1; i < once.messages.size(); ++i)
    HOLDFAST_CHECK(once.messages[i - 1].message_id < once.messages[i].message_id, "sorted, unique");
  for (std::size_t i = 1; i < once.users.size(); ++i)
    HOLDFAST_CHECK(once.users[i - 1].external_id < once.users[i].external_id, "sorted, unique");
}

void check_operations(std::string_view input) {
  Entry entry;
  entry.source = "fuzz";
  entry.received_at = WallTime(std::chrono::milliseconds(1'763'938'162'123));
  entry.method = "POST";
  entry.target = "/hook";
  entry.content_type = "application/json";
  entry.body = input;
  const auto whatsapp = whatsapp_rows(entry);
  check_rows(whatsapp);
  check_merged(whatsapp);
  entry.content_type = "application/x-www-form-urlencoded";
  const auto twilio = twilio_rows(entry);
  check_rows(twilio);
  check_merged(twilio);
  HOLDFAST_CHECK(twilio.messages.size() <= 1 && twilio.statuses.size() <= 1, "one message a form");
  if (const auto number = e164(input))
    HOLDFAST_CHECK(*number == "+" + std::string(input) && input.size() <= 15, "E.164");
}

}  // namespace
}  // namespace holdfast::fuzz

HOLDFAST_FUZZ_TARGET("operations", holdfast::fuzz::check_operations);
