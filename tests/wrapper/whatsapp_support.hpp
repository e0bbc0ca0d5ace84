#pragma once

#include <memory>
#include <optional>
#include <pqxx/pqxx>
#include <string>
#include <string_view>
#include <vector>

#include "../postgres/operations_support.hpp"
#include "fixture.hpp"
#include "postgres/destination.hpp"

namespace holdfast {

inline constexpr WallTime message_at{std::chrono::seconds(1'749'416'383)};

inline WallTime second(int n) {
  return message_at + std::chrono::seconds(n);
}
inline WhatsAppUser user(std::string id, std::optional<std::string> name = {},
                         WallTime seen_at = message_at) {
  return {.external_id = std::move(id), .display_name = std::move(name), .seen_at = seen_at};
}
inline WhatsAppMessage message(std::string id, std::optional<std::string> text = "Hello") {
  return {.message_id = std::move(id),
          .user_external_id = "16505551234",
          .text_body = std::move(text),
          .sent_at = message_at};
}

/// A webhook of one message by somebody with this name.
inline Entry webhook_of(std::string_view id, std::string_view rest, std::string_view name = "Ann",
                        std::string_view from = "16505551234", int at = 0) {
  using namespace postgres;
  const auto time = std::to_string(second(at).time_since_epoch() / 1s);
  return webhook(
      envelope(change(std::format(R"("contacts":[{}],"messages":[{}])", contact_json(from, name),
                                  message_json(id, rest, from, time)))));
}
inline constexpr std::string_view text_part = R"("type":"text","text":{"body":"Hello"})";

/// Servers as in Fixture, and a relay's destination that has made its tables and writes them.
struct WhatsAppFixture : Fixture {
  WhatsAppFixture() {
    DestinationConfig config;
    config.url = Secret(cluster.url());
    SourceConfig source;
    source.name = "sender";
    source.operations = Operations::whatsapp;
    auto created = postgres::PostgresDestination::create(
        config, std::vector{source}, base::random_uuid(), clock, [](const LogEvent&) {});
    REQUIRE(created.has_value());
    relay = std::move(*created);
    deliver(postgres::webhook("{}"));
    cluster.query("ALTER DATABASE postgres SET search_path = holdfast, public");
  }

  void deliver(Entry entry) {
    entry.seq = ++delivered;
    REQUIRE(relay->deliver({&entry, 1}).has_value());
  }
  [[nodiscard]] std::vector<std::string> row(std::string_view sql) const {
    const auto rows = cluster.query(sql);
    REQUIRE(rows.size() == 1);
    return rows[0];
  }
  /// Both tables as text, in the order of their keys.
  [[nodiscard]] std::vector<std::vector<std::string>> tables() const {
    auto all = cluster.query("SELECT to_jsonb(u)::text FROM users u ORDER BY 1");
    for (auto& each :
         cluster.query("SELECT (to_jsonb(m) - 'entry_id')::text FROM messages m ORDER BY 1"))
      all.push_back(std::move(each));
    return all;
  }
  void clear() { cluster.query("TRUNCATE users, messages"); }

  SystemClock clock;
  std::unique_ptr<postgres::PostgresDestination> relay;
  std::int64_t delivered = 0;
  WhatsAppOperations operations;
};

}  // namespace holdfast
