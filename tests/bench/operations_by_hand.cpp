#include "operations_by_hand.hpp"

#include <cstdint>
#include <format>
#include <stdexcept>
#include <string>

#include "by_hand.hpp"
#include "inbox_by_hand.hpp"
#include "sample.hpp"

namespace holdfast::bench {
namespace {

constexpr std::uint32_t text = 25;
constexpr std::uint32_t json = 3802;
constexpr std::uint32_t time = 1184;
constexpr std::uint32_t uuid = 2950;

const std::string activities_sql = R"sql(
INSERT INTO public.activities (id, user_id, kind, data)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::jsonb[])
ON CONFLICT DO NOTHING)sql";

// As in src/postgres/operations_sql.cpp.
const std::string users_sql = R"sql(
INSERT INTO holdfast.users AS u (provider, external_id, phone_number, display_name, first_seen_at,
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

const std::string messages_sql = R"sql(
INSERT INTO holdfast.messages (provider, message_id, user_external_id, direction, kind, text_body, media,
                         context_message_id, sent_at, raw, entry_id)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
                     $7::jsonb[], $8::text[], $9::timestamptz[], $10::jsonb[], $11::uuid[])
ON CONFLICT (provider, message_id) DO NOTHING)sql";

/// Before what the entries mean, the entries themselves, where that is wanted.
class Inbox {
 public:
  explicit Inbox(bool wanted) : wanted_(wanted), sql_(inbox_insert()), arrays_(inbox_types()) {}

  void begin() { arrays_.begin(); }
  void add(std::uint64_t number, const std::string& body) {
    if (wanted_) add_to_inbox(arrays_, number, body);
  }
  void write(Session& session) const {
    if (wanted_) session.insert(sql_, arrays_.values());
  }

 private:
  bool wanted_;
  std::string sql_;
  Arrays arrays_;
};

/// Microseconds since 2000, as Postgres counts.
std::string postgres_time(std::uint64_t unix_seconds) {
  return network((unix_seconds - 946'684'800) * 1'000'000);
}

void add_user(Arrays& users, std::uint64_t number) {
  const auto phone = sample_phone(number);
  users.add(0, "whatsapp");
  users.add(1, phone);
  users.add(2, "+" + phone);
  users.add(3, sample_name);
  users.add(4, postgres_time(sample_second(number)));
  users.add(5, postgres_time(sample_second(number)));
}

void add_message(Arrays& messages, std::uint64_t number, std::size_t body_bytes) {
  const auto message = sample_message(number, body_bytes);
  messages.add(0, "whatsapp");
  messages.add(1, "wamid." + sample_key(number));
  messages.add(2, sample_phone(number));
  messages.add(3, "inbound");
  messages.add(4, "text");
  messages.add(5, sample_text(body_bytes));
  messages.add_null(6);
  messages.add_null(7);
  messages.add(8, postgres_time(sample_second(number)));
  messages.add(9, jsonb(message));
  messages.add(10, uuid_of(number));
}

}  // namespace

int write_declared(Options& options) {
  Inbox inbox(options.count("inbox", 0) != 0);
  const Work work(options);
  Session session(work.url);
  Arrays activities({text, text, text, json});
  return in_batches(work, [&](std::size_t first, std::size_t last) {
    inbox.begin();
    activities.begin();
    for (auto number = first; number <= last; ++number) {
      const auto body = sample_body(number, work.body_bytes);
      inbox.add(number, body);
      activities.add(0, sample_key(number));
      activities.add(1, std::format("u{}", number % 1000));
      activities.add(2, "message");
      activities.add(3, jsonb(body));
    }
    session.run("BEGIN");
    inbox.write(session);
    session.insert(activities_sql, activities.values());
    session.run("COMMIT");
  });
}

int write_whatsapp(Options& options) {
  Inbox inbox(options.count("inbox", 0) != 0);
  const Work work(options);
  // Each sender is met once a batch, for the upsert takes each only once.
  if (work.batch > sample_senders) throw std::runtime_error("reading --batch: more than 1000");
  Session session(work.url);
  Arrays users({text, text, text, text, time, time});
  Arrays messages({text, text, text, text, text, text, json, text, time, json, uuid});
  return in_batches(work, [&](std::size_t first, std::size_t last) {
    inbox.begin();
    users.begin();
    messages.begin();
    for (auto number = first; number <= last; ++number) {
      inbox.add(number, sample_webhook(number, work.body_bytes));
      add_user(users, number);
      add_message(messages, number, work.body_bytes);
    }
    session.run("BEGIN");
    inbox.write(session);
    session.insert(users_sql, users.values());
    session.insert(messages_sql, messages.values());
    session.run("COMMIT");
  });
}

}  // namespace holdfast::bench
